// Has one thing after the other go wrong under load, and counts: `npm run test:fault [-- --rounds N]`. One JSON line on standard output. Needs root, a C compiler and loop mounts.
import { Command, InvalidArgumentError } from 'commander';
import { anySeed, isRight, runFaults } from './faults.js';

for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) process.once(signal, () => process.exit(130));

const positive = (text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value <= 0) throw new InvalidArgumentError('It must be a whole number above 0.');
  return value;
};

await new Command('test:fault')
  .description(
    'Under load: kills (-9) and freezes capture, collector, Kafka broker and ClickHouse server, cuts the power of the collector’s disk, fills it, puts an older copy of it back, sets the clock of collector and engine an hour forth and back, switches sinks off and on; then every sink must have every event once. Needs root, a C compiler and loop mounts.',
  )
  .option('--rounds <n>', 'how often', positive, 100)
  .option('--rate <n>', 'events a second', positive, 2000)
  .option('--seed <n>', 'chooses faults and times; default: another one each time', positive)
  .action(async ({ rounds, rate, seed = anySeed() }: { rounds: number; rate: number; seed?: number }) => {
    const figures = await runFaults({ rounds, rate, seed }, (line) => void process.stderr.write(`fault: ${line}\n`));
    process.stdout.write(`${JSON.stringify(figures)}\n`);
    if (!isRight(figures)) process.exitCode = 1;
  })
  .parseAsync();
