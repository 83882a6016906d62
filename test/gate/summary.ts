import type { RunResult, StageResult, TestResult } from './results.js';

/** Lines that the failures may take together: the whole summary stays within the last 200 lines of a run. */
const FAILURE_LINES = 130;
const SLOWEST = 10;

/** Puts a run together from its stages. */
export function runOf(stages: readonly StageResult[], more: Pick<RunResult, 'started' | 'seconds' | 'patience' | 'load'>): RunResult {
  const tests = stages.flatMap((stage) => stage.tests);
  const sum = (key: 'passed' | 'failed'): number => stages.reduce((total, stage) => total + stage[key], 0);
  return {
    ...more,
    passed: sum('passed'),
    failed: sum('failed'),
    stages,
    failures: tests.filter(({ outcome }) => outcome === 'failed' || outcome === 'skipped'),
    flaky: tests.filter(({ outcome }) => outcome === 'flaky'),
    slowest: [...tests].sort((a, b) => b.seconds - a.seconds).slice(0, SLOWEST),
  };
}

/**
 * What is printed at the end of a run: each failure in short, flaky tests, the slowest, the stages, and "N passed, M failed" as the last line. `unwritten`: why there is no
 * JSON of it, which is one failure more.
 */
export function summaryOf(run: RunResult, unwritten?: string): string[] {
  const problems = run.stages.flatMap((stage) => stage.problems.map((problem) => ({ title: `${stage.name}: the stage`, text: problem })));
  const failed = run.failures.map((test) => ({ title: `${test.stage}: ${test.name}`, text: shortOf(test) }));
  const unsaved = unwritten === undefined ? [] : [{ title: 'the results', text: unwritten }];
  const all = [...unsaved, ...failed, ...problems];
  const each = Math.max(3, Math.floor(FAILURE_LINES / Math.max(1, all.length)) - 1);
  // Where there is no room for all of them, each has its title at least.
  const titled = Math.min(all.length, FAILURE_LINES);
  const shown = all.slice(0, Math.max(1, Math.floor((FAILURE_LINES - titled) / each)));
  const lines: string[] = [];
  if (all.length > 0) {
    lines.push('', `=== ${all.length} failures`);
    for (const { title, text } of shown) lines.push(`✗ ${clipped(title)}`, ...cut(text, each).map((line) => `    ${clipped(line)}`));
    for (const { title } of all.slice(shown.length, titled)) lines.push(`✗ ${clipped(title)}`);
    if (all.length > titled) lines.push(`… and ${all.length - titled} more, in .cache/test/results.json`);
  }
  if (run.flaky.length > 0) {
    lines.push('', `=== ${run.flaky.length} flaky: failed, and passed at the second try`);
    for (const test of run.flaky.slice(0, 5))
      lines.push(`~ ${clipped(`${test.stage}: ${test.name}`)}`, ...cut(test.message ?? '', 3).map((line) => `    ${clipped(line)}`));
  }
  lines.push('', '=== the slowest');
  for (const { stage, name, seconds } of run.slowest) lines.push(`${seconds.toFixed(1).padStart(7)} s  ${clipped(`${stage}: ${name}`)}`);
  lines.push('', `${'stage'.padEnd(8)} ${'passed'.padStart(7)} ${'failed'.padStart(7)} ${'time'.padStart(8)}`);
  for (const stage of run.stages) {
    const time = `${Math.round(stage.seconds)} s`;
    lines.push(`${stage.name.padEnd(8)} ${String(stage.passed).padStart(7)} ${String(stage.failed).padStart(7)} ${time.padStart(8)}`);
  }
  const [before, after] = run.load;
  lines.push(
    `All of it took ${Math.round(run.seconds)} s; the load was ${before.toFixed(1)} when it began and ${after.toFixed(1)} when it ended; patience ${run.patience}. JSON: .cache/test/results.json`,
    `${run.passed} passed, ${run.failed + unsaved.length} failed`,
  );
  return lines;
}

/** A failure's message without what a stack says of libraries, and the last lines of its processes. */
function shortOf({ message = '', logs }: TestResult): string {
  const lines = message.split('\n').filter((line) => !/^\s+at .*(node_modules|node:)/.test(line));
  return logs === undefined ? lines.join('\n') : [...lines, ...logs.split('\n')].join('\n');
}

/** The first and the last lines of a long text. */
function cut(text: string, most: number): string[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  if (lines.length <= most) return lines;
  const head = Math.ceil(most * 0.6);
  const tail = most - head - 1;
  return [...lines.slice(0, head), `… ${lines.length - head - tail} lines …`, ...(tail > 0 ? lines.slice(-tail) : [])];
}

function clipped(line: string): string {
  return line.length <= 240 ? line : `${line.slice(0, 239)}…`;
}
