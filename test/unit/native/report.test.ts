import { describe, expect, it } from 'vitest';
import { casesOf, readReport } from '../../native/run/report.js';

const report = (...lines: string[]): ReturnType<typeof readReport> => readReport(lines.map((line) => `${line}\n`).join(''));
const failures = (cases: ReturnType<typeof casesOf>): string[] =>
  cases.flatMap(({ group, name, failure }) => (failure === undefined ? [] : [`${group}.${name}: ${failure}`]));

const PLAN = ['plan\tA.one', 'plan\tA.two', 'plan\tB.three'];
const ONE = ['run\tA.one', 'end\tA.one\tpassed\t1500'];
const TWO = ['run\tA.two', 'end\tA.two\tpassed\t0'];
const THREE = ['run\tB.three', 'end\tB.three\tpassed\t2'];

describe('a test program', () => {
  it('that ends well has passed each of its tests', () => {
    const cases = casesOf('a-tests', report(...PLAN, ...ONE, ...TWO, ...THREE), undefined, '');
    expect(cases).toEqual([
      { group: 'A', name: 'one', seconds: 1.5 },
      { group: 'A', name: 'two', seconds: 0 },
      { group: 'B', name: 'three', seconds: 0.002 },
    ]);
  });

  it('tells what a failed test expected, and what it printed meanwhile', () => {
    const output =
      '[ RUN      ] A.one\n[       OK ] A.one\n[ RUN      ] A.two\na.cc:7: Failure\n[  FAILED  ] A.two\n[ RUN      ] B.three\n';
    const failed = ['run\tA.two', 'fail\ta.cc:7\\n\\texpected \\\\1', 'fail\tb.cc:8', 'end\tA.two\tfailed\t3'];
    const cases = casesOf('a-tests', report(...PLAN, ...ONE, ...failed, ...THREE), 'exit code 1', output);
    expect(failures(cases)).toEqual(['A.two: a.cc:7\n\texpected \\1\n\nb.cc:8']);
    expect(cases[1]?.output).toBe('a.cc:7: Failure\n[  FAILED  ] A.two');
  });

  it('that dies names the test that it died in, and fails those that did not run', () => {
    const output = '[ RUN      ] A.two\nAddressSanitizer: heap-use-after-free\n';
    const cases = casesOf('a-tests', report(...PLAN, ...ONE, 'run\tA.two', 'fail\ta.cc:7'), 'signal SIGABRT', output);
    expect(failures(cases)).toEqual([
      'A.two: The program ended with signal SIGABRT in this test.\n\na.cc:7',
      'B.three: It did not run: a-tests ended with signal SIGABRT in A.two.',
    ]);
    expect(cases.find(({ name }) => name === 'two')?.output).toContain('heap-use-after-free');
  });

  it('that is cut off in the middle of a line has told nothing with it', () => {
    const text = `${[...PLAN, ...ONE].join('\n')}\nrun\tA.two\nend\tA.two\tpass`;
    expect(failures(casesOf('a-tests', readReport(text), 'signal SIGKILL', ''))).toHaveLength(2);
  });

  it('that ends early as if all was well has not run the rest', () => {
    expect(failures(casesOf('a-tests', report(...PLAN, ...ONE), undefined, ''))).toEqual([
      'A.two: It did not run: a-tests ended early, as if all was well.',
      'B.three: It did not run: a-tests ended early, as if all was well.',
    ]);
  });

  it('that fails although no test did fails by itself: a leak that is found at its end', () => {
    const cases = casesOf('a-tests', report(...PLAN, ...ONE, ...TWO, ...THREE), 'exit code 23', 'LeakSanitizer: detected memory leaks\n');
    expect(failures(cases)).toEqual(['a-tests.outside of its tests: The program ended with exit code 23 although no test failed.']);
    expect(cases.at(-1)?.output).toContain('LeakSanitizer');
  });

  it('without tests fails, and so does one that cannot be started', () => {
    expect(failures(casesOf('a-tests', report(), undefined, ''))).toHaveLength(1);
    expect(failures(casesOf('a-tests', readReport(''), 'exit code 127', 'not found'))).toHaveLength(1);
  });

  it('fails what it skips', () => {
    const skipped = ['run\tA.two', 'end\tA.two\tskipped\t0'];
    expect(failures(casesOf('a-tests', report(...PLAN, ...ONE, ...skipped, ...THREE), undefined, ''))).toEqual([
      'A.two: It was skipped: a test that cannot run must fail and say why.',
    ]);
  });

  it('fails what it leaves out', () => {
    const left = ['plan\tA.one', 'leave\tA.DISABLED_two', ...ONE];
    expect(failures(casesOf('a-tests', report(...left), undefined, ''))).toEqual([
      'A.DISABLED_two: It is left out: a test must run. Take DISABLED_ out of its name, or remove it.',
    ]);
    expect(failures(casesOf('a-tests', report('leave\tA.DISABLED_two'), undefined, ''))).toHaveLength(1);
  });

  it('that stands still is told so', () => {
    const trouble = 'made no progress for 480 s and was ended';
    expect(failures(casesOf('a-tests', report('plan\tA.one', 'run\tA.one'), trouble, ''))).toEqual([
      'A.one: The program made no progress for 480 s and was ended in this test.',
    ]);
  });
});
