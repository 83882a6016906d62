import { Command, Option } from 'commander';
import { ApiClient } from '../api/client.js';
import type { Past } from '../history/query.js';
import { wholeText } from '../text/format.js';
import type { Batch } from '../wire/batch.js';
import { v1 } from '../wire/proto.js';
import { EVENT_FIELDS } from './event-field.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';
import { eventFilter, type FilterOptions, filterBytes, groupsFor } from './filter.js';
import { addConfigOptions, configOf } from './options.js';
import { note } from './output.js';
import { resolved } from './place.js';
import { MOST_PAST, showPast } from './tail-past.js';
import { TailPrinter } from './tail-printer.js';
import { parseTime } from './time.js';

/** What protobuf has: events of connections. */
const CONNECTION_KINDS: ReadonlySet<string> = new Set(Object.keys(v1.EventKind.Value));
const FIELDS = Object.entries(EVENT_FIELDS).map(([name, { doc }]) => `  ${name.padEnd(13)} ${doc}`);

const EXAMPLES = `
--kind says what happened, --outcome and --reason how a connection ended: only kind expire has those. A packet that is dropped because its real server is gone is
kind nodest_drop. --last and --since begin with the log's past, and go on without a gap or a double.
Values of one filter are alternatives; all filters that are given must hold. The capture applies them, so a narrow tail costs next to nothing.
-o protobuf has connections only, no changes: ConnEvents with their length before them, the log's own bytes.

An expression tests fields by =, !=, in, <, <=, >, >= and joins tests by and, or, not and parentheses. What an event does not have is equal to nothing, so != and not
pass it. The fields:
${FIELDS.join('\n')}

Examples:
  vslog tail --rs 192.168.1.11
  vslog tail --client 10.0.0.0/8 --kind create expire
  vslog tail --kind nodest_drop -o jsonl | jq .
  vslog tail --kind nodest_drop sched_fail --last 20         what is dropped
  vslog tail --vs 10.9.8.7:443 --outcome reset server_removed -n 10
  vslog tail --where 'client in 10.0.0.0/8 and (reason in (nodest, flushed) or duration > 1h)'`;

interface TailOptions extends FilterOptions {
  readonly output: 'pretty' | 'json' | 'jsonl' | 'protobuf';
  readonly count?: string;
  readonly last?: string;
  readonly since?: string;
}

export function tailCommand(): Command {
  const command = new Command('tail')
    .description('Show events as they happen.')
    .addOption(
      new Option(
        '-o, --output <FORM>',
        'pretty: a line for people; json: one array; jsonl: an object a line; protobuf: ConnEvents as logged',
      )
        .choices(['pretty', 'json', 'jsonl', 'protobuf'])
        .default('pretty'),
    )
    .addOption(new Option('--json', 'the same as -o jsonl: an object a line, described in docs/json').implies({ output: 'jsonl' }))
    .option('-n, --count <N>', 'end after N events')
    .option('--last <N>', 'begin with the last N events of the log, then go on')
    .option('--since <TIME>', 'begin with the events since then (90s, 15m, 12:00, yesterday, ...), then go on')
    .option('--client <ADDRESS...>', 'only these clients: address, network, address:port, :port or a name')
    .option('--vs <ADDRESS...>', 'only these virtual services, likewise; also "udp ADDRESS:PORT", "fwmark 7"')
    .option('--rs <ADDRESS...>', 'only these real servers or hosts, likewise')
    .option('--kind <KIND...>', 'only these kinds: create, expire, nodest_drop (dropped packets), sched_fail, real_changed, ...')
    .option('--outcome <OUTCOME...>', 'only ends with these outcomes: closed, reset, idle, never_established, server_removed, ...')
    .option(
      '--reason <REASON...>',
      "only ends for these reasons of the balancer's: timeout, nodest, flushed, ...; only kind expire has one",
    )
    .option('--protocol <PROTOCOL...>', 'only these protocols: tcp, udp, sctp or a number')
    .option('--where <EXPRESSION>', 'only events that fit, such as "rs = 10.0.0.7:80 and duration > 5m"')
    .addHelpText('after', EXAMPLES);
  addConfigOptions(command, 'tail');
  return command.action((options: TailOptions) => tail(options, configOf(command, 'tail').values['collector.api_socket']));
}

