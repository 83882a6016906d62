import { describe, expect, it } from 'vitest';
import { goneSpans } from '../../../src/api/sealed-spans.js';
import type { SealedSpan } from '../../../src/spool/state.js';
import type { EpochReport } from '../../../src/spool/verify.js';

const NONE = new Map<string, number>();
const span = (epoch: string, first: number, last: number, firstId = 1, lastId = 9): SealedSpan => ({
  ...{ node: 'n', epoch, firstId, lastId },
  ...{ first: BigInt(first), last: BigInt(last) },
});
const inSpool = (epoch: string, first: number, last: number): EpochReport => ({
  ...{ node: 'n', epoch, local: false, gaps: [], duplicates: [] },
  ...{ first: BigInt(first), last: BigInt(last), count: last - first + 1 },
});
const inStore = (epoch: string, first: number, last: number) => ({
  ...{ node: 'n', epoch, first, last, ledger: last - first + 1, rows: 0, missing: 0, excused: 0, expired: 0 },
  ...{ spool_last: null, due: null, waiting: 0, ok: true },
});

describe('what a spool ever sealed', () => {
  it('is in the spool or in the store, at both ends', () => {
    expect(
      goneSpans([span('a', 1, 100), span('b', 1, 50)], [inSpool('b', 20, 50)], [inStore('a', 1, 100), inStore('b', 1, 19)], 0, NONE),
    ).toEqual([]);
    expect(goneSpans([span('a', 1, 100)], [inSpool('a', 20, 70)], [inStore('a', 5, 80)], 0, NONE)).toEqual([
      { node: 'n', epoch: 'a', first: 1, last: 4, excused: false },
      { node: 'n', epoch: 'a', first: 81, last: 100, excused: false },
    ]);
  });

  it('is gone where neither has anything of an epoch', () => {
    const nothing = { ...inStore('a', 0, 0), ledger: 0 };
    expect(goneSpans([span('a', 1, 100)], [], [nothing], 0, NONE)).toEqual([
      { node: 'n', epoch: 'a', first: 1, last: 100, excused: false },
    ]);
  });

  it('is not looked for where the store is known to lack it, and is excused as far as it was recorded as lost', () => {
    expect(goneSpans([span('a', 1, 100, 1, 4)], [], [], 4, NONE)).toEqual([]);
    expect(goneSpans([span('a', 1, 100, 1, 4)], [], [inStore('a', 50, 100)], 2, NONE)).toEqual([]);
    const gone = goneSpans([span('a', 1, 100), span('b', 1, 30)], [], [], 0, new Map([['n', 110]]));
    expect(gone.map(({ epoch, excused }) => [epoch, excused])).toEqual([
      ['a', true],
      ['b', false],
    ]);
  });
});
