import { Command } from 'commander';
import { ApiClient } from '../api/client.js';
import type { StatusDocument } from '../api/status.js';
import { aheadText } from '../collector/clock-record.js';
import { othersText } from '../metrics/others.js';
import { lackText } from '../sink/lack.js';
import { bytesShareText, bytesText, elapsedText, plural, wholeText } from '../text/format.js';
import { plainText, plainValue } from '../text/plain.js';
import { type AnswerOptions, addAnswerOptions, writeObject } from './json-output.js';
import { addConfigOptions, configOf } from './options.js';
import { colour, pairs, write } from './output.js';

const EXAMPLES = `
Examples:
  vslog status
  vslog status --json | jq .lag_events`;

export function statusCommand(): Command {
  const command = new Command('status')
    .description('How the collector, its capture, spool, sinks and store are.')
    .addHelpText('after', EXAMPLES);
  addConfigOptions(addAnswerOptions(command, 'object'), 'status');
  return command.action(async ({ output }: AnswerOptions) => {
    const status = await new ApiClient(configOf(command, 'status').values['collector.api_socket']).status();
    await (output === 'text' ? write(statusText(status, Date.now())) : writeObject(output, status));
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
      `vslog ${status.version}, process ${status.pid}, up ${elapsedText((nowMs - Date.parse(status.started)) * 1e6)}, ${bytesText(status.rss_bytes)}`,
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
      ['log', `epoch ${account.epoch}, sequence ${wholeText(account.next_sequence - 1)}`],
      ['lag', `${wholeText(status.lag_events ?? 0)} events between capture and spool`],
      // Only the kernel's records come through one.
      ...(account.ring.bytes === 0 ? [] : [['ring', bytesShareText(account.ring.used, account.ring.bytes)] as [string, string]]),
      ['journal', bytesShareText(account.journal.used, account.journal.bytes)],
      [
        'capture uses',
        `process ${account.pid}, ${bytesText(account.rss_bytes)}, ${elapsedText(account.cpu_ns)} of CPU, ${plural(account.live, 'live subscriber')}`,
      ],
    );
  }
  entries.push([
    'spool',
    `${spool.state}: ${bytesText(spool.bytes)} in ${wholeText(spool.segments)} segments, ${wholeText(spool.active_events)} events in the open one${spool.quarantined > 0 ? colour.red(`, ${spool.quarantined} quarantined`) : ''}`,
  ]);
  for (const sink of status.sinks) {
    const state = sink.state === 'running' ? colour.green(sink.state) : colour.red(sink.state);
    entries.push([
      `sink ${sink.name}`,
      `${state}: ${wholeText(sink.delivered_events)} events delivered, ${wholeText(sink.lag_events)} to go${sink.refused > 0 ? colour.red(`, ${sink.refused} segments refused`) : ''}`,
    ]);
    if (sink.error !== null) entries.push(['', colour.red(sink.error)]);
    if (sink.doubt !== null) entries.push(['', colour.yellow(sink.doubt)]);
    if (sink.lacks !== null) entries.push(['', (sink.lacks.accepted ? String : colour.red)(lackText(sink.name, sink.lacks))]);
    for (const note of sink.notes) entries.push(['', note]);
    if (sink.failures > 0) {
      const next =
        sink.next_try === null ? 'trying now' : `next try in ${elapsedText(Math.max(0, Date.parse(sink.next_try) - nowMs) * 1e6)}`;
      entries.push([
        '',
        colour.red(`${plural(sink.failures, 'failed try').replace(/trys$/, 'tries')}, circuit ${sink.circuit.replace('_', '-')}, ${next}`),
      ]);
    }
  }
  for (const { name, lag_events: events, lag_bytes: bytes, error } of status.idle_sinks)
    entries.push(
      [`sink ${name}`, colour.yellow(`not configured: ${wholeText(events)} events, ${bytesText(bytes)}, are held back for it`)],
      ['', `${error === null ? '' : `${error} `}Configure it again, or let go of them: vslog sink forget ${name}`],
    );
  entries.push(
    ['store', status.store.dir === null ? status.store.kind : `${status.store.kind} in ${status.store.dir}`],
    ...storeEntries(status),
    ...clockEntries(status),
    ...metricsEntry(status),
    ['received', `${wholeText(counters.events)} events in ${wholeText(counters.batches)} batches, ${bytesText(counters.bytes)}`],
    ['losses', losses(status)],
  );
  return pairs(entries);
}

/** So many things that were set aside are told one by one. */
const ASIDE_TOLD = 5;

/** Only when its disk has too little room, or something of it was damaged. */
function storeEntries({ store: { disk, set_aside } }: StatusDocument): [string, string][] {
  const entries: [string, string][] = [];
  if (disk !== null && disk.free_bytes < disk.keep_free_bytes)
    entries.push([
      '',
      colour.red(
        `its disk has ${bytesText(disk.free_bytes)} free, ${bytesText(disk.keep_free_bytes)} are to stay so (store.keep_free): nothing is delivered`,
      ),
    ]);
  if (set_aside.length > 0)
    entries.push([
      'set aside',
      colour.red(`${plural(set_aside.length, 'damaged thing')} of the store, the last at ${set_aside.at(-1)?.at}`),
    ]);
  for (const { what } of set_aside.slice(-ASIDE_TOLD)) entries.push(['', colour.red(what)]);
  return entries;
}

/** Only when something is wrong. */
function clockEntries({ clock }: StatusDocument): [string, string][] {
  const entries: [string, string][] = clock.problem === null ? [] : [['clock', colour.red(clock.problem)]];
  for (const { node, ahead_s: ahead } of clock.nodes)
    entries.push([
      entries.length === 0 ? 'clock' : '',
      colour.red(
        `events of node ${node} are ${aheadText(ahead * 1000)} the collector's clock: they keep their times, and are kept from their arrival`,
      ),
    ]);
  return entries;
}

/** Only when somebody has no series of their own. */
function metricsEntry({ metrics }: StatusDocument): [string, string][] {
  const sentence = metrics === null ? undefined : othersText(metrics);
  return sentence === undefined ? [] : [['metrics', sentence]];
}

/** What the capture lost since it began, and what the spool ever told as lost. */
function losses(status: StatusDocument): string {
  const found = (status.capture.account?.losses ?? [])
    .filter(({ lost }) => lost > 0)
    .map(({ where, lost }) => `${wholeText(lost)} in ${where}`);
  for (const { where, lost, unknown } of status.spool.losses) {
    if (lost === 0 && !unknown) continue;
    const many = unknown ? `${lost === 0 ? 'nobody knows how many' : `${wholeText(lost)} or more`}` : wholeText(lost);
    found.push(`${many} ${TOLD[where] ?? `in ${where}`}`);
  }
  return found.length === 0 ? 'none' : colour.red(found.join(', '));
}

/** Places of losses that the collector tells of. */
const TOLD: Readonly<Record<string, string>> = {
  journal: 'never came from the capture',
  spool: 'were removed from the spool or damaged in it',
  sink: 'were refused by a sink',
};
