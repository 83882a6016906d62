// Measures: `npm run bench -- NAME [--json]`. One JSON line on standard output; what it does meanwhile on standard error.
import { Command, InvalidArgumentError } from 'commander';
import { engine } from './engine.js';
import { five } from './five.js';
import { freshness } from './freshness.js';
import { kafka } from './kafka.js';
import { pipeline } from './pipeline.js';
import { query } from './query.js';
import { start } from './start.js';
import { storm, stormTable } from './storm.js';

// Debian keeps conntrack, ulogd and nft where only root's path leads.
process.env.PATH = `${process.env.PATH ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`;

// Ending by a signal runs the exit handlers too: no process and no folder stays behind.
for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) process.once(signal, () => process.exit(130));

const positive = (text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value <= 0) throw new InvalidArgumentError('It must be a whole number above 0.');
  return value;
};
const say = (line: string): void => void process.stderr.write(`bench: ${line}\n`);

function table(figures: object, indent = ''): string {
  return Object.entries(figures)
    .map(([name, value]) =>
      typeof value === 'object' && value !== null
        ? `${indent}${name}\n${table(value, `${indent}  `)}`
        : `${indent}${name.padEnd(26 - indent.length)}${String(value)}`,
    )
    .join('\n');
}

async function report<T extends object>(
  json: boolean | undefined,
  run: Promise<T>,
  text: (figures: T) => string = (all) => table(all),
): Promise<void> {
  const figures = await run;
  process.stdout.write(`${json === true ? JSON.stringify(figures) : text(figures)}\n`);
}

const program = new Command('bench').description(
  'Measures vslog on this machine. Ratios within one run count; absolute figures are of this machine at this moment.',
);
program
  .command('pipeline')
  .description('engine load → socket → spool → embedded store → rows counted by SQL, beside ClickHouse alone with the same bytes')
  .option('--connections <n>', 'how many the load makes; about two events each', positive, 2_000_000)
  .option('--json', 'one JSON line')
  .action(({ json, connections }: { json?: boolean; connections: number }) => report(json, pipeline({ connections }, say)));
program
  .command('engine')
  .description('the embedded balancer alone on one core: packets, births and ends, memory a connection')
  .option('--entries <n>', 'connections in the table while memory is measured', positive, 10_000_000)
  .option('--births <n>', 'births with their ends that are measured, and five times as many packets', positive, 4_000_000)
  .option('--json', 'one JSON line')
  .action(({ json, ...options }: { json?: boolean; entries: number; births: number }) => report(json, engine(options, say)));
program
  .command('freshness')
  .description('from an event to its row, and to `vslog tail`')
  .option('--rate <n>', 'events a second', positive, 10_000)
  .option('--seconds <n>', 'for how long', positive, 20)
  .option('--json', 'one JSON line')
  .action(({ json, ...options }: { json?: boolean; rate: number; seconds: number }) => report(json, freshness(options, say)));
program
  .command('kafka')
  .description(
    "a spool of the engine's load → collector → Kafka broker in batch framing, beside kafka-producer-perf-test with as many bytes",
  )
  .option('--connections <n>', 'how many the load makes; about two events each', positive, 2_000_000)
  .option('--json', 'one JSON line')
  .action(({ json, connections }: { json?: boolean; connections: number }) => report(json, kafka({ connections }, say)));
program
  .command('query')
  .description('a week of history in the embedded store: how large it is, and how long people wait for its reports')
  .option('--events <n>', 'how many', positive, 100_000_000)
  .option('--days <n>', 'of how many days', positive, 7)
  .option('--times <n>', 'how often each question is asked; the median counts', positive, 5)
  .option('--store <dir>', 'keep the store there, or ask the one that is there')
  .option('--json', 'one JSON line')
  .action(({ json, store, ...options }: { json?: boolean; events: number; days: number; times: number; store?: string }) =>
    report(json, query({ ...options, store }, say)),
  );
program
  .command('five')
  .description(
    'the five questions that vslog exists for, over a week of history: how long each command takes, from the key to the end of its answer',
  )
  .option('--events <n>', 'how many', positive, 10_000_000)
  .option('--days <n>', 'of how many days', positive, 7)
  .option('--times <n>', 'how often each is asked; the median counts', positive, 5)
  .option('--json', 'one JSON line')
  .action(({ json, ...options }: { json?: boolean; events: number; days: number; times: number }) => report(json, five(options, say)));
program
  .command('storm')
  .description(
    'the same flood of UDP flows against vslog, conntrack -E and ulogd, in a network namespace: what each keeps, owns up to, and costs (root)',
  )
  .option('--flows <n>', 'how many; two events each', positive, 500_000)
  .option('--rate <n>', 'flows a second instead of as fast as they go', positive)
  .option('--json', 'one JSON line')
  .action(({ json, ...options }: { json?: boolean; flows: number; rate?: number }) => report(json, storm(options, say), stormTable));
program
  .command('start')
  .description('user time of short commands (--version, --help, knob ls, sql, completion) against `node -e 0`')
  .option('--times <n>', 'how often each is run; the median counts', positive, 15)
  .option('--json', 'one JSON line')
  .action(({ json, ...options }: { json?: boolean; times: number }) => report(json, start(options, say)));

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
process.exit();
