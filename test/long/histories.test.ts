import '../simulation/mocks.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KINDS } from '../simulation/kinds.js';
import { anyHistory as anyModelHistory, playedOut } from '../simulation/model/play.js';
import { ALL } from '../simulation/model/state.js';
import { played } from '../simulation/played.js';
import { anyHistory } from '../simulation/steps.js';

/** Of each kind: 110,000 together. */
const RUNS = 10_000;

describe('a hundred thousand histories lose nothing, double nothing, and verify knows', () => {
  it.each(Object.keys(KINDS))('%s', async (name) => {
    await fc.assert(
      fc.asyncProperty(anyHistory(KINDS[name] ?? [], 24), async (history) => {
        expect(await played(history)).toEqual([]);
      }),
      { numRuns: RUNS },
    );
  });

  it('also of the model', () => {
    fc.assert(
      fc.property(anyModelHistory(), (history) => {
        expect(playedOut(history, ALL)).toEqual([]);
      }),
      { numRuns: 100_000 },
    );
  });
});
