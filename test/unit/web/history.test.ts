import { describe, expect, it } from 'vitest';
import type { History } from '../../../web/api.ts';
import { openSamples } from '../../../web/balancer.ts';
import { levelSeries, OTHERS, rateSeries, serverLevels } from '../../../web/history.ts';

const TEN = Date.UTC(2026, 0, 30, 10);
const MINUTE = 60_000;

/** Four minutes, of which the last has run for half. */
const history = (more: Partial<History> = {}): History => ({
  begin: TEN,
  step: MINUTE,
  until: TEN + 3.5 * MINUTE,
  known: TEN + 3.5 * MINUTE,
  running: true,
  new: [60, 60, 60, 30],
  ended: [0, 0, 0, 10],
  open: [100, 160, 220, 240],
  servers: [],
  others: null,
  ...more,
});

describe('rates of a history', () => {
  it('are per minute; the piece that still runs goes on at its rate so far, and is no fall', () => {
    const { times, lines, running, begin, until } = rateSeries(history());
    expect(times).toEqual([0, 1, 2, 3].map((i) => (TEN + i * MINUTE) / 1000));
    expect(lines.map(({ values }) => values)).toEqual([
      [60, 60, 60, 60],
      [0, 0, 0, 20],
    ]);
    expect([running, begin, until]).toEqual([true, TEN / 1000, (TEN + 3.5 * MINUTE) / 1000]);
  });

  it('are per minute also of pieces of another length', () => {
    expect(rateSeries(history({ step: 5000, running: false })).lines[0]?.values).toEqual([720, 720, 720, 360]);
  });

  it('say nothing of a piece that has hardly begun', () => {
    expect(rateSeries(history({ known: TEN + 3 * MINUTE + 1000 })).lines[0]?.values).toEqual([60, 60, 60, null]);
  });
});

describe('levels of a history', () => {
  const open = { open: history().open };
  const sample = (second: number, value: number | null) => ({ at: TEN + second * 1000, values: { open: value } });

  it('stand at the ends of pieces, and go on with the samples of now', () => {
    const { times, lines, until } = levelSeries(history(), open, [sample(200, 230), sample(211, 241)], true);
    expect(times.map((time) => time - TEN / 1000)).toEqual([60, 120, 180, 200, 211]);
    expect(lines[0]?.values).toEqual([100, 160, 220, 230, 241]);
    expect(until).toBe(TEN / 1000 + 211);
  });

  it('are those of the log alone before the first sample, and in a time that is over', () => {
    expect(levelSeries(history(), open, [], true).lines[0]?.values).toEqual([100, 160, 220, 240]);
    const past = levelSeries(history(), open, [sample(200, 230)], false);
    expect(past.lines[0]?.values).toEqual([100, 160, 220, 240]);
    expect(past.times.at(-1)).toBe((TEN + 3.5 * MINUTE) / 1000);
  });
});

describe('real servers on a chart', () => {
  const real = (name: string, active: number, inactive = 0) => ({
    ...{ name, active, inactive, weight: 1, settings: {}, persistent: 0, overloaded: false, traffic: null },
  });
  const looks = [
    {
      at: TEN,
      services: [
        { name: 'web', settings: {}, reals: [real('a', 2, 1), real('b', 4), real('c', 8)] },
        { name: 'tls', settings: {}, reals: [real('a', 16)] },
      ],
    },
  ];

  it('are the ten of the history, and the rest in one line', () => {
    const servers = [{ name: 'a', open: [1] }];
    expect(serverLevels(history({ servers, others: [5] }))).toEqual({ a: [1], [OTHERS]: [5] });
    expect(serverLevels(history({ servers }))).toEqual({ a: [1] });
  });

  it('count what is active and inactive, over all services or of one', () => {
    expect(openSamples(looks, ['a', OTHERS], OTHERS)).toEqual([{ at: TEN, values: { a: 19, [OTHERS]: 12 } }]);
    expect(openSamples(looks, ['a', 'b'], OTHERS, 'web')).toEqual([{ at: TEN, values: { a: 3, b: 4 } }]);
  });
});
