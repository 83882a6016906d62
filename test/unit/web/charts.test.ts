import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { activeLines } from '../../../web/balancer.ts';
import { summary, timeLabels } from '../../../web/chart-text.ts';
import { piecesOf } from '../../../web/pieces.ts';

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
  const plot = (step: number, values: readonly number[]) =>
    ({ kind: 'lines', title: '', begin: TEN, step, marks: [], lines: [{ name: 'made', unit: 'count', values }] }) as const;

  it('leave out the one that still runs: its count would look like a collapse', () => {
    expect(piecesOf(plot(60_000, [5, 6, 1]))).toEqual({
      times: [TEN / 1000, TEN / 1000 + 60],
      lines: [{ name: 'made', unit: 'count', values: [5, 6] }],
      until: (TEN + 150_000) / 1000,
      running: true,
    });
  });

  it('are all there when the last has ended', () => {
    expect(piecesOf(plot(60_000, [5, 6]))).toMatchObject({ times: { length: 2 }, until: (TEN + 120_000) / 1000, running: false });
  });

  it('are the only one all the same, or none', () => {
    expect(piecesOf(plot(300_000, [5]))).toMatchObject({ lines: [{ values: [5] }], running: false, until: (TEN + 150_000) / 1000 });
    expect(piecesOf(plot(60_000, []))).toMatchObject({ times: [], running: false });
  });
});

describe('active connections by real server', () => {
  const real = (name: string, active: number) => ({
    ...{ name, active, weight: 1, settings: {}, inactive: 0, persistent: 0, overloaded: false, traffic: null },
  });
  const look = (at: number, services: Record<string, readonly ReturnType<typeof real>[]>) => ({
    at,
    services: Object.entries(services).map(([name, reals]) => ({ name, settings: {}, reals })),
  });
  const looks = [look(1, { web: [real('b', 1), real('a', 2)], tls: [real('a', 5)] }), look(2, { web: [real('a', 3)] })];

  it('are a line each, over all its services; where it was not there, nothing', () => {
    expect(activeLines(looks)).toEqual([
      { name: 'a', unit: 'count', values: [7, 3] },
      { name: 'b', unit: 'count', values: [1, null] },
    ]);
  });

  it('are of one service alone, when asked', () => {
    expect(activeLines(looks, 'tls')).toEqual([{ name: 'a', unit: 'count', values: [5, null] }]);
    expect(activeLines([])).toEqual([]);
  });
});