/** How long nothing may come until a person is told that we wait, ms. */
const QUIET_MS = 1500;
/** Bytes of live events that are held while the past is asked for. */
const HELD_BYTES = 64 << 20;

async function tail(said: TailOptions, socket: string): Promise<void> {
  const options = await resolved(said, ['client', 'vs', 'rs']);
  const filter = eventFilter(options);
  const wanted = { groups: groupsFor(options), filter: filterBytes(options) };
  const most = countOf('count', options.count) ?? Number.POSITIVE_INFINITY;
  const past = pastOf(options.last, options.since);
  const form = options.output;
  if (form === 'protobuf' && process.stdout.isTTY === true)
    throw new Failure(Exit.usage, 'protobuf is nothing for a terminal: send it into a file or a program.');
  if (form === 'protobuf' && options.kind?.every((kind) => !CONNECTION_KINDS.has(kind)) === true)
    throw new Failure(
      Exit.usage,
      `-o protobuf has connections only, and --kind ${options.kind.join(' ')} is none of theirs: take -o jsonl.`,
    );
  const end = new AbortController();
  const stop = (): void => end.abort();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  const printer = new TailPrinter(form, most, stop);
  let missed = 0n;
  const api = new ApiClient(socket);
  const quiet = setTimeout(() => note(waitingText(options)), QUIET_MS);
  const heard = (): void => clearTimeout(quiet);
  // Live events wait until the past stands before them; when they are too many, the stream itself waits.
  let before: Promise<void> | undefined;
  let held: Batch[] | undefined = past === undefined ? undefined : [];
  let bytes = 0;
  try {
    await api.tail(
      wanted,
      {
        onBegin: (begin) => {
          if (past === undefined) return;
          before = showPast(api, filter, begin, past, printer, end.signal).then(async () => {
            for (let batch = held?.shift(); batch !== undefined; batch = held?.shift()) await printer.batch(batch);
            held = undefined;
          });
          before.then(heard, () => end.abort());
        },
        onBatch: async (batch) => {
          heard();
          if (held === undefined) return printer.batch(batch);
          held.push(batch);
          bytes += batch.body.length;
          if (bytes > HELD_BYTES) await before;
        },
        onMissed: (overrun) => {
          missed += overrun.missed;
          note(
            `missed ${wholeText(Number(overrun.missed))} events (sequences ${overrun.first} to ${overrun.last}): this reader is too slow; they are in the log`,
          );
        },
      },
      end.signal,
    );
    await before;
  } finally {
    heard();
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
    await printer.close();
  }
  if (missed > 0n) note(`missed ${wholeText(Number(missed))} events in all`);
}

function countOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 1) return number;
  throw new Failure(Exit.usage, `--${flag} is ${JSON.stringify(text)}: it must be a whole number from 1.`);
}

function pastOf(last: string | undefined, since: string | undefined): Past | undefined {
  const count = countOf('last', last);
  if (count === undefined && since === undefined) return undefined;
  if (count !== undefined && count > MOST_PAST)
    throw new Failure(Exit.usage, `--last is ${count}: it may be ${MOST_PAST} at most; vslog sql has no such limit.`);
  return { last: count ?? MOST_PAST, sinceMs: since === undefined ? undefined : parseTime('since', since, Date.now()) };
}

/** What a person reads who sees nothing. */
function waitingText({ kind, reason, outcome }: TailOptions): string {
  const hint =
    kind === undefined && (reason ?? outcome) !== undefined
      ? ' Only an end has a reason and an outcome; packets that are dropped because a real server is gone are --kind nodest_drop.'
      : '';
  return `Waiting for events; Ctrl-C ends. --last 20 shows what was before.${hint}`;
}
