import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CASES, FOUND } from '../../simulation/model/cases.js';
import { anyHistory, playedOut, type Step } from '../../simulation/model/play.js';
import { ALL, type Mends } from '../../simulation/model/state.js';

/** The same ones each time; test/long plays others, and more. */
const RUNS = 2000;
const SEED = 20260101;

describe('the model of delivery', () => {
  it('brings each event to each sink once, or tells of it, in every history', () => {
    fc.assert(
      fc.property(anyHistory(), (history) => {
        expect(playedOut(history, ALL)).toEqual([]);
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });

  it.each(Object.keys(FOUND))('goes well where %s', (name) => {
    expect(playedOut(FOUND[name] ?? [], ALL)).toEqual([]);
  });
});

const RARE: readonly Step['do'][] = ['copy', 'restore', 'forget', 'loseJournal', 'fail'];

describe.each<[mend: keyof Mends, without: readonly Step['do'][]]>([
  ['knownSinks', [...RARE, 'cut', 'removeNewest', 'fill', 'off', 'on']],
  ['idleCursors', [...RARE, 'cut', 'removeNewest', 'fill']],
  ['ownPositions', [...RARE, 'removeNewest', 'fill', 'off', 'on', 'away', 'register', 'loseAnswer', 'drop', 'hangUp']],
  ['ids', [...RARE, 'cut', 'fill']],
  ['identity', [...RARE, 'cut', 'removeNewest', 'fill']],
])('without %s', (mend, without) => {
  const mends = { ...ALL, [mend]: false };

  it('the shortest history goes wrong, which goes well with it', () => {
    const { history, wrong } = CASES[mend];
    expect(playedOut(history, ALL)).toEqual([]);
    expect(playedOut(history, mends)).toContain(wrong);
  });

  it('random histories find it, with no more faults than it needs', () => {
    const { failed } = fc.check(
      fc.property(anyHistory(without), (history) => playedOut(history, mends).length === 0),
      { numRuns: RUNS, seed: SEED, endOnFailure: true },
    );
    expect(failed).toBe(true);
  });
});
