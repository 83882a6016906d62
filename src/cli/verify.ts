import { Command } from 'commander';
import { ApiClient } from '../api/client.js';
import type { ErasedReport } from '../api/erased.js';
import { SocketError } from '../api/errors.js';
import { type Before, type Verdict, type Verification, type VerificationProgress, verifyAll } from '../api/verification.js';
import { openClock } from '../clock/open.js';
import type { Config } from '../config/load.js';
import type { Values } from '../config/schema.js';
import type { SinkToCompare } from '../sink/comparison.js';
import { configuredSinks } from '../sink/registry.js';
import type { Sink } from '../sink/sink.js';
import { lockDirectory } from '../spool/lock.js';
import { NEW_ON_SPOOL } from '../spool/reconcile.js';
import { listRefusals } from '../spool/refusals.js';
import { cursorOnDisk } from '../spool/standing.js';
import { bytesText, plural, wholeText } from '../text/format.js';
import { goOnAsOwner } from './collector-user.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';
import { type AnswerOptions, addAnswerOptions, writeObject } from './json-output.js';
import { eraseDirectory, openStore, spoolDirectory } from './open-store.js';
import { addConfigOptions, configOf } from './options.js';
import { colour, note, write } from './output.js';
import { admitConfigured } from './readers.js';
import type { SourceReport } from './source-comparison.js';
import { parseDuration, parseTime, TIME_FORMS } from './time.js';
import { plainVerification } from './verify-json.js';
import { type Mark, proofText, sinkLines, stateLines } from './verify-sink-text.js';
import { verifySource } from './verify-source.js';

const EXAMPLES = `
Asks the running collector, or opens the data directory when none runs. Exit code 0: proven complete; 5: something is missing or cannot be proven;
8: nothing is missing, but a sink has not been given everything yet. That is in the spool, and on its way.
Every sink is asked how many events it has per node, epoch and hour, of those that the spool still has: a store by SQL, a topic and files by reading them.

--source also lists what the capture's source has now, by its socket, and compares that with the connections that are open in the store. What comes or goes meanwhile
does not count. The log must be one that a running collector follows. Exit code 4 when the source cannot list.

Examples:
  vslog verify
  vslog verify --source
  vslog verify --since 1d                      for cron: what was lost earlier is listed, and no failure
  vslog verify --json --data-dir /srv/vslog`;

export function verifyCommand(version: string): Command {
  const command = new Command('verify')
    .description('Prove that nothing is missing: checksums, sequences, losses, and every sink against the spool.')
    .option('--source', 'and that the log agrees with what the source has now')
    .option('--since <TIME>', `judge only what was lost from then on: ${TIME_FORMS}`)
    .option(
      '--wait <TIME>',
      'how long a sink may stand still before what is on its way to it is not waited for any longer; 0s: as it is now',
      '1m',
    )
    .addHelpText('after', EXAMPLES);
  addConfigOptions(addAnswerOptions(command, 'object'), 'verify');
  return command.action(async (options: AnswerOptions & { source?: boolean; since?: string; wait: string }) => {
    const config = configOf(command, 'verify');
    admitConfigured(config.values);
    const sinceMs = options.since === undefined ? undefined : parseTime('since', options.since, Date.now());
    const waitMs = parseDuration('wait', options.wait);
    const log = await obtain(config, version, { sinceMs, waitMs });
    const source =
      options.source === true ? await verifySource(config.values, new ApiClient(config.values['collector.api_socket']), waitMs) : undefined;
    const verdict = verdictOf(log, source?.report);
    const report = { ...log, ...(source === undefined ? {} : { source: source.report }), verdict, complete: verdict === 'complete' };
    await (options.output === 'text' ? write(verificationText(report)) : writeObject(options.output, plainVerification(report)));
    if (log.verdict === 'incomplete') throw new Failure(Exit.incomplete, '');
    if (verdict === 'on_the_way') throw new Failure(Exit.behind, '');
    if (source !== undefined && source.exit !== Exit.ok) throw new Failure(source.exit, '');
  });
}

/** What is on its way is no difference between the log and its source. */
function verdictOf({ verdict }: Verification, source: SourceReport | undefined): Verdict {
  if (source === undefined || source.ok || verdict === 'incomplete') return verdict;
  return source.behind > 0 ? 'on_the_way' : 'incomplete';
}

interface Asked {
  readonly sinceMs: number | undefined;
  readonly waitMs: number;
}

async function obtain({ values, origins }: Config, version: string, asked: Asked): Promise<Verification> {
  const onProgress = progressLine();
  try {
    return await new ApiClient(values['collector.api_socket']).verify(onProgress, asked);
  } catch (error) {
    // A collector that was named must be the one that answers.
    if (!(error instanceof SocketError) || origins['collector.api_socket'] === '--api-socket') throw error;
    return await alone(values, version, asked.sinceMs, onProgress);
  }
}

