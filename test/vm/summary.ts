import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Result } from './result.js';

/** What was played on a kernel, once or twice. */
export interface Played {
  readonly kernel: string;
  readonly first: Result;
  /** Only where the first try failed, and there was a second one. */
  readonly second?: Result;
}

/** As many scenarios in a run may pass at their second try: an emulated processor can lose a race with the kernel's timers. */
export const MOST_FLAKY = 2;

export const passed = ({ first, second }: Played): boolean => (second ?? first).failure === undefined;

/**
 * What a second machine played, with what had failed in the first one before its kernel died: that has passed at its second try at best. `maySecond` is asked for each of these.
 */
export function joined(kernel: string, failed: readonly Result[], again: readonly Played[], maySecond: () => boolean): Played[] {
  const rows = again.map((one) => {
    const first = failed.find(({ scenario }) => scenario === one.first.scenario);
    if (first === undefined) return one;
    const second = one.second ?? one.first;
    return second.failure !== undefined || maySecond() ? { kernel, first, second } : { kernel, first };
  });
  const alone = failed.filter(({ scenario }) => !again.some(({ first }) => first.scenario === scenario));
  return [...rows, ...alone.map((first) => ({ kernel, first }))];
}

const indented = (text: string): string => text.replaceAll('\n', '\n    ');

/** Says how something went. */
export function report(kernel: string, { scenario, seconds, failure }: Result): void {
  const head = `${failure === undefined ? 'ok    ' : 'FAILED'} ${kernel} ${scenario} (${seconds.toFixed(0)} s)`;
  console.log(failure === undefined ? `  ${head}` : `  ${head}\n    ${indented(failure)}`);
}

/** Says again what failed and what passed only at its second try, then how many did which. Returns whether all is well. */
export function conclude(played: readonly Played[]): boolean {
  const flaky = played.filter((one) => one.second !== undefined && passed(one));
  if (flaky.length > 0) console.log('Passed only at the second try:');
  for (const { kernel, first, second } of flaky) {
    report(kernel, first);
    if (second !== undefined) report(kernel, second);
  }
  const failed = played.filter((one) => !passed(one));
  if (failed.length > 0) console.log('Failed:');
  for (const { kernel, first, second } of failed) {
    report(kernel, first);
    if (second !== undefined) report(kernel, second);
    const logs = (second ?? first).logs;
    if (logs !== undefined) console.log(`    ${indented(logs)}`);
  }
  console.log(`${played.length - failed.length} passed, ${failed.length} failed`);
  return failed.length === 0 && played.length > 0;
}

/** Writes the results for programs: one object for each thing played. */
export function writeResults(path: string, played: readonly Played[]): void {
  const rows = played.map((one) => {
    const { kernel, first, second } = one;
    const { failure, logs } = second ?? first;
    return {
      name: first.scenario,
      kernel,
      seconds: Number((first.seconds + (second?.seconds ?? 0)).toFixed(1)),
      failure,
      logs,
      // What the first try failed with.
      flaky: failure === undefined ? first.failure : undefined,
    };
  });
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(rows, undefined, 2)}\n`);
}
