import { describe, expect, it } from 'vitest';
import { areOf, missingFrom, type Standing, standingOf } from '../../../src/spool/reconcile.js';
import { NO_STATE, type SealedPart } from '../../../src/spool/state.js';

const EPOCH = 'boot-1';
const part = (id: number, first: bigint, last: bigint, count: number): SealedPart => ({ id, node: 'n', epoch: EPOCH, first, last, count });
const segment = (id: number, ...ranges: [bigint, bigint][]) => ({
  ...{ id, chain: '', epoch: EPOCH },
  ranges: ranges.map(([first, last]) => ({ first, last })),
  count: ranges.reduce((sum, [first, last]) => sum + Number(last - first) + 1, 0),
});
const standing = (recent: readonly SealedPart[], ...segments: ReturnType<typeof segment>[]): Standing => ({
  ...{ reading: 'whole', newestBefore: recent.at(-1)?.id ?? 0, segments, before: '', elsewhere: new Set(), vanished: [] },
  ...{ state: { ...NO_STATE, recent }, position: undefined, cursors: new Map(), nowMs: 0 },
});

describe('segments that somebody removed', () => {
  it('took with them what lay between their events and was not sealed, whoever had the sealed ones', () => {
    // Of the run 1 to 9 the control segment was sealed, with 1, 5 and 9, and the other one not.
    const all = standing([part(1, 1n, 9n, 3)]);
    expect(missingFrom(all, new Map([['a', 1]]))).toMatchObject({
      loss: {
        lost: 6n,
        detail: expect.stringMatching(/; with them went 6 events between them that were not sealed yet\.$/),
      },
      position: { epoch: EPOCH, sequence: 9n },
    });
    expect(missingFrom(all, new Map([['a', 0]]))).toMatchObject({ loss: { lost: 9n } });
  });

  it('lack nothing between them that another segment has, or had', () => {
    const there = standing([part(1, 2n, 8n, 6), part(2, 1n, 9n, 3)], segment(1, [2n, 4n], [6n, 8n]));
    expect(missingFrom(there, new Map([['a', 2]]))).toMatchObject({ first: 2, last: 2, loss: undefined });
    const both = standing([part(1, 2n, 8n, 6), part(2, 1n, 9n, 3)]);
    expect(missingFrom(both, new Map([['a', 2]]))).toMatchObject({ first: 1, last: 2, loss: undefined });
    expect(missingFrom(both, new Map([['a', 1]]))).toMatchObject({ loss: { lost: 3n } });
  });
});

describe('sequences that are gone', () => {
  it('are of segments that are known to be gone, where these had as many, around them', () => {
    const extent = (first: bigint, last: bigint) => ({
      node: 'n',
      epoch: EPOCH,
      ranges: [{ first, last }],
      count: Number(last - first) + 1,
    });
    expect(areOf([part(3, 10n, 20n, 4)], extent(12n, 15n))).toBe(true);
    expect(areOf([part(3, 10n, 20n, 4)], extent(12n, 16n))).toBe(false);
    expect(areOf([part(3, 10n, 14n, 4)], extent(12n, 15n))).toBe(false);
    expect(areOf([{ ...part(3, 10n, 20n, 4), epoch: 'boot-2' }], extent(12n, 15n))).toBe(false);
  });
});

describe('a cursor of a later generation than the state', () => {
  const cursor = { delivered: 2, chain: '', generation: 3, doubtUntil: 0, lacks: undefined };
  const before = standing([], segment(1, [1n, 4n]), segment(2, [5n, 9n]), segment(3, [10n, 12n]));

  it('has had segments of the spool in whose place an older copy came: the sink is asked from the oldest one', () => {
    const { doubt, cursor: next } = standingOf('a', { state: 'whole', cursor }, 4, {
      ...before,
      state: { ...before.state, generation: 2, newest: 3 },
    });
    expect(doubt).toContain('of a spool that is not this one');
    expect(next).toMatchObject({ delivered: 0, generation: 4 });
  });

  it('is believed where the state is the same generation', () => {
    const { doubt, cursor: next } = standingOf('a', { state: 'whole', cursor }, 3, {
      ...before,
      state: { ...before.state, generation: 3, newest: 3 },
    });
    expect(doubt).toBeUndefined();
    expect(next).toMatchObject({ delivered: 2 });
  });
});
