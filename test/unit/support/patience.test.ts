import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { COMMAND_MS, orNever, patienceFactor, pause, TEST_MS, until, WAIT_MS } from '../../support/patience.js';

/** What timers were asked for, ms; each ends at once. */
const timers: number[] = [];
vi.mock('node:timers/promises', () => ({
  setTimeout: (ms: number, value: unknown) => {
    timers.push(ms);
    return Promise.resolve(value);
  },
}));

beforeEach(() => {
  timers.length = 0;
});
afterEach(() => vi.restoreAllMocks());

describe('the factor', () => {
  it.each([
    ['one on a quiet machine', 0.3, 2, 1],
    ['the load of each processor, rounded up', 5, 2, 3],
    ['no more than five by itself', 40, 2, 5],
  ])('is %s', (_what, load, processors, factor) => {
    expect(patienceFactor({}, load, processors)).toBe(factor);
    expect(patienceFactor({ VSLOG_TEST_PATIENCE: '' }, load, processors)).toBe(factor);
  });

  it('is what is said, whatever the load', () => {
    expect(patienceFactor({ VSLOG_TEST_PATIENCE: '7.5' }, 40, 2)).toBe(7.5);
    expect(patienceFactor({ VSLOG_TEST_PATIENCE: '1' }, 40, 2)).toBe(1);
  });

  it.each(['0.5', '0', '-3', 'long', '1001', 'NaN'])('is not %s', (said) => {
    expect(() => patienceFactor({ VSLOG_TEST_PATIENCE: said })).toThrow(
      `VSLOG_TEST_PATIENCE is "${said}": it must be a number from 1 to 1000.`,
    );
  });

  it('lets a test wait several times, so that the wait that failed tells its reason first', () => {
    expect(WAIT_MS).toBeGreaterThanOrEqual(120_000);
    expect(COMMAND_MS).toBe(WAIT_MS);
    expect(TEST_MS).toBeGreaterThan(2 * WAIT_MS);
  });
});

describe('until', () => {
  /** Something that comes at the third look. */
  function thirdLook<T>(late: T): () => T | undefined {
    let looks = 0;
    return () => (++looks < 3 ? undefined : late);
  }

  it.each([['a word'], [0], [''], [null], [true]])('returns what was found: %j', async (found) => {
    expect(await until('it', thirdLook(found))).toBe(found);
    expect(timers).toHaveLength(2);
  });

  it('takes a promise, and false for not yet', async () => {
    let looks = 0;
    expect(await until('it', async () => ++looks > 2)).toBe(true);
    expect(looks).toBe(3);
  });

  it('looks often at first, and then as seldom as it is told', async () => {
    let looks = 0;
    await until('it', () => ++looks > 8);
    expect(timers).toEqual([3, 6, 12, 24, 48, 50, 50, 50]);
    timers.length = looks = 0;
    await until('it', () => ++looks > 4, { everyMs: 7 });
    expect(timers).toEqual([3, 6, 7, 7]);
  });

  it('ends with an error that the look throws', async () => {
    await expect(
      until('it', () => {
        throw new Error('It is broken.');
      }),
    ).rejects.toThrow('It is broken.');
  });

  it('gives up after the longest wait, with a sentence that says more when there is more', async () => {
    let now = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => {
      now += WAIT_MS / 3;
      return now;
    });
    let looks = 0;
    const look = (): undefined => void looks++;
    await expect(until('the third segment', look)).rejects.toThrow(/^It did not come: the third segment\.$/);
    expect(looks).toBe(3);
    await expect(until('it', look, { detail: () => 'There were two.' })).rejects.toThrow(/^It did not come: it\. There were two\.$/);
  });

  it('gives up a look that never ends', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    try {
      const given = until('an answer', () => new Promise<string>(() => undefined)).catch(String);
      await vi.advanceTimersByTimeAsync(WAIT_MS + 1);
      expect(await given).toBe('Error: It did not come: an answer.');
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('pause', () => {
  it('lets so much time pass, for a reason', async () => {
    await pause(5, 'another moment');
    expect(timers).toEqual([5]);
    await expect(pause(5, '')).rejects.toThrow('A pause needs a reason.');
    expect(timers).toEqual([5]);
  });
});

describe('orNever', () => {
  it('is the outcome, or undefined when it does not come within the longest wait', async () => {
    expect(await orNever(Promise.resolve('it'))).toBe('it');
    await expect(orNever(Promise.reject(new Error('It is broken.')))).rejects.toThrow('It is broken.');
    expect(await orNever(new Promise(() => undefined))).toBeUndefined();
    expect(timers).toEqual([WAIT_MS, WAIT_MS, WAIT_MS]);
  });
});
