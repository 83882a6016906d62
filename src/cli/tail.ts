import { Command, Option } from 'commander';
import { ApiClient } from '../api/client.js';
import { eventsOf, type LogEvent } from './event.js';
import { plainEvent, prettyEvent } from './event-text.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';
import { eventFilter, type FilterOptions, groupsFor } from './filter.js';
import { whole } from './numbers.js';
import { addConfigOptions, configOf } from './options.js';
import { note, write } from './output.js';

const EXAMPLES = `
Values of one filter are alternatives; all filters that are given must hold.

Examples:
  vslog tail --rs 192.168.1.11
  vslog tail --client 10.0.0.0/8 --kind create expire
  vslog tail --kind nodest_drop -o jsonl | jq .
  vslog tail --vs 10.9.8.7:443 --reason nodest template_quiesced -n 10`;

interface TailOptions extends FilterOptions {
  readonly output: 'pretty' | 'json' | 'jsonl';
  readonly json?: boolean;
  readonly count?: string;
}

export function tailCommand(): Command {
  const command = new Command('tail')
    .description('Show events as they happen.')
    .addOption(
      new Option('-o, --output <FORM>', 'pretty: a line for people; json: one array; jsonl: an object a line')
        .choices(['pretty', 'json', 'jsonl'])
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
    .addHelpText('after', EXAMPLES);
  addConfigOptions(command, 'tail');
  return command.action((options: TailOptions) => tail(options, configOf(command, 'tail').values['collector.api_socket']));
}

async function tail(options: TailOptions, socket: string): Promise<void> {
  const wanted = eventFilter(options);
  const most = options.count === undefined ? Number.POSITIVE_INFINITY : Number(options.count);
  if (!(most >= 1) || (options.count !== undefined && !Number.isSafeInteger(most))) {
    throw new Failure(Exit.usage, `--count is ${JSON.stringify(options.count)}: it must be a whole number from 1.`);
  }
  const form = options.json === true ? 'jsonl' : options.output;
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
      groupsFor(options),
      {
        onBatch: async (batch) => {
          let lines = '';
          for (const log of eventsOf(batch)) {
            if (!wanted(log)) continue;
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
