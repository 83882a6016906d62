import { randomBytes } from 'node:crypto';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { Command } from 'commander';
import { ApiClient } from '../../api/client.js';
import { ApiError, SocketError } from '../../api/errors.js';
import type { ErasureProgress, ErasureReport } from '../../collector/erasures.js';
import type { Config } from '../../config/load.js';
import type { Values } from '../../config/schema.js';
import { type EraseOrder, makeOrders, type OrderAuthor, removeOrder, writeOrder } from '../../erase/order.js';
import { recordByCapture } from '../../erase/record.js';
import { plural } from '../../text/format.js';
import { CaptureRefusal, ConnectionError, sentenceOf } from '../../wire/errors.js';
import { Exit } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { type AnswerForm, type AnswerOptions, addAnswerOptions, writeObject } from '../json-output.js';
import { eraseDirectory, spoolDirectory } from '../open-store.js';
import { addConfigOptions, configOf } from '../options.js';
import { note, write } from '../output.js';
import { admitConfigured } from '../readers.js';
import { TIME_FORMS } from '../time.js';
import { aloneCollector, type Carrier } from './alone.js';
import { wantedOf } from './target.js';

const EXAMPLES = `
Takes the connections of a person out of store, spool and files, for good: what is left of an event is its time, its sequence and its connection's number, so that
"vslog verify" goes on to say complete. The collector's own user and root may; asks the running collector, or works on the data directory when none runs.
The log gets who ordered it, the kind of name (address, network, hash), the reason and how many events. Not whom: so do not name the person in --reason, which is kept.

It covers what happened until now, or until --before. Connections that are open now end later, which is logged anew. What Kafka has, backups and copies are out of reach, and named.
Where addresses are hashed, give the hash: "vslog key hash ADDRESS --all". What is erased is compared with what is logged, as filters are.
Exit code 8: done, but the order stays in force for what the capture still holds.

Examples:
  vslog erase --client 203.0.113.7 --reason "request of 2026-01-31, case 17" --dry-run
  vslog erase --client 203.0.113.7 --reason "request of 2026-01-31, case 17"
  vslog erase --client 2001:db8:7::/64 --before 2026-01-01 --reason "end of contract" --yes`;

interface Options extends AnswerOptions {
  readonly client: readonly string[];
  readonly before?: string;
  readonly reason: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly withoutCapture?: boolean;
}

export function eraseCommand(version: string): Command {
  const command = new Command('erase')
    .description('Take the connections of a person out of store, spool and files, for good.')
    .option('--client <ADDRESS|CIDR|HASH>', 'whose: an address, a network or a hash as it is logged; repeatable', collect, [])
    .option('--before <TIME>', `only what happened before: ${TIME_FORMS} (default: now)`)
    .requiredOption('--reason <TEXT>', 'why; it is kept in the log, so it must not name the person')
    .option('--dry-run', 'only count what would go')
    .option('--yes', 'do not ask')
    .option('--without-capture', 'also when no capture can write it into its log: the collector then writes it into its own')
    .addHelpText('after', EXAMPLES);
  addConfigOptions(addAnswerOptions(command, 'object'), 'erase');
  return command.action(async (options: Options) => {
    const config = configOf(command, 'erase');
    const { values } = config;
    const { target, selectors, reason, notes } = wantedOf(options, values, Date.now());
    for (const line of notes) note(line);
    admitConfigured(values);
    const directory = mayErase(values);
    const order = (dryRun: boolean): EraseOrder => ({
      ...{ id: randomBytes(4).toString('hex'), target, selectors, reason, dryRun, author: self(), told: true, progress: {} },
    });
    const carrier = await carrierOf(config, version);
    try {
      const found = await carriedOut(carrier, directory, order(true));
      if (options.dryRun === true) return await tell(found, options.output);
      if (options.yes !== true) await confirm(found);
      const real = order(false);
      const told = await tellCapture(values, real, options.withoutCapture === true);
      const report = await carriedOut(carrier, directory, { ...real, told });
      await tell(report, options.output);
      if (report.in_force !== null) throw new Failure(Exit.behind, '');
    } finally {
      await carrier.close();
    }
  });
}

