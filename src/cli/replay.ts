import cliProgress from 'cli-progress';
import { Command, Option } from 'commander';
import { ApiClient } from '../api/client.js';
import { SocketError } from '../api/errors.js';
import { openClock } from '../clock/open.js';
import type { Config } from '../config/load.js';
import type { ReplayRequest } from '../sink/pump.js';
import { forget, refusedSegments } from '../sink/refused.js';
import { configuredSinks } from '../sink/registry.js';
import { type ReplayProgress, type ReplayResult, replaySegments, selectSegments } from '../sink/replay.js';
import { listSealed } from '../spool/catalog.js';
import { readCursor } from '../spool/cursors.js';
import { lockDirectory } from '../spool/lock.js';
import type { Segment } from '../spool/segment.js';
import { plural, wholeText } from '../text/format.js';
import { goOnAsOwner } from './collector-user.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';
import { type AnswerOptions, addAnswerOptions, writeObject } from './json-output.js';
import { openStore, spoolDirectory } from './open-store.js';
import { addConfigOptions, configOf } from './options.js';
import { colour, note, write } from './output.js';
import { admitConfigured } from './readers.js';
import { parseTime, TIME_FORMS } from './time.js';

const EXAMPLES = `
What the sink has stays as it is: only what is missing is brought, so this may be repeated. What it has is looked at itself: rows, files, messages of a topic.
A store also tells whether its rows say what was delivered, makes connections and incidents anew that are missing, and writes wrong rows again with --replace.
Of files and topics only sequences are compared: what their lines or messages say is not. What the spool no longer has cannot be brought (spool.max_bytes, spool.max_age).
Asks the running collector, or opens the data directory when none runs. A segment is brought whole when one of its events lies between the two times.
Exit code 5: something could not be brought, or says something else and stayed so.

Examples:
  vslog replay --sink kafka --since 2h
  vslog replay --sink clickhouse --since 2026-01-31T10:00 --until 2026-01-31T12:00
  vslog replay --sink embedded --replace       what somebody changed in the store
  vslog replay --sink kafka --refused          what it refused, once its cause is mended`;

/** Segments that are named. */
const TOLD = 10;

interface ReplayOptions extends AnswerOptions {
  readonly sink: string;
  readonly since?: string;
  readonly until?: string;
  /** As --since and --until were called. */
  readonly from?: string;
  readonly to?: string;
  readonly refused?: boolean;
  readonly replace?: boolean;
}

/** `vslog replay`: delivered segments once more, to a sink that lost something. */
export function replayCommand(version: string): Command {
  const command = new Command('replay')
    .description('Bring what is in the spool to a sink once more; what it has stays as it is.')
    .requiredOption('--sink <NAME>', 'which: as in vslog status')
    .option('--since <TIME>', `from then on: ${TIME_FORMS} (default: all that the spool has)`)
    .option('--until <TIME>', 'before then (default: now)')
    .addOption(new Option('--from <TIME>', 'the old name of --since').hideHelp())
    .addOption(new Option('--to <TIME>', 'the old name of --until').hideHelp())
    .option('--refused', 'the segments that the sink refused and that are set aside, instead of the spool’s')
    .option('--replace', 'write again what says something else than the spool (stores only)')
    .addHelpText('after', EXAMPLES);
  addConfigOptions(addAnswerOptions(command, 'object'), 'replay');
  return command.action(async (options: ReplayOptions) => {
    const request = requestOf(options, Date.now());
    const stop = new AbortController();
    const onSignal = (): void => stop.abort();
    process.once('SIGINT', onSignal);
    process.once('SIGTERM', onSignal);
    const bar = progressBar();
    let result: ReplayResult;
    try {
      result = await replay(configOf(command, 'replay'), version, options.sink, request, bar.update, stop.signal);
    } catch (error) {
      if (stop.signal.aborted)
        throw new Failure(Exit.failure, 'Ended before everything was brought; what was brought stays, and the command may be repeated.');
      throw error;
    } finally {
      bar.stop();
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    }
    await (options.output === 'text' ? write(resultText(result)) : writeObject(options.output, result));
    const stayed = (result.changed?.length ?? 0) > (result.replaced?.length ?? 0);
    if (result.failed.length > 0 || stayed) throw new Failure(Exit.incomplete, '');
  });
}

function requestOf({ since, until, from, to, refused = false, replace = false }: ReplayOptions, now: number): ReplayRequest {
  if ((since !== undefined && from !== undefined) || (until !== undefined && to !== undefined))
    throw new Failure(Exit.usage, '--from and --to are the old names of --since and --until: leave them out.');
  const seconds = (flag: string, text: string | undefined): number | undefined =>
    text === undefined ? undefined : parseTime(flag, text, now) / 1000;
  const [fromSeconds, toSeconds] = [seconds('since', since) ?? seconds('from', from), seconds('until', until) ?? seconds('to', to)];
  if (fromSeconds !== undefined && toSeconds !== undefined && fromSeconds >= toSeconds)
    throw new Failure(Exit.usage, '--since must be earlier than --until.');
  return { fromSeconds, toSeconds, refused, replace };
}

