import { describe, expect, it } from 'vitest';
import { SinkComparison, spansOf, tallySegment } from '../../../src/sink/comparison.js';
import type { HourTally } from '../../../src/sink/sink.js';
import { Spool } from '../../../src/spool/spool.js';
import { makeBatch } from '../support/batches.js';
import { withDirectory } from '../support/temporary.js';

/** Three segments of ten events, and what they hold by the hour. */
async function withSegments(action: (spool: Spool, hours: HourTally[]) => Promise<void>): Promise<void> {
  await withDirectory(async (dir) => {
    const spool = await Spool.open(dir, { segmentAgeMs: 3_600_000 });
    for (const first of [1n, 11n, 21n]) {
      await spool.append([makeBatch(first, 10)]);
      await spool.seal();
    }
    const hours = (await Promise.all(spool.sealed().map((segment) => tallySegment(segment)))).flat();
    try {
      await action(spool, hours);
    } finally {
      await spool.close();
    }
  });
}

const sinkThat = (has: () => readonly HourTally[]) => ({ name: 'fake', tally: async () => [...has()] });

describe('a sink compared with the spool', () => {
  it('is right when it has what it was given, once', async () => {
    await withSegments(async (spool, hours) => {
      expect(hours.reduce((sum, { events }) => sum + events, 0)).toBe(30);
      const report = await new SinkComparison(spool.sealed()).compare({ sink: sinkThat(() => hours), delivered: 3, refused: [] });
      expect(report).toEqual({
        ...{ name: 'fake', checked: true, reason: null, segments: 3, events: 30, missing: 0, duplicates: 0, expired: 0, taken: 0 },
        ...{ differences: [], refused: [], waiting: 0, away: null, lacks: null, doubt: null, content: null, ok: true },
      });
    });
  });

  it('tells what is missing, what is there twice, what waits and what was refused', async () => {
    await withSegments(async (spool, hours) => {
      const compare = (has: readonly HourTally[], delivered = 3, refused = [] as { id: number; reason: string }[]) =>
        new SinkComparison(spool.sealed()).compare({ sink: sinkThat(() => has), delivered, refused });
      const [one] = hours as [HourTally];
      const less = hours.map((hour, i) => (i === 0 ? { ...hour, events: hour.events - 2, distinct: hour.distinct - 2 } : hour));
      expect(await compare(less)).toMatchObject({ missing: 2, duplicates: 0, ok: false, differences: [{ hour: one.hour }] });
      const twice = hours.map((hour, i) => (i === 0 ? { ...hour, events: hour.events + 3 } : hour));
      expect(await compare(twice)).toMatchObject({ missing: 0, duplicates: 3, ok: false });
      expect(await compare([...hours, { ...one, epoch: 'another', events: 1, distinct: 1 }])).toMatchObject({ duplicates: 1, ok: false });
      // Another sequence in the place of a missing one is both at once.
      const swapped = hours.map((hour, i) => (i === 0 ? { ...hour, distinct: hour.distinct - 1 } : hour));
      expect(await compare(swapped)).toMatchObject({ missing: 1, ok: false });
      expect(await compare([], 0)).toMatchObject({ checked: true, waiting: 30, missing: 0, ok: true });
      expect(await compare(hours.slice(1), 3, [{ id: 1, reason: 'no' }])).toMatchObject({ missing: 0, segments: 2, ok: false });
    });
  });

  it('takes what is older than the sink keeps for expired, and compares the rest', async () => {
    await withSegments(async (spool, hours) => {
      const since = (ms: number, has: readonly HourTally[]) =>
        new SinkComparison(spool.sealed()).compare({
          ...{ sink: { ...sinkThat(() => has), keptSince: async () => ms }, delivered: 3, refused: [] },
        });
      const hour = (hours[0]?.hour ?? 0) * 1000;
      expect(await since(hour + 1, [])).toMatchObject({ missing: 0, expired: 30, differences: [], ok: true });
      expect(await since(hour, [])).toMatchObject({ missing: 30, expired: 0, ok: false });
      const twice = hours.map((one) => ({ ...one, events: one.events + 1 }));
      expect(await since(hour + 1, twice)).toMatchObject({ missing: 0, expired: 0, duplicates: 3, ok: false });
    });
  });

  it('leaves out what was taken, and asks for the rest', async () => {
    await withSegments(async (spool, hours) => {
      const { node = '', epoch = '' } = hours[0] ?? {};
      const asked: unknown[] = [];
      const sink = {
        name: 'fake',
        taken: async () => [{ node, epoch, record: 'conn' as const, first: 1n, last: 15n }],
        tally: async (spans: readonly unknown[]) => {
          asked.push(...spans);
          return [{ node, epoch, record: 'conn' as const, hour: hours[0]?.hour ?? 0, events: 15, distinct: 15 }];
        },
      };
      const report = await new SinkComparison(spool.sealed()).compare({ sink, delivered: 3, refused: [] });
      expect(report).toMatchObject({ taken: 15, missing: 0, duplicates: 0, ok: true });
      expect(asked).toEqual([{ node, epoch, first: 16n, last: 30n }]);
    });
  });

  it('does not assume what it cannot ask', async () => {
    await withSegments(async (spool) => {
      const comparison = new SinkComparison(spool.sealed());
      expect(await comparison.compare({ sink: { name: 'mute' }, delivered: 3, refused: [] })).toMatchObject({ checked: false, ok: false });
      const failing = { name: 'away', tally: () => Promise.reject(new Error('Nobody listens.')) };
      expect(await comparison.compare({ sink: failing, delivered: 3, refused: [] })).toMatchObject({
        checked: false,
        reason: 'Nobody listens.',
      });
    });
  });

  it('asks for as few spans as there can be', () => {
    const at = (epoch: string, first: bigint, last: bigint) => ({ node: 'n', epoch, ranges: [{ first, last }] });
    expect(spansOf([at('a', 1n, 5n), at('b', 1n, 2n), at('a', 6n, 9n), at('a', 20n, 21n)])).toEqual([
      { node: 'n', epoch: 'a', first: 1n, last: 9n },
      { node: 'n', epoch: 'a', first: 20n, last: 21n },
      { node: 'n', epoch: 'b', first: 1n, last: 2n },
    ]);
  });
});
