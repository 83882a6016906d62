import type { Case } from './results.js';
import { lastLines } from './results.js';

/** What a test program told of itself: test/native/main.cc has the format. */
export interface Report {
  readonly planned: readonly string[];
  /** Tests that it has and does not run. */
  readonly leftOut: readonly string[];
  readonly ended: readonly {
    readonly name: string;
    readonly outcome: string;
    readonly seconds: number;
    readonly failures: readonly string[];
  }[];
  /** The test that had begun and not ended when the program did. */
  readonly running?: { readonly name: string; readonly failures: readonly string[] } | undefined;
  /** Failed expectations outside of every test. */
  readonly stray: readonly string[];
}

/** Lines of a program's output that a failure shows. */
const OUTPUT_LINES = 60;
const LEFT_OUT = 'It is left out: a test must run. Take DISABLED_ out of its name, or remove it.';

export function readReport(text: string): Report {
  const planned: string[] = [];
  const leftOut: string[] = [];
  const ended: Report['ended'][number][] = [];
  const stray: string[] = [];
  let running: { name: string; failures: string[] } | undefined;
  // A line without its end was cut off.
  for (const line of text.split('\n').slice(0, -1)) {
    const [what, first = '', outcome = '', ms = ''] = line.split('\t').map(plain);
    if (what === 'plan') planned.push(first);
    else if (what === 'leave') leftOut.push(first);
    else if (what === 'run') running = { name: first, failures: [] };
    else if (what === 'fail') (running?.failures ?? stray).push(first);
    else if (what === 'end') {
      ended.push({ name: first, outcome, seconds: Number(ms) / 1000, failures: running?.failures ?? [] });
      running = undefined;
    }
  }
  return { planned, leftOut, ended, running, stray };
}

/**
 * The tests of one program, `trouble` being how it ended if not well. A test that the program died in failed, and so did each that had not run by then, and each that it
 * leaves out.
 */
export function casesOf(program: string, report: Report, trouble: string | undefined, output: string): Case[] {
  const cases = report.ended.map(({ name, outcome, seconds, failures }): Case => {
    if (outcome === 'passed') return { ...named(name), seconds };
    const failure = outcome === 'skipped' ? 'It was skipped: a test that cannot run must fail and say why.' : failures.join('\n\n');
    return { ...named(name), seconds, failure: failure || 'It failed and did not say why.', output: outputOf(name, output) };
  });
  const told = new Set(report.ended.map(({ name }) => name));
  const { running } = report;
  const ending =
    trouble === undefined
      ? 'ended early, as if all was well'
      : trouble.includes(' ') && !/^(exit|signal)/.test(trouble)
        ? trouble
        : `ended with ${trouble}`;
  if (running !== undefined) {
    told.add(running.name);
    const failure = [`The program ${ending} in this test.`, ...running.failures].join('\n\n');
    cases.push({ ...named(running.name), seconds: 0, failure, output: outputOf(running.name, output) });
  }
  for (const name of report.planned) {
    if (told.has(name)) continue;
    cases.push({
      ...named(name),
      seconds: 0,
      failure: `It did not run: ${program} ${ending}${running === undefined ? '' : ` in ${running.name}`}.`,
    });
  }
  for (const name of report.leftOut) cases.push({ ...named(name), seconds: 0, failure: LEFT_OUT });
  const outside = [...report.stray];
  if (report.planned.length === 0 && report.leftOut.length === 0) outside.push('The program has no test.');
  if (trouble !== undefined && cases.every(({ failure }) => failure === undefined))
    outside.push(`The program ${ending} although no test failed.`);
  if (outside.length > 0) {
    cases.push({
      group: program,
      name: 'outside of its tests',
      seconds: 0,
      failure: outside.join('\n\n'),
      output: lastLines(output, OUTPUT_LINES),
    });
  }
  return cases;
}

function named(name: string): Pick<Case, 'group' | 'name'> {
  const dot = name.indexOf('.');
  return { group: name.slice(0, dot), name: name.slice(dot + 1) };
}

/** What the program printed while a test ran. */
function outputOf(name: string, output: string): string {
  const lines = output.split('\n');
  const begin = lines.findIndex((line) => line.endsWith(`[ RUN      ] ${name}`));
  if (begin < 0) return lastLines(output, OUTPUT_LINES);
  const length = lines.slice(begin + 1).findIndex((line) => line.includes('[ RUN      ]'));
  return lines
    .slice(begin + 1, length < 0 ? undefined : begin + 1 + length)
    .slice(0, OUTPUT_LINES)
    .join('\n');
}

/** A field as it was before it was written. Files are named from the checkout on, and not from the build folder. */
function plain(text: string): string {
  return text
    .replace(/(^|\\n)(?:\.\.\/)+(?=(?:test|native)\/)/g, '$1')
    .replace(/\\([tn\\])/g, (_, c: string) => (c === 't' ? '\t' : c === 'n' ? '\n' : '\\'));
}
