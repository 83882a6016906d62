import '../../simulation/mocks.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KINDS } from '../../simulation/kinds.js';
import { played } from '../../simulation/played.js';
import { anyHistory } from '../../simulation/steps.js';

/** Of each kind: 2,000 together, the same ones each time. test/long plays others, and more. */
const RUNS = 200;
const SEED = 20260101;

describe('the collector over a disk, a clock, a capture and sinks in memory loses nothing, doubles nothing, and verify knows, in histories of', () => {
  it.each(Object.keys(KINDS))('%s', async (name) => {
    await fc.assert(
      fc.asyncProperty(anyHistory(KINDS[name] ?? []), async (history) => {
        expect(await played(history)).toEqual([]);
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });
});
