import { expect, it } from 'vitest';
import { BatchLimit } from '../../../../src/sink/kafka/limit.js';

const WANTED = 1 << 19;

/** Segments until the limit changes. */
function until(limit: BatchLimit): number {
  for (let taken = 1; taken < 10_000; taken++) if (limit.taken()) return taken;
  throw new Error('It never changes.');
}

it('is what the options say, until a topic takes less, and follows the topic up again', () => {
  const limit = new BatchLimit(WANTED);
  expect(limit.bytes).toBe(WANTED);
  limit.heard(700);
  expect([limit.bytes, limit.whole, limit.askAgain]).toEqual([700, false, false]);
  for (let i = 0; i < 4; i++) limit.taken();
  expect(limit.askAgain).toBe(true);
  limit.heard(1000);
  expect([limit.bytes, limit.askAgain]).toEqual([1000, false]);
  limit.heard(1 << 20);
  expect([limit.bytes, limit.whole]).toEqual([WANTED, true]);
});

it('is halved when a batch is refused, and grows by trying where the topic does not say what it takes', () => {
  const limit = new BatchLimit(WANTED);
  limit.heard(Number.POSITIVE_INFINITY);
  for (let i = 0; i < 3; i++) expect(limit.refuse()).toBe(true);
  expect(limit.bytes).toBe(WANTED / 8);
  const grown = [0, 0, 0].map(() => [until(limit), limit.bytes]);
  expect(grown).toEqual([
    [8, WANTED / 4],
    [8, WANTED / 2],
    [8, WANTED],
  ]);
});

it('tries ever more seldom when the larger one is refused each time, but never gives up', () => {
  const limit = new BatchLimit(1024);
  limit.refuse();
  const waits = Array.from({ length: 10 }, () => {
    const wait = until(limit);
    expect(limit.bytes).toBe(1024);
    limit.refuse();
    expect(limit.bytes).toBe(512);
    return wait;
  });
  expect(waits).toEqual([8, 16, 32, 64, 128, 256, 512, 1024, 1024, 1024]);
});

it('cannot be made smaller than the smallest', () => {
  const limit = new BatchLimit(1000);
  expect([limit.refuse(), limit.refuse()]).toEqual([true, true]);
  expect(limit.bytes).toBe(256);
  expect(limit.refuse()).toBe(false);
});
