import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { DeliveryFirst } from '../../../../src/store/embedded/delivery-first.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Whether a query may begin; asked when everything that is due has happened. */
function waiting(first: DeliveryFirst, signal?: AbortSignal): { state: string } {
  const it = { state: 'waits' };
  first.wait(signal).then(
    () => {
      it.state = 'begins';
    },
    (error: Error) => {
      it.state = error.message;
    },
  );
  return it;
}

it('a query waits for nothing but a delivery that the engine broke off', async () => {
  const first = new DeliveryFirst();
  first.begin();
  const beside = waiting(first);
  await vi.advanceTimersByTimeAsync(0);
  expect(beside.state).toBe('begins');
  first.end(true);
  const after = waiting(first);
  const gone = new AbortController();
  const left = waiting(first, gone.signal);
  gone.abort(new Error('gone'));
  await vi.advanceTimersByTimeAsync(1000);
  expect([after.state, left.state]).toEqual(['waits', 'gone']);
  first.begin();
  // Such a one takes as long as it takes.
  await vi.advanceTimersByTimeAsync(600_000);
  expect(after.state).toBe('waits');
  first.end(false);
  await vi.advanceTimersByTimeAsync(0);
  expect(after.state).toBe('begins');
});

it('a delivery that nobody tries again is waited for only so long', async () => {
  const first = new DeliveryFirst();
  first.begin();
  first.end(true);
  const query = waiting(first);
  await vi.advanceTimersByTimeAsync(29_000);
  expect(query.state).toBe('waits');
  await vi.advanceTimersByTimeAsync(2000);
  expect(query.state).toBe('begins');
});
