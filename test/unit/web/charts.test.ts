import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { summary, timeLabels } from '../../../web/chart-text.ts';
import { piecesOf, soFar } from '../../../web/pieces.ts';

const TEN = Date.UTC(2026, 0, 30, 10);

beforeEach(() => void vi.useFakeTimers({ now: TEN + 150_000, toFake: ['Date'] }));
afterEach(() => vi.useRealTimers());

describe('labels of an axis of time', () => {
  const at = (...minutes: number[]): number[] => minutes.map((minute) => TEN / 1000 + minute * 60);

  it('say the clock, and the date where it is another than before', () => {
    expect(timeLabels(at(0, 5, 14 * 60, 14 * 60 + 5), 300, 'UTC')).toEqual(['10:00\n2026-01-30', '10:05', '00:00\n2026-01-31', '00:05']);
  });

  it('have seconds where these say something, and only dates of days', () => {
    expect(timeLabels(at(0, 0.5), 30, 'UTC')).toEqual(['10:00:00\n2026-01-30', '10:00:30']);
    expect(timeLabels(at(0, 24 * 60), 86_400, 'UTC')).toEqual(['2026-01-30', '2026-01-31']);
  });
});

describe('a chart in words', () => {
  const times = [TEN / 1000, TEN / 1000 + 60];
  it('is its span, and the least, most and last of each line', () => {
    const lines = [
      { name: 'open', unit: 'count' as const, values: [3, 1234] },
      { name: 'lived', unit: 'seconds' as const, values: [null, 90] },
      { name: 'bytes', unit: 'bytes' as const, values: [null, null] },
    ];
    expect(summary('Connections', times, lines, 'UTC')).toBe(
      'Connections, 2026-01-30 10:00:00Z to 2026-01-30 10:01:00Z. open: 3 to 1,234, last 1,234; lived: 1 min 30 s to 1 min 30 s, last 1 min 30 s; bytes: no value.',
    );
  });

  it('is of eight lines at most, and of nothing where there is nothing', () => {
    const lines = Array.from({ length: 10 }, (_, i) => ({ name: `rs${i}`, unit: 'count' as const, values: [i] }));
    expect(summary('All', times.slice(0, 1), lines, 'UTC')).toMatch(/rs7: 7 to 7, last 7; and 2 more lines\.$/);
    expect(summary('All', [], [], 'UTC')).toBe('All: nothing yet.');
  });
});

describe('pieces of time', () => {
  const plot = (step: number, values: readonly number[], more: { readonly level?: true; readonly unit?: 'seconds' } = {}) =>
    ({ kind: 'lines', title: '', begin: TEN, step, marks: [], lines: [{ name: 'new', unit: 'count', values, ...more }] }) as const;
  const valuesOf = (...asked: Parameters<typeof plot>) => piecesOf(plot(...asked)).lines[0]?.values;

  it('have the one that still runs, at its rate so far: its count would look like a collapse', () => {
    expect(piecesOf(plot(60_000, [5, 6, 1]))).toEqual({
      times: [TEN / 1000, TEN / 1000 + 60, TEN / 1000 + 120],
      lines: [{ name: 'new', unit: 'count', values: [5, 6, 2] }],
      until: (TEN + 150_000) / 1000,
      step: 60,
      running: true,
    });
  });

  it('leave a state and a lifetime as they are', () => {
    expect(valuesOf(60_000, [5, 6, 1], { level: true })).toEqual([5, 6, 1]);
    expect(valuesOf(60_000, [5, 6, 1], { unit: 'seconds' })).toEqual([5, 6, 1]);
  });

  it('say nothing of one that has hardly begun', () => {
    expect(valuesOf(75_000 * 2, [5, 1])).toEqual([5, null]);
    expect(valuesOf(149_000, [149, 1])).toEqual([149, null]);
    expect(soFar(1, 50_000, 150_000)).toBe(3);
    expect(soFar(1, 37_000, 150_000)).toBeNull();
  });

  it('are as they are when the last has ended, and none where there is none', () => {
    expect(piecesOf(plot(60_000, [5, 6]))).toMatchObject({ times: { length: 2 }, until: (TEN + 120_000) / 1000, running: false });
    expect(piecesOf(plot(60_000, []))).toMatchObject({ times: [], running: false });
  });
});