/** Opens the data directory itself; the lock keeps a collector from starting meanwhile. */
async function alone(
  values: Values,
  version: string,
  sinceMs: number | undefined,
  onProgress: (progress: VerificationProgress) => void,
): Promise<Verification> {
  for (const line of goOnAsOwner(values)) note(line);
  const directory = spoolDirectory(values);
  const lock = await lockDirectory(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT')
      throw new Failure(
        Exit.unreachable,
        `No collector runs, and there is no data in ${values['collector.data_dir']}: name the directory by --data-dir.`,
      );
    throw error;
  });
  const { now } = await openClock(directory);
  const store = await openStore(values, now);
  const others = await configuredSinks(values, { spoolDirectory: directory, version, now });
  try {
    // A server's tables are the collector's to make.
    if (values['store.kind'] === 'embedded') await store?.start();
    const sinks = async (): Promise<SinkToCompare[]> =>
      Promise.all([...(store === undefined ? [] : [store]), ...others].map((sink) => asItStands(directory, sink)));
    return await verifyAll({ spoolDirectory: directory, eraseDirectory: eraseDirectory(values), store, now, sinks, onProgress, sinceMs });
  } finally {
    for (const sink of others) await sink.close();
    await store?.close();
    await lock.close();
  }
}

async function asItStands(directory: string, sink: Sink): Promise<SinkToCompare> {
  const { cursor, doubt } = await cursorOnDisk(directory, sink.name);
  // A collector's start would look for each segment in the sink.
  const unsettled = doubt !== undefined && doubt !== NEW_ON_SPOOL;
  const refused = await listRefusals(directory, sink.name);
  return { sink, delivered: cursor.delivered, lacks: cursor.lacks, refused, doubt: unsettled ? doubt : undefined, unsettled };
}

function progressLine(): (progress: VerificationProgress) => void {
  let said = performance.now();
  return ({ segment, segments, bytes, waiting }) => {
    if (process.stderr.isTTY !== true || performance.now() - said < 1000) return;
    said = performance.now();
    const read = `${wholeText(segment)} of ${wholeText(segments)} segments, ${bytesText(bytes)}`;
    note(waiting === 0 ? read : `${read}; ${plural(waiting, 'event')} on the way to a sink (--wait 0s does not wait)`);
  };
}

/** The report for people: what is proven, and what is not. */
export function verificationText(report: Verification & { readonly source?: SourceReport }): string {
  const { spool, store, losses, sinks, source, before } = report;
  const lines: string[] = [];
  const say = (ok: Mark, text: string): void => void lines.push(`${marks()[String(ok) as `${Mark}`]} ${text}`);
  say(
    spool.damaged.length === 0,
    `spool: checksums of ${wholeText(spool.segments)} sealed segments and ${wholeText(spool.active)} open ones, ${wholeText(spool.events)} events, ${bytesText(spool.bytes)}`,
  );
  for (const { reason } of spool.damaged) say(false, reason);
  say(spool.chainBreaks.length === 0, 'spool: chain over the sealed segments');
  for (const { reason } of spool.chainBreaks) say(false, reason);
  const quarantined = spool.quarantined.filter((id) => before?.quarantined.includes(id) !== true);
  if (quarantined.length > 0) say(false, `spool: ${quarantined.length} damaged segments are in quarantine (${quarantined.join(', ')})`);
  for (const { node, epoch, first, last, gaps, duplicates } of spool.epochs) {
    const flaws = [
      ...gaps.map((gap) => `missing ${gap.first} to ${gap.last}`),
      ...duplicates.map((range) => `twice ${range.first} to ${range.last}`),
    ];
    const excused = duplicates.length === 0 && before?.epochs.some((one) => one.node === node && one.epoch === epoch) === true;
    say(
      flaws.length === 0 || excused,
      `spool: ${node} ${epoch}: sequences ${first} to ${last} ${flaws.length === 0 ? 'without a gap' : `but ${flaws.join(', ')}`}${excused ? ', which was lost before --since' : ''}`,
    );
  }
  for (const { ok, text } of stateLines(report.state)) say(ok, text);
  for (const { where, lost, records, unknown } of losses)
    say(
      where === 'sink',
      where === 'sink'
        ? `losses: ${wholeText(lost)} events were refused by a sink or gone before it had them, by ${wholeText(records)} loss records; whether it lacks them is told below`
        : `losses: ${wholeText(lost)} events were lost in ${where}, by ${wholeText(records)} loss records${unknown === true ? '; more may be missing, nobody knows how many' : ''}`,
    );
  if (losses.length === 0) say(true, before === null ? 'losses: none recorded' : 'losses: none recorded from --since on');
  if (before !== null) say(true, `before --since: ${beforeText(before)}`);
  if (!store.checked) say(store.ok, `store: not checked. ${store.reason}`);
  for (const epoch of store.epochs) {
    // The store's sink tells what waits.
    if (epoch.ledger === 0 && epoch.ok) continue;
    const flaws: string[] = [];
    if (epoch.missing !== epoch.excused) flaws.push(`${wholeText(epoch.missing)} missing`);
    if (epoch.rows + epoch.expired !== epoch.ledger) flaws.push(`${wholeText(epoch.rows)} rows`);
    if (epoch.due !== null && epoch.last < epoch.due) flaws.push(`it was given everything up to ${epoch.due}`);
    const text = `store: ${epoch.node} ${epoch.epoch}: sequences ${epoch.first} to ${epoch.last}, ${wholeText(epoch.ledger)} events in the ledger`;
    const more = [
      ...(epoch.expired > 0 ? [`, ${wholeText(epoch.expired)} expired, no longer provable`] : []),
      ...(epoch.excused > 0 ? [`, ${wholeText(epoch.excused)} were lost before --since`] : []),
    ].join('');
    const agree = epoch.expired > 0 ? `${text}, ${wholeText(epoch.rows)} rows` : `${text} and as many rows`;
    say(epoch.ok, flaws.length === 0 ? `${agree}${more}` : `${text}, but ${flaws.join(', ')}`);
  }
  for (const { ok, text } of [...erasedLines(report.erased), ...sinks.flatMap((sink) => sinkLines(sink, before?.since))]) say(ok, text);
  if (source !== undefined) for (const { ok, text } of sourceLines(source, report.verdict)) say(ok, text);
  lines.push(proofText(report.proof), verdictText(report.verdict));
  return `${lines.join('\n')}\n`;
}

