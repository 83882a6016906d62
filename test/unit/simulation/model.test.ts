import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyHistory, playedOut } from '../../simulation/model/play.js';
import { ALL, type Mends } from '../../simulation/model/state.js';

/** The same ones each time; test/long plays others, and more. */
const RUNS = 2000;
const SEED = 20260101;

describe('the model of delivery', () => {
  it('brings each event to each sink once, or tells of it, in every history', () => {
    fc.assert(
      fc.property(anyHistory, (history) => {
        expect(playedOut(history, ALL)).toEqual([]);
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });

  it.each(Object.keys(ALL) as (keyof Mends)[])('goes wrong without %s', (mend) => {
    const mends = { ...ALL, [mend]: false };
    const { failed } = fc.check(
      fc.property(anyHistory, (history) => playedOut(history, mends).length === 0),
      { numRuns: RUNS, seed: SEED, endOnFailure: true },
    );
    expect(failed).toBe(true);
  });
});
