import { describe, expect, it } from 'vitest';
import type { StageResult, TestResult } from '../../gate/results.js';
import { runOf, summaryOf } from '../../gate/summary.js';

const test = (more: Partial<TestResult> = {}): TestResult => ({ stage: 'e2e', name: 'a', seconds: 1, outcome: 'passed', ...more });
const failing = (i: number): TestResult =>
  test({ name: `test ${i}`, outcome: 'failed', message: `expected ${i}\n`.repeat(100), logs: 'log\n'.repeat(50) });

function stage(tests: readonly TestResult[], problems: readonly string[] = []): StageResult {
  const failed = tests.filter(({ outcome }) => outcome === 'failed').length;
  return { name: 'e2e', passed: tests.length - failed, failed: failed + problems.length, seconds: 61, problems, tests, log: 'e2e.log' };
}

function summary(...stages: readonly StageResult[]): string[] {
  return summaryOf(runOf(stages, { started: '2026-01-01T00:00:00Z', seconds: 99, patience: 2, load: [1, 2] }));
}

describe('the end of a run', () => {
  it('is the line that counts', () => {
    expect(summary(stage([test(), test()])).at(-1)).toBe('2 passed, 0 failed');
    expect(summary(stage([test(), failing(1)]), stage([test()])).at(-1)).toBe('2 passed, 1 failed');
  });

  it.each([1, 5, 40, 400])('tells of %i failures within its last 200 lines', (count) => {
    const lines = summary(
      stage(
        Array.from({ length: count }, (_, i) => failing(i)),
        ['it broke\n'.repeat(99)],
      ),
    );
    expect(lines.length).toBeLessThan(200);
    expect(lines.join('\n')).toContain('✗ e2e: test 0\n    expected 0');
    expect(lines).toContain(`=== ${count + 1} failures`);
    for (const line of lines) expect(line.length).toBeLessThan(260);
  });

  it('names each failure where there is no room for more', () => {
    const lines = summary(stage(Array.from({ length: 100 }, (_, i) => failing(i))));
    for (let i = 0; i < 100; ++i) expect(lines).toContain(`✗ e2e: test ${i}`);
    expect(lines).toContain('    expected 0');
  });

  it('says that its JSON is missing, and counts it', () => {
    const run = runOf([stage([test()])], { started: '2026-01-01T00:00:00Z', seconds: 99, patience: 2, load: [1, 2] });
    const lines = summaryOf(run, 'results.json could not be written: ENOSPC');
    expect(lines).toContain('    results.json could not be written: ENOSPC');
    expect(lines.at(-1)).toBe('1 passed, 1 failed');
  });

  it('shows what was expected and the last lines of the logs', () => {
    const lines = summary(
      stage([test({ outcome: 'failed', message: 'expected 1 to be 2\n    at node_modules/x.js:1', logs: 'capture: ended' })]),
    );
    const at = lines.indexOf('✗ e2e: a');
    expect(lines.slice(at, at + 3)).toEqual(['✗ e2e: a', '    expected 1 to be 2', '    capture: ended']);
  });

  it('lists what passed at its second try, and the slowest ten', () => {
    const slow = Array.from({ length: 12 }, (_, i) => test({ name: `slow ${i}`, seconds: i }));
    const lines = summary(stage([...slow, test({ name: 'unsteady', outcome: 'flaky', message: 'no end' })]));
    expect(lines).toContain('~ e2e: unsteady');
    expect(lines.filter((line) => / s {2}e2e: slow/.test(line))).toHaveLength(10);
    expect(lines[lines.indexOf('=== the slowest') + 1]).toBe('   11.0 s  e2e: slow 11');
  });
});