const marks = (): Readonly<Record<`${Mark}`, string>> => ({
  true: colour.green('ok  '),
  false: colour.red('FAIL'),
  wait: colour.yellow('wait'),
});

function verdictText(verdict: Verdict): string {
  switch (verdict) {
    case 'complete':
      return colour.green('complete');
    case 'on_the_way':
      return colour.yellow('nothing is missing, but not everything is delivered yet');
    case 'incomplete':
      return colour.red('not complete');
  }
}

function beforeText({ losses, quarantined }: Before): string {
  const all = [
    ...losses.map(({ where, lost, records }) => `${wholeText(lost)} events lost in ${where} (${plural(records, 'loss record')})`),
    ...(quarantined.length > 0 ? [`${plural(quarantined.length, 'segment')} in quarantine (${quarantined.join(', ')})`] : []),
  ];
  return all.length === 0 ? 'nothing' : all.join(', ');
}

/** What was erased is not missing: its places are there, and the log says how many. */
function erasedLines({ spool, store, recorded, records, orders, ok }: ErasedReport): { ok: Mark; text: string }[] {
  const lines: { ok: Mark; text: string }[] = [];
  const places = [`${plural(spool, 'event')} of the spool`, ...(store === null ? [] : [`${wholeText(store)} of the store`])].join(' and ');
  const told = recorded === null ? '' : `; the log says ${wholeText(recorded)}, by ${plural(records ?? 0, 'order')}`;
  if (!ok) lines.push({ ok: false, text: `erased: of ${places} only the place is left${told}: more is erased than was ordered` });
  else if (spool > 0 || (store ?? 0) > 0 || (recorded ?? 0) > 0)
    lines.push({ ok: true, text: `erased: of ${places} only the place is left, on purpose${told}` });
  if (orders > 0)
    lines.push({
      ok: 'wait',
      text: `erased: ${plural(orders, 'order')} to erase somebody ${orders === 1 ? 'is' : 'are'} being carried out`,
    });
  return lines;
}

function sourceLines(source: SourceReport, verdict: Verdict): { ok: Mark; text: string }[] {
  if (!source.checked) return [{ ok: false, text: `source: not compared. ${source.reason}` }];
  if (source.ok) return [{ ok: true, text: `source: ${plural(source.listed, 'connection')} there now, and the log agrees` }];
  if (verdict === 'on_the_way')
    return [
      { ok: 'wait', text: `source: cannot be compared yet: ${plural(source.behind, 'event')} of the capture are on the way to the store` },
    ];
  const flaws: string[] = [];
  if (source.only_source > 0) flaws.push(`${wholeText(source.only_source)} of the source are not open in the log`);
  if (source.only_log > 0) flaws.push(`${wholeText(source.only_log)} are open in the log and not there`);
  return [
    {
      ok: false,
      text: `source: ${plural(source.listed, 'connection')} there now and ${wholeText(source.open_in_log)} open in the log: ${flaws.join('; ')}`,
    },
    ...source.examples.map(({ only, conn_id, protocol, client, virtual, real }) => ({
      ok: false,
      text: `source: only in the ${only}: ${protocol} ${client} > ${virtual} > ${real}, ${conn_id === '0' ? 'without a number' : `conn_id ${conn_id}`}`,
    })),
  ];
}
