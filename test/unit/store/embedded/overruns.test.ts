import { expect, it } from 'vitest';
import { Offenders } from '../../../../src/store/embedded/offenders.js';
import { GRACE_MS, Overruns } from '../../../../src/store/embedded/overruns.js';

it('a query may go on for a while after its limit, and the one that is longest over it goes first', () => {
  const overruns = new Overruns();
  overruns.begin('short', 2000, 0);
  overruns.begin('long', 60_000, 0);
  expect(overruns.due(2000 + GRACE_MS - 1, true)).toBeUndefined();
  expect(overruns.due(2000 + GRACE_MS, false)).toEqual({
    id: 'short',
    reason: 'A query took longer than its limit of 2 s and did not end within 5 s after it.',
  });
  expect(overruns.due(70_000, false)?.id).toBe('short');
  overruns.end('short');
  expect(overruns.due(70_000, false)?.id).toBe('long');
  overruns.end('long');
  expect(overruns.due(70_000, true)).toBeUndefined();
});

it('a query that nobody waits for must end soon only where its place is wanted', () => {
  const overruns = new Overruns();
  overruns.begin('left', 60_000, 0);
  overruns.left('left', 1000);
  overruns.left('left', 9000);
  overruns.left('another', 0);
  overruns.begin('asked', 60_000, 0);
  expect(overruns.abandoned).toEqual(['left']);
  // What it does next has a limit of its own, and is no more wanted than before.
  overruns.begin('left', 60_000, 0);
  expect(overruns.abandoned).toEqual(['left']);
  overruns.end('asked');
  expect(overruns.due(1000 + GRACE_MS - 1, true)).toBeUndefined();
  expect(overruns.due(1000 + GRACE_MS, false)).toBeUndefined();
  expect(overruns.due(1000 + GRACE_MS, true)?.reason).toMatch(/^A query whose client had left did not end within 5 s/);
  expect(overruns.due(60_000 + GRACE_MS, false)?.id).toBe('left');
});

it('a query like one that had to be ended is refused for some minutes, whatever its numbers', () => {
  const offenders = new Offenders();
  offenders.blame('SELECT f(1),\n 22', 0);
  expect(offenders.refusedMs('SELECT f(999), 3 ', 100_000)).toBe(200_000);
  expect(offenders.refusedMs('SELECT g(1), 22', 100_000)).toBe(0);
  expect(offenders.refusedMs('SELECT f(1), 22', 300_000)).toBe(0);
  for (let n = 0; n < 2000; n++) offenders.blame(`SELECT ${String.fromCharCode(0x4e00 + n)}`, 1);
  expect(offenders.refusedMs('SELECT f(1), 22', 2)).toBe(0);
});
