import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { readVm } from '../../gate/read.js';
import type { Result } from '../../vm/result.js';
import { conclude, joined, type Played, passed, writeResults } from '../../vm/summary.js';
import { withDirectory } from '../support/temporary.js';

const result = (scenario: string, failure?: string): Result => ({
  scenario,
  seconds: 1.26,
  failure,
  ...(failure === undefined ? {} : { logs: 'console: all is well' }),
});
const kernel = '6.12';
const GOOD: Played = { kernel, first: result('masq') };
const FLAKY: Played = { kernel, first: result('tunnel', 'one end too many'), second: result('tunnel') };
const FAILED: Played = { kernel, first: result('quiesce', 'no end'), second: result('quiesce', 'still no end') };

afterEach(() => vi.restoreAllMocks());

function said(played: readonly Played[]): { lines: string[]; well: boolean } {
  const lines: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((text: string) => void lines.push(...text.split('\n').map((line) => line.trim())));
  return { well: conclude(played), lines };
}

describe('the end of a run', () => {
  it('counts a second try as passed, and tells both', () => {
    expect([GOOD, FLAKY, FAILED].map(passed)).toEqual([true, true, false]);
    const { lines, well } = said([GOOD, FLAKY]);
    expect(well).toBe(true);
    expect(lines).toEqual([
      'Passed only at the second try:',
      'FAILED 6.12 tunnel (1 s)',
      'one end too many',
      'ok     6.12 tunnel (1 s)',
      '2 passed, 0 failed',
    ]);
  });

  it('tells both tries of what failed twice, and the logs', () => {
    const { lines, well } = said([GOOD, FAILED]);
    expect(well).toBe(false);
    expect(lines).toEqual([
      'Failed:',
      'FAILED 6.12 quiesce (1 s)',
      'no end',
      'FAILED 6.12 quiesce (1 s)',
      'still no end',
      'console: all is well',
      '1 passed, 1 failed',
    ]);
  });

  it('is no success when nothing was played', () => expect(said([])).toEqual({ well: false, lines: ['0 passed, 0 failed'] }));
});

describe('a second machine', () => {
  const again: readonly Played[] = [
    { kernel, first: result('masq') },
    { kernel, first: result('tunnel') },
    { kernel, first: result('quiesce', 'no end') },
    { kernel, first: result('sctp', 'no end'), second: result('sctp') },
  ];

  it('is a second try of what had failed in the first one while its kernel lived', () => {
    const failed = ['tunnel', 'quiesce', 'sctp'].map((name) => result(name, 'before'));
    const rows = joined(kernel, failed, again, () => true);
    expect(rows.map(({ first, second }) => [first.scenario, first.failure, second && (second.failure ?? 'passed')])).toEqual([
      ['masq', undefined, undefined],
      ['tunnel', 'before', 'passed'],
      ['quiesce', 'before', 'no end'],
      ['sctp', 'before', 'passed'],
    ]);
  });

  it('forgives no more than it may', () => {
    expect(joined(kernel, [result('tunnel', 'before')], again, () => false)[1]).toEqual({ kernel, first: result('tunnel', 'before') });
  });

  it('loses nothing that it did not play', () => {
    expect(joined(kernel, [result('late', 'before')], again, () => true).at(-1)).toEqual({ kernel, first: result('late', 'before') });
  });
});

it('the gate reads what was written', () =>
  withDirectory(async (dir) => {
    const path = join(dir, 'test/vm.json');
    writeResults(path, [GOOD, FLAKY, FAILED]);
    expect(readVm('vm', path)).toEqual([
      { stage: 'vm', name: 'masq on 6.12', seconds: 1.3, outcome: 'passed', message: undefined, logs: undefined },
      { stage: 'vm', name: 'tunnel on 6.12', seconds: 2.5, outcome: 'flaky', message: 'one end too many', logs: undefined },
      { stage: 'vm', name: 'quiesce on 6.12', seconds: 2.5, outcome: 'failed', message: 'still no end', logs: 'console: all is well' },
    ]);
  }));