async function tell(report: ErasureReport, form: AnswerForm): Promise<void> {
  await (form === 'text' ? write(reportText(report)) : writeObject(form, report));
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

/** The folder of orders, into which only the collector's own user and root can write. Throws Failure when we cannot. */
function mayErase(values: Values): string {
  const data = values['collector.data_dir'];
  const directory = eraseDirectory(values);
  try {
    accessSync(data, constants.X_OK);
    if (!existsSync(spoolDirectory(values)))
      throw new Failure(Exit.unreachable, `There is no data in ${data}: name the directory by --data-dir.`);
    if (!existsSync(directory)) makeOrders(directory);
    accessSync(directory, constants.W_OK | constants.X_OK);
    return directory;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new Failure(Exit.unreachable, `There is no data in ${data}: name the directory by --data-dir.`);
    if (code === 'EACCES' || code === 'EPERM')
      throw new Failure(
        Exit.denied,
        `Only the user that the collector runs as, to whom ${data} belongs, and root may erase: who may read the log may not.`,
      );
    throw error;
  }
}

/** The running collector, or one of our own where none runs. */
async function carrierOf(config: Config, version: string): Promise<Carrier> {
  const { values, origins } = config;
  const api = new ApiClient(values['collector.api_socket']);
  try {
    await api.status();
    return { erase: (id, onProgress, signal) => api.erase(id, onProgress, signal), close: async () => undefined };
  } catch (error) {
    // A collector that was named must be the one that answers.
    if (!(error instanceof SocketError) || origins['collector.api_socket'] === '--api-socket') throw error;
  }
  return aloneCollector(values, version);
}

/** Puts the order down, and waits until it is carried out. One that cannot be handed over is taken back. */
async function carriedOut(carrier: Carrier, directory: string, order: EraseOrder): Promise<ErasureReport> {
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  await writeOrder(directory, order);
  try {
    return await carrier.erase(order.id, progressLine(), stop.signal);
  } catch (error) {
    // What was begun is brought to its end, whoever waits for it. One that was refused was not begun.
    const refused = error instanceof ApiError || error instanceof RangeError;
    if (order.dryRun || refused) await removeOrder(directory, order.id);
    if (order.dryRun && stop.signal.aborted) throw new Failure(Exit.failure, 'Nothing was changed.');
    if (order.dryRun || refused) throw error;
    const why = stop.signal.aborted ? 'No longer waited for.' : sentenceOf(error);
    throw new Failure(
      Exit.failure,
      `${why} The order ${order.id} stays in force, and is carried out by the running collector or its next start.`,
    );
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

/** Has the order written into the capture's log before anything is changed. False: that is left to the collector. Throws Failure. */
async function tellCapture(values: Values, { id, selectors, reason, target }: EraseOrder, without: boolean): Promise<boolean> {
  const socket = values['capture.socket'];
  try {
    await recordByCapture(socket, { stage: 'ordered', id, selectors, reason, beforeNs: target.beforeNs });
    return true;
  } catch (error) {
    if (without && (error instanceof ConnectionError || error instanceof CaptureRefusal)) return false;
    const otherwise = 'Nothing was changed. With --without-capture the collector writes it into its own log instead.';
    if (error instanceof CaptureRefusal)
      throw new Failure(Exit.denied, `The capture at ${socket} does not write it into its log: ${error.message} ${otherwise}`);
    if (error instanceof ConnectionError)
      throw new Failure(
        Exit.unreachable,
        `What is erased must stand in the log before, and no capture can be asked: ${sentenceOf(error)} ${otherwise}`,
      );
    throw error;
  }
}

function self(): OrderAuthor {
  let loginUid = 0xffffffff;
  try {
    loginUid = Number(readFileSync('/proc/self/loginuid', 'utf8'));
  } catch {
    // A kernel without audit.
  }
  return { uid: process.getuid?.() ?? 0xffffffff, loginUid, pid: process.pid };
}

/** Throws Failure when the answer is no, or nobody can answer. */
async function confirm(found: ErasureReport): Promise<void> {
  const what = `${plural(found.events, 'event')} of ${plural(found.connections, 'connection')}`;
  if (process.stdin.isTTY !== true) throw new Failure(Exit.usage, `${what} would be erased: say --yes, or --dry-run to see where.`);
  process.stderr.write(reportText(found));
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`Erase ${what}? It cannot be undone. [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) throw new Failure(Exit.failure, 'Nothing was changed.');
  } finally {
    terminal.close();
  }
}

/** On standard error: what keeps it from going on always, how far it is only where somebody looks. */
function progressLine(): (progress: ErasureProgress) => void {
  let said = performance.now();
  let problems = '';
  return ({ step, problem }) => {
    if (problem !== null) {
      if (problem !== problems) note(`${problem} The order stays in force, and is tried again.`);
      problems = problem;
      return;
    }
    if (process.stderr.isTTY !== true || performance.now() - said < 1000) return;
    said = performance.now();
    note(step);
  };
}

function reportText(report: ErasureReport): string {
  const { id, dry_run, connections, events, places, beyond, in_force } = report;
  const lines = [
    dry_run
      ? `${plural(events, 'event')} of ${plural(connections, 'connection')} would be erased:`
      : `${plural(events, 'event')} of ${plural(connections, 'connection')} erased, order ${id}:`,
    ...Object.entries(places).map(([place, count]) => `  ${place}: ${plural(count, 'event')}`),
    'Out of reach:',
    ...['the capture’s journal, until it is overwritten', ...beyond, 'backups and copies of this machine’s disks'].map((one) => `  ${one}`),
    ...(in_force === null ? [] : [in_force]),
  ];
  return `${lines.join('\n')}\n`;
}
