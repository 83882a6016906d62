import { describe, expect, it } from 'vitest';
import { caughtUp, type Progress } from '../../../src/api/caught-up.js';

type Sink = Pick<Progress['sinks'][number], 'delivered' | 'lagSegments' | 'circuit'>;
const sink = (delivered: number, more: Partial<Sink> = {}): Sink => ({ delivered, lagSegments: 1, circuit: 'closed', ...more });

/** Has each look find the next of these, the last one for ever, `stepMs` apart. Resolves to the number of looks. */
async function looks(target: number, states: readonly (readonly Sink[])[], stepMs = 0, activeEvents = 5): Promise<number> {
  let count = 0;
  let time = 0;
  const status = async (): Promise<Progress> => {
    const sinks = states[Math.min(count++, states.length - 1)] ?? [];
    return { sinks, spool: { activeEvents } } as unknown as Progress;
  };
  const wait = async (): Promise<void> => {
    time += stepMs;
  };
  await caughtUp(target, status, { now: () => time, wait });
  return count;
}

describe('waiting for the sinks', () => {
  it('ends when each has what was there, whatever came since', async () => {
    expect(
      await looks(7, [
        [sink(6), sink(9)],
        [sink(7), sink(9)],
      ]),
    ).toBe(2);
    expect(await looks(0, [[sink(0)]])).toBe(1);
  });

  it('goes on as long as one moves', async () => {
    const slow = Array.from({ length: 10 }, (_, i) => [sink(i)]);
    expect(await looks(9, slow, 50_000)).toBe(10);
  });

  it('ends when nothing moves', async () => {
    expect(await looks(9, [[sink(3)]], 10_000)).toBe(8);
  });

  it('does not wait for a sink that takes nothing, nor for segments that were given up', async () => {
    expect(await looks(9, [[sink(3, { circuit: 'open' }), sink(9)]])).toBe(1);
    expect(await looks(9, [[sink(3, { lagSegments: 0 })]], 0, 0)).toBe(1);
    expect(await looks(9, [[sink(3, { lagSegments: 0 })], [sink(9)]], 0, 1)).toBe(2);
  });
});
