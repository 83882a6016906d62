import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Pulse } from '../../../../src/store/embedded/pulse.js';
import { EngineError } from '../../../../src/store/errors.js';

const OPTIONS = { everyMs: 1000, deadlineMs: 2000, misses: 2 };
beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('tells once that an engine is silent', async () => {
  const deaths: string[] = [];
  new Pulse(
    OPTIONS,
    () => new Promise(() => undefined),
    (why) => deaths.push(why),
  );
  await vi.advanceTimersByTimeAsync(3000);
  expect(deaths).toEqual([]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(deaths).toEqual(['it gave no sign of life 2 times within 2 s']);
});

it('an engine that aborts a beat is dead at once, also between two beats; any other answer is one', async () => {
  const deaths: string[] = [];
  let code = 241;
  const pulse = new Pulse(
    OPTIONS,
    () => Promise.reject(new EngineError('no', code)),
    (why) => deaths.push(why),
  );
  await vi.advanceTimersByTimeAsync(60_000);
  expect(deaths).toEqual([]);
  code = 236;
  pulse.suspect();
  await vi.advanceTimersByTimeAsync(0);
  expect(deaths).toEqual(['it aborts every statement (ClickHouse 236, ABORTED)']);
});

it('asks nothing after its end', async () => {
  let beats = 0;
  const pulse = new Pulse(
    OPTIONS,
    async () => {
      beats++;
    },
    () => undefined,
  );
  await vi.advanceTimersByTimeAsync(2000);
  pulse.stop();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(beats).toBe(2);
});
