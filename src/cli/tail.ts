import { Command, Option } from 'commander';
import { ApiClient } from '../api/client.js';
import { type Batch, nextEvent } from '../wire/batch.js';
import { v1 } from '../wire/proto.js';
import { eventsOf, type LogEvent } from './event.js';
import { EVENT_FIELDS } from './event-field.js';
import { plainEvent, prettyEvent } from './event-text.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';
import { type FilterOptions, filterBytes, groupsFor } from './filter.js';
import { whole } from './numbers.js';
import { addConfigOptions, configOf } from './options.js';
import { note, write } from './output.js';

/** What protobuf has: events of connections. */
const CONNECTION_KINDS: ReadonlySet<string> = new Set(Object.keys(v1.EventKind.Value));
const FIELDS = Object.entries(EVENT_FIELDS).map(([name, { doc }]) => `  ${name.padEnd(13)} ${doc}`);

const EXAMPLES = `
Values of one filter are alternatives; all filters that are given must hold. The capture applies them, so a narrow tail costs next to nothing.
-o protobuf has connections only, no changes: ConnEvents with their length before them, the log's own bytes.

An expression tests fields by =, !=, in, <, <=, >, >= and joins tests by and, or, not and parentheses. What an event does not have is equal to nothing, so != and not
pass it. The fields:
${FIELDS.join('\n')}

Examples:
  vslog tail --rs 192.168.1.11
  vslog tail --client 10.0.0.0/8 --kind create expire
  vslog tail --kind nodest_drop -o jsonl | jq .
  vslog tail --vs 10.9.8.7:443 --reason nodest template_quiesced -n 10
  vslog tail --where 'client in 10.0.0.0/8 and (reason in (nodest, flushed) or duration > 1h)'`;

interface TailOptions extends FilterOptions {
  readonly output: 'pretty' | 'json' | 'jsonl' | 'protobuf';
  readonly json?: boolean;
  readonly count?: string;
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
    .option('--json', 'the same as -o jsonl')
    .option('-n, --count <N>', 'end after N events')
    .option('--client <ADDRESS...>', 'only these clients: address, network or address:port')
    .option('--vs <ADDRESS...>', 'only these virtual services')
    .option('--rs <ADDRESS...>', 'only these real servers')
    .option('--kind <KIND...>', 'only these kinds: create, expire, nodest_drop, sched_fail, real_changed, ...')
    .option('--reason <REASON...>', 'only ends for these reasons: timeout, nodest, flushed, ...')
    .option('--protocol <PROTOCOL...>', 'only these protocols: tcp, udp, sctp or a number')
    .option('--where <EXPRESSION>', 'only events that fit, such as "rs = 10.0.0.7:80 and duration > 5m"')
    .addHelpText('after', EXAMPLES);
  addConfigOptions(command, 'tail');
  return command.action((options: TailOptions) => tail(options, configOf(command, 'tail').values['collector.api_socket']));
}

async function tail(options: TailOptions, socket: string): Promise<void> {
  const wanted = { groups: groupsFor(options), filter: filterBytes(options) };
  const most = options.count === undefined ? Number.POSITIVE_INFINITY : Number(options.count);
  if (!(most >= 1) || (options.count !== undefined && !Number.isSafeInteger(most))) {
    throw new Failure(Exit.usage, `--count is ${JSON.stringify(options.count)}: it must be a whole number from 1.`);
  }
  const form = options.json === true ? 'jsonl' : options.output;
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
  let shown = 0;
  let missed = 0n;
  const text = (log: LogEvent): string => {
    if (form === 'pretty') return prettyEvent(log);
    const json = JSON.stringify(plainEvent(log));
    return form === 'jsonl' ? `${json}\n` : `${shown === 1 ? '[\n' : ',\n'}${json}`;
  };
  try {
    await new ApiClient(socket).tail(
      wanted,
      {
        onBatch: async (batch) => {
          if (form === 'protobuf') {
            const { bytes, count } = firstOf(batch, most - shown);
            shown += count;
            if (count > 0) await write(bytes);
            if (shown >= most) end.abort();
            return;
          }
          let lines = '';
          for (const log of eventsOf(batch)) {
            shown++;
            lines += text(log);
            if (shown >= most) {
              end.abort();
              break;
            }
          }
          if (lines !== '') await write(lines);
        },
        onMissed: (overrun) => {
          missed += overrun.missed;
          note(
            `missed ${whole(Number(overrun.missed))} events (sequences ${overrun.first} to ${overrun.last}): this reader is too slow; they are in the log`,
          );
        },
      },
      end.signal,
    );
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
    if (form === 'json') await write(shown === 0 ? '[]\n' : '\n]\n');
  }
  if (missed > 0n) note(`missed ${whole(Number(missed))} events in all`);
}

/** The bytes of a batch's first connection events, as they are. */
function firstOf({ record, body, count }: Batch, most: number): { readonly bytes: Uint8Array; readonly count: number } {
  if (record !== 'conn') return { bytes: body.subarray(0, 0), count: 0 };
  if (count <= most) return { bytes: body, count };
  let at = 0;
  for (let i = 0; i < most; i++) at = nextEvent(body, at).end;
  return { bytes: body.subarray(0, at), count: most };
}
