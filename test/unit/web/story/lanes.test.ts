import { describe, expect, it } from 'vitest';
import type { Told } from '../../../../src/story/document.js';
import { extentOf, lanesOf } from '../../../../web/story/lanes.js';

const one = (id: string, begin: number, end: number | null, more: Partial<Told> = {}): Told => ({
  ...{ node: 'lb1', id, client: '10.0.0.1:1', service: 'tcp 10.0.0.2:80', real: '10.0.0.11:80', begin, end, seconds: null },
  ...{ outcome: 'closed', state: '', bytes: 0, ...more },
});

describe('lanes of connections', () => {
  it('are one for each real server of a service on a director, the first one first', () => {
    const lanes = lanesOf(
      [
        one('1', 500, 600, { real: '10.0.0.12:80' }),
        one('2', 0, 100),
        one('3', 700, 800, { node: 'lb2' }),
        one('4', 800, 900, { service: 'tcp 10.0.0.2:443' }),
      ],
      0,
      1000,
    );
    expect(lanes.map(({ real, service, node }) => [real, service, node])).toEqual([
      ['10.0.0.11:80', 'tcp 10.0.0.2:80', 'lb1'],
      ['10.0.0.12:80', 'tcp 10.0.0.2:80', 'lb1'],
      ['10.0.0.11:80', 'tcp 10.0.0.2:80', 'lb2'],
      ['10.0.0.11:80', 'tcp 10.0.0.2:443', 'lb1'],
    ]);
    expect(lanes[0]?.bars).toMatchObject([{ left: 0, width: 0.1, row: 0, of: { id: '2' } }]);
  });

  it('have those of the same time beneath each other, and a row again that is free', () => {
    const [lane] = lanesOf([one('1', 0, 500), one('2', 100, 300), one('3', 400, 600), one('4', 550, null)], 0, 1000);
    expect(lane?.bars.map(({ of, row }) => [of.id, row])).toEqual([
      ['1', 0],
      ['2', 1],
      ['3', 1],
      ['4', 0],
    ]);
    expect(lane?.rows).toBe(2);
    expect(lane?.bars[3]).toMatchObject({ left: 0.55, width: expect.closeTo(0.45) });
  });

  it('are no higher than can be seen, however many are there at once', () => {
    const [lane] = lanesOf(
      Array.from({ length: 50 }, (_, i) => one(String(i), 0, 1000)),
      0,
      1000,
    );
    expect(lane?.rows).toBe(8);
    expect(lane?.bars).toHaveLength(50);
  });

  it('stay within the picture, and can be seen', () => {
    const [lane] = lanesOf([one('1', -500, 5000), one('2', 1000, 1000), one('3', 10, 10)], 0, 1000);
    for (const { left, width } of lane?.bars ?? []) {
      expect(left).toBeGreaterThanOrEqual(0);
      expect(left + width).toBeLessThanOrEqual(1.0001);
      expect(width).toBeGreaterThan(0.003);
    }
  });
});

describe('the time of the picture', () => {
  it('is that of the connections with a little margin, within what was asked for', () => {
    expect(extentOf([one('1', 10_000, 20_000), one('2', 30_000, 60_000)], 0, 100_000)).toEqual([9000, 61_000]);
    expect(extentOf([one('1', -5000, null)], 0, 100_000)).toEqual([0, 100_000]);
  });

  it('is some time even where all was over at once', () => {
    const [begin, end] = extentOf([one('1', 50_000, 50_000)], 0, 100_000);
    expect(end - begin).toBeGreaterThanOrEqual(1000);
  });
});