async function replay(
  { values, origins }: Config,
  version: string,
  name: string,
  request: ReplayRequest,
  onProgress: (progress: ReplayProgress) => void,
  signal: AbortSignal,
): Promise<ReplayResult> {
  try {
    return await new ApiClient(values['collector.api_socket']).replay(name, request, onProgress, signal);
  } catch (error) {
    // A collector that was named must be the one that answers.
    if (!(error instanceof SocketError) || signal.aborted || origins['collector.api_socket'] === '--api-socket') throw error;
  }
  for (const line of goOnAsOwner(values)) note(line);
  const directory = spoolDirectory(values);
  const lock = await lockDirectory(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    const { 'collector.data_dir': data } = values;
    throw new Failure(Exit.unreachable, `No collector runs, and there is no data in ${data}: name the directory by --data-dir.`);
  });
  admitConfigured(values);
  const { now } = await openClock(directory);
  const store = await openStore(values, now);
  const sinks = [...(store === undefined ? [] : [store]), ...(await configuredSinks(values, { spoolDirectory: directory, version, now }))];
  try {
    const sink = sinks.find((one) => one.name === name);
    if (sink === undefined)
      throw new Failure(
        Exit.usage,
        `There is no sink ${JSON.stringify(name)}: there are ${sinks.map((one) => one.name).join(', ') || 'none'}.`,
      );
    await sink.start();
    if (request.refused !== true) {
      const reading = await readCursor(directory, name);
      // What was delivered is looked for there before it is sent; so is everything, where nobody knows how far the sink is.
      const upTo = reading.state === 'whole' ? reading.cursor.delivered : reading.state === 'absent' ? 0 : Number.POSITIVE_INFINITY;
      const delivered = (await listSealed(directory)).filter(({ id }) => id <= upTo);
      return await replaySegments(sink, await selectSegments(delivered, request), onProgress, signal, undefined, request.replace);
    }
    const chosen = await selectSegments(await refusedSegments(directory, name), request);
    const onDelivered = (segment: Segment): Promise<void> => forget(directory, name, segment);
    return await replaySegments(sink, chosen, onProgress, signal, onDelivered, request.replace);
  } finally {
    for (const sink of sinks) await sink.close();
    await lock.close();
  }
}

/** On standard error, and only where somebody looks. */
function progressBar(): { update: (progress: ReplayProgress) => void; stop: () => void } {
  if (process.stderr.isTTY !== true) return { update: () => undefined, stop: () => undefined };
  const bar = new cliProgress.SingleBar({
    format: '{bar} {percentage} %  {value} of {total} events, {segments} of {ofSegments} segments, {eta_formatted} left',
    hideCursor: true,
    clearOnComplete: true,
  });
  let started = false;
  return {
    update({ segments, ofSegments, events, ofEvents }) {
      const payload = { segments: wholeText(segments), ofSegments: wholeText(ofSegments) };
      if (started) bar.update(events, payload);
      else bar.start(ofEvents, events, payload);
      started = true;
    },
    stop: () => bar.stop(),
  };
}

function resultText({ sink, segments, events, absent, derived, changed, replaced, failed }: ReplayResult): string {
  const brought =
    absent === null
      ? 'what it had stayed as it was'
      : absent === 0
        ? 'it had all of them'
        : `${plural(absent, 'event')} of them it did not have`;
  const lines = [`${plural(segments, 'segment')} with ${plural(events, 'event')} compared with sink ${sink}: ${brought}`];
  if (derived !== null && derived > 0) lines.push(`${plural(derived, 'row')} of connections and incidents it did not have, and has now`);
  const again = new Set(replaced);
  const left = (changed ?? []).filter((id) => !again.has(id));
  if (again.size > 0)
    lines.push(
      `${plural(again.size, 'segment')} said something else and ${again.size === 1 ? 'was' : 'were'} written again: ${some([...again])}`,
    );
  if (left.length > 0)
    lines.push(
      colour.red(
        `${plural(left.length, 'segment')} ${left.length === 1 ? 'has' : 'have'} rows that say something else than the spool, and stayed so: ${some(left)}. --replace writes them again`,
      ),
    );
  for (const { id, reason } of failed) lines.push(colour.red(`segment ${id} could not be brought: ${reason}`));
  return `${lines.join('\n')}\n`;
}

function some(ids: readonly number[]): string {
  return ids.length > TOLD ? `${ids.slice(0, TOLD).join(', ')} and ${ids.length - TOLD} more` : ids.join(', ');
}
