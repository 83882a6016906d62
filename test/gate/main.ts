// Runs the tests, all of them even when one fails: `npm test`, `npm run check`, `npm run test:long`.
// The last line is always "N passed, M failed". A stage that could not run, ran nothing, or left something out, failed.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { PATIENCE_VARIABLE, patienceFactor } from '../support/patience.js';
import { endAll, ended } from './process.js';
import type { RunResult, StageResult } from './results.js';
import { runStage, type Surroundings } from './run.js';
import { CHECK, GATE, type Lanes, long } from './stages.js';
import { runOf, summaryOf } from './summary.js';

const ROOT = resolve(import.meta.dirname, '../..');
const LOGS = join(ROOT, '.cache/test');
const RESULTS = join(LOGS, 'results.json');
/** Stages that run beside each other are a load, too. */
const PATIENCE_BESIDE = 2;
const PROGRESS_MS = 60_000;

for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) process.once(signal, () => endAll(signal));

/** Those of the stages that were named; all without a name. */
function chosen(phases: readonly Lanes[], names: readonly string[]): readonly Lanes[] {
  const known = phases.flat(2).map(({ name }) => name);
  for (const name of names) {
    if (!known.includes(name)) throw new InvalidArgumentError(`"${name}" is no stage; they are ${known.join(', ')}.`);
  }
  const wanted = (lanes: Lanes): Lanes =>
    lanes.map((lane) => lane.filter(({ name }) => names.length === 0 || names.includes(name))).filter((lane) => lane.length > 0);
  return phases.map(wanted).filter((lanes) => lanes.length > 0);
}

async function run(phases: readonly Lanes[], more: NodeJS.ProcessEnv = {}): Promise<void> {
  const began = performance.now();
  const started = new Date().toISOString();
  const before = loadavg()[0] ?? 0;
  const patience = Math.max(phases.some((lanes) => lanes.length > 1) ? PATIENCE_BESIDE : 1, patienceFactor());
  const env = { ...process.env, ...more, [PATIENCE_VARIABLE]: String(patience), FORCE_COLOR: '0', NO_COLOR: '1' };
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const surroundings: Surroundings = { root: ROOT, logs: LOGS, env, say };
  mkdirSync(LOGS, { recursive: true });
  rmSync(RESULTS, { force: true });
  const running = new Map<string, number>();
  const progress = setInterval(() => {
    const names = [...running].map(([name, since]) => `${name} for ${Math.round((performance.now() - since) / 1000)} s`);
    say(`test: running ${names.join(', ')}`);
  }, PROGRESS_MS);
  const results: StageResult[] = [];
  const runLane = async (lane: Lanes[number]): Promise<void> => {
    for (const stage of lane) {
      if (ended()) return;
      say(`test: ${stage.name} begins: ${stage.what}`);
      running.set(stage.name, performance.now());
      const result = await runStage(stage, surroundings);
      running.delete(stage.name);
      results.push(result);
      say(`test: ${stage.name} ended: ${result.passed} passed, ${result.failed} failed in ${Math.round(result.seconds)} s`);
    }
  };
  try {
    for (const lanes of phases) await Promise.all(lanes.map(runLane));
  } finally {
    clearInterval(progress);
  }
  const order = phases.flat(2).map(({ name }) => name);
  results.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  const seconds = (performance.now() - began) / 1000;
  const whole = runOf(results, { started, seconds, patience, load: [before, loadavg()[0] ?? 0] });
  const unwritten = write(whole);
  for (const line of summaryOf(whole, unwritten)) say(line);
  if (ended()) process.exitCode = 130;
  else process.exitCode = whole.failed === 0 && whole.passed > 0 && results.length === order.length && unwritten === undefined ? 0 : 1;
}

/** Returns why the results could not be written. */
function write(whole: RunResult): string | undefined {
  try {
    writeFileSync(RESULTS, JSON.stringify(whole, undefined, 1));
    return undefined;
  } catch (error) {
    return `${RESULTS} could not be written: ${error instanceof Error ? error.message : String(error)}`;
  }
}

const positive = (text: string): number => {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('It must be a number above 0.');
  return value;
};
const append = (value: string, before: readonly string[]): readonly string[] => [...before, value];

const program = new Command('test').description('Runs the tests. Logs and results are in .cache/test.');
program
  .command('all', { isDefault: true })
  .description('every test; with names, those stages only')
  .argument(
    '[stage...]',
    `stages: ${GATE.flat(2)
      .map(({ name }) => name)
      .join(', ')}`,
  )
  .action((names: readonly string[]) => run(chosen(GATE, names)));
program
  .command('check')
  .description('what finds most faults quickly: lint, types, unit tests, golden bytes, native unit tests')
  .action(() => run(CHECK));
program
  .command('long')
  .description('what takes longer than the gate may: run it before a release')
  .argument('[stage...]', 'stages: long, kafka, fault, fuzz, vm')
  .option('--minutes <n>', 'for each fuzz target', positive, 10)
  .option('--rounds <n>', 'faults, one after the other', positive, 100)
  .option('--kernel <folder>', 'play every scenario on this kernel, too (repeatable); the folder holds boot/ and lib/modules/', append, [])
  .action((names: readonly string[], { minutes, rounds, kernel }: { minutes: number; rounds: number; kernel: readonly string[] }) =>
    run(chosen(long({ minutes, rounds, kernels: kernel }), names), { VSLOG_TEST_LONG: '1' }),
  );
try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`test: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
