import '../../simulation/mocks.js';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { CASES, type Mend } from '../../simulation/cases.js';
import { KINDS } from '../../simulation/kinds.js';
import { out, restore, takeOut } from '../../simulation/mends.js';
import { played } from '../../simulation/played.js';
import { anyHistory } from '../../simulation/steps.js';

vi.mock('../../../src/spool/run.js', async (original) => {
  const run = await original<typeof import('../../../src/spool/run.js')>();
  const withPositions: typeof run.withPositions = (writers, position) =>
    out.mend === 'footers that speak only of what is durable'
      ? writers.map((writer) => ({ writer, position }))
      : run.withPositions(writers, position);
  return { ...run, withPositions };
});
vi.mock('../../../src/spool/loss.js', async (original) => {
  const loss = await original<typeof import('../../../src/spool/loss.js')>();
  const lossBatch: typeof loss.lossBatch = ({ id, ...of }, ...rest) =>
    loss.lossBatch(out.mend === 'losses with an identity' || id === undefined ? of : { ...of, id }, ...rest);
  return { ...loss, lossBatch };
});
vi.mock('../../../src/spool/cursors.js', async (original) => {
  const cursors = await original<typeof import('../../../src/spool/cursors.js')>();
  const forgotten: readonly (Mend | undefined)[] = [
    'sinks that are all known before anything is removed',
    'cursors that hold segments back while their sink is off',
  ];
  const cursorNames: typeof cursors.cursorNames = async (directory) => (forgotten.includes(out.mend) ? [] : cursors.cursorNames(directory));
  return { ...cursors, cursorNames };
});
vi.mock('../../../src/spool/reconcile.js', async (original) => {
  const reconcile = await original<typeof import('../../../src/spool/reconcile.js')>();
  const believed: readonly (Mend | undefined)[] = [
    'sinks that are all known before anything is removed',
    'cursors that hold segments back while their sink is off',
    'ids that never go back',
  ];
  const generationOf: typeof reconcile.generationOf = (standing) =>
    out.mend === 'ids that never go back' ? standing.state.generation : reconcile.generationOf(standing);
  const standingOf: typeof reconcile.standingOf = (name, reading, ...rest) =>
    believed.includes(out.mend) && reading.state === 'whole'
      ? { cursor: reading.cursor, doubt: undefined }
      : reconcile.standingOf(name, reading, ...rest);
  return { ...reconcile, generationOf, standingOf };
});

afterEach(restore);

/** Most histories that are played until one goes wrong: the same ones each time. */
const RUNS = 2000;
const SEED = 20260101;

describe.each<[mend: Mend, kind: string]>([
  ['sinks that are all known before anything is removed', 'sinks that are away'],
  ['cursors that hold segments back while their sink is off', 'sinks off and on'],
  ['footers that speak only of what is durable', 'kills'],
  ['ids that never go back', 'hands'],
  ['losses with an identity', 'full disks'],
])('without %s', (mend, kind) => {
  it('the shortest history goes wrong, which goes well with it', async () => {
    expect(await played(CASES[mend])).toEqual([]);
    takeOut(mend);
    expect(await played(CASES[mend])).not.toEqual([]);
  });

  it(`random histories find it: ${kind}`, async () => {
    takeOut(mend);
    const property = fc.asyncProperty(anyHistory(KINDS[kind] ?? []), async (history) => {
      expect(await played(history)).toEqual([]);
    });
    const { failed } = await fc.check(property, { numRuns: RUNS, seed: SEED, endOnFailure: true });
    expect(failed).toBe(true);
  });
});
