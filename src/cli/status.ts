import { Command } from 'commander';
import { ApiClient } from '../api/client.js';
import type { StatusDocument } from '../api/status.js';
import { plainText, plainValue } from '../text/plain.js';
import { elapsed, plural, share, size, whole } from './numbers.js';
import { addConfigOptions, configOf } from './options.js';
import { colour, pairs, write } from './output.js';

const EXAMPLES = `
Examples:
  vslog status
  vslog status --json | jq .lag_events`;

export function statusCommand(): Command {
  const command = new Command('status')
    .description('How the collector, its capture, spool, sinks and store are.')
    .option('--json', 'everything, for machines')
    .addHelpText('after', EXAMPLES);
  addConfigOptions(command, 'status');
  return command.action(async (options: { json?: boolean }) => {
    const status = await new ApiClient(configOf(command, 'status').values['collector.api_socket']).status();
    await write(options.json === true ? `${JSON.stringify(status, undefined, 2)}\n` : statusText(status, Date.now()));
  });
}

/** The status for people. */
export function statusText(document: StatusDocument, nowMs: number): string {
  const status = plainValue(document, plainText);
  const { capture, spool, counters } = status;
  const { account } = capture;
  const entries: [string, string][] = [
    [
      'collector',
      `vslog ${status.version}, process ${status.pid}, up ${elapsed((nowMs - status.started_ms) * 1e6)}, ${size(status.rss_bytes)}`,
    ],
    [
      'capture',
      capture.connected
        ? `${colour.green('connected')}: ${capture.software} on ${capture.node}, source ${capture.source}`
        : colour.red('not connected'),
    ],
  ];
  if (capture.error !== null) entries.push(['', colour.red(capture.error)]);
  if (account !== null) {
    entries.push(
      ['source', `${account.source}: ${account.state}, ${plural(account.connections, 'connection')} now`],
      ['log', `epoch ${account.epoch}, sequence ${whole(account.next_sequence - 1)}`],
      ['lag', `${whole(status.lag_events ?? 0)} events between capture and spool`],
      // Only the kernel's records come through one.
      ...(account.ring.bytes === 0 ? [] : [['ring', share(account.ring.used, account.ring.bytes)] as [string, string]]),
      ['journal', share(account.journal.used, account.journal.bytes)],
      [
        'capture uses',
        `process ${account.pid}, ${size(account.rss_bytes)}, ${elapsed(account.cpu_ns)} of CPU, ${plural(account.live, 'live subscriber')}`,
      ],
    );
  }
  entries.push([
    'spool',
    `${spool.state}: ${size(spool.bytes)} in ${whole(spool.segments)} segments, ${whole(spool.active_events)} events in the open one${spool.quarantined > 0 ? colour.red(`, ${spool.quarantined} quarantined`) : ''}`,
  ]);
  for (const sink of status.sinks) {
    const state = sink.state === 'running' ? colour.green(sink.state) : colour.red(sink.state);
    entries.push([
      `sink ${sink.name}`,
      `${state}: ${whole(sink.delivered_events)} events delivered, ${whole(sink.lag_events)} to go${sink.refused > 0 ? colour.red(`, ${sink.refused} segments refused`) : ''}`,
    ]);
    if (sink.error !== null) entries.push(['', colour.red(sink.error)]);
    if (sink.failures > 0) {
      const next = sink.retry_ms === null ? 'trying now' : `next try in ${elapsed(Math.max(0, sink.retry_ms - nowMs) * 1e6)}`;
      entries.push([
        '',
        colour.red(`${plural(sink.failures, 'failed try').replace(/trys$/, 'tries')}, circuit ${sink.circuit.replace('_', '-')}, ${next}`),
      ]);
    }
  }
  entries.push(
    ['store', status.store.dir === null ? status.store.kind : `${status.store.kind} in ${status.store.dir}`],
    ['received', `${whole(counters.events)} events in ${whole(counters.batches)} batches, ${size(counters.bytes)}`],
    ['losses', losses(status)],
  );
  return pairs(entries);
}

function losses(status: StatusDocument): string {
  const found = (status.capture.account?.losses ?? [])
    .filter(({ lost }) => lost > 0)
    .map(({ where, lost }) => `${whole(lost)} in ${where}`);
  if (status.counters.lost > 0) found.push(`${whole(status.counters.lost)} never came from the capture`);
  return found.length === 0 ? 'none' : colour.red(found.join(', '));
}
