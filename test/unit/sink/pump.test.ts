import { mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Pump } from '../../../src/sink/pump.js';
import { SinkRejection } from '../../../src/sink/sink.js';
import { readCursor } from '../../../src/spool/cursors.js';
import { listRefusals } from '../../../src/spool/refusals.js';
import { Spool } from '../../../src/spool/spool.js';
import { until, WAIT_MS } from '../../support/patience.js';
import { EPOCH, makeBatch } from '../support/batches.js';
import { controlEvents, FakeSink, LookingSink } from '../support/fake-sink.js';
import { withDirectory } from '../support/temporary.js';

const QUICK = { retryMinMs: 1, retryMaxMs: 5 };

async function withSpool(segments: number, action: (spool: Spool, add: () => Promise<void>) => Promise<void>): Promise<void> {
  await withDirectory(async (dir) => {
    const spool = await Spool.open(dir, { segmentAgeMs: 3_600_000 });
    let next = 1n;
    const add = async () => {
      await spool.append([makeBatch(next, 10)]);
      await spool.seal();
      next += 10n;
    };
    for (let i = 0; i < segments; i++) await add();
    try {
      await action(spool, add);
    } finally {
      await spool.close();
    }
  });
}

describe('Pump', () => {
  it('delivers in order, wakes when a segment is sealed, and goes on from its cursor', async () => {
    await withSpool(3, async (spool, add) => {
      const sink = new FakeSink();
      const pump = new Pump(spool, sink, QUICK);
      await pump.start();
      await until('three segments are delivered', () => sink.segments.length === 3);
      await add();
      expect(await pump.drain(WAIT_MS)).toBe(true);
      expect(pump.status()).toMatchObject({
        state: 'running',
        delivered: 4,
        lagSegments: 0,
        lagEvents: 0,
        deliveredEvents: 40,
        lastError: undefined,
      });
      await pump.stop();
      expect(sink.closed).toBe(true);
      expect(sink.tried).toEqual([1, 2, 3, 4]);

      await add();
      const later = new FakeSink();
      const second = new Pump(spool, later, QUICK);
      await second.start();
      await second.drain(WAIT_MS);
      await second.stop();
      expect(later.tried).toEqual([5]);
    });
  });

  it('tries again for as long as it takes and says why it waits', async () => {
    await withSpool(2, async (spool) => {
      const sink = new FakeSink();
      sink.failure = () => new Error('The engine is not there.');
      const pump = new Pump(spool, sink, QUICK);
      await pump.start();
      await until('several tries were made', () => sink.tried.length > 5);
      expect(pump.status()).toMatchObject({ state: 'waiting', lagSegments: 2, lagEvents: 20, lastError: 'The engine is not there.' });
      expect(await pump.drain(20)).toBe(false);
      sink.failure = () => undefined;
      expect(await pump.drain(WAIT_MS)).toBe(true);
      expect(sink.segments.map((segment) => segment.id)).toEqual([1, 2]);
      await pump.stop();
    });
  });

  it('sets a segment aside that the sink refuses for good, records the loss and goes on', async () => {
    await withSpool(3, async (spool) => {
      const sink = new FakeSink();
      sink.failure = (segment) => (segment.id === 2 ? new SinkRejection('Field 99 is not known.') : undefined);
      const pump = new Pump(spool, sink, { ...QUICK, rejections: 3 });
      await pump.start();
      await until('the third is delivered', () => pump.status().delivered === 3);
      expect(sink.tried).toEqual([1, 2, 2, 2, 3]);
      await spool.seal();
      await pump.drain(WAIT_MS);
      const loss = sink.segments.at(-1);
      expect(loss?.id).toBe(4);
      if (loss === undefined) return;
      expect(await controlEvents(loss)).toMatchObject([{ kind: 12, where: 7, lost: 10n }]);
      expect(pump.status().refused).toEqual([{ id: 2, reason: 'Field 99 is not known.' }]);
      await pump.stop();
      expect(await readCursor(spool.directory, 'fake')).toMatchObject({ state: 'whole', cursor: { delivered: 4 } });
      expect(await listRefusals(spool.directory, 'fake')).toEqual([{ id: 2, reason: 'Field 99 is not known.' }]);
      expect(sink.events(EPOCH)).toBe(20);
    });
  });

  it('stops while the sink hangs back, without moving the cursor', async () => {
    await withSpool(1, async (spool) => {
      const sink = new FakeSink();
      sink.failure = () => new Error('Not now.');
      const pump = new Pump(spool, sink, { retryMinMs: 60_000, retryMaxMs: 60_000 });
      await pump.start();
      await until('one try was made', () => sink.tried.length === 1);
      await pump.stop();
      expect(pump.status()).toMatchObject({ state: 'stopped', delivered: 0, lagSegments: 1 });
    });
  });

  it('asks the sink for each segment when its cursor is damaged, says so, and then believes it again', async () => {
    await withSpool(3, async (spool, add) => {
      writeFileSync(join(spool.directory, 'cursors/fake.cursor'), 'no cursor');
      // It has the first two, and half of the third.
      const sink = new LookingSink(
        new Map([
          [1, 10],
          [2, 10],
          [3, 5],
        ]),
      );
      const pump = new Pump(spool, sink, QUICK);
      await pump.start();
      expect(pump.status().doubt).toMatch(
        /^The cursor .*fake.cursor is damaged. Each segment up to 3 is looked for in the sink before it is sent/,
      );
      expect(await pump.drain(WAIT_MS)).toBe(true);
      await add();
      expect(await pump.drain(WAIT_MS)).toBe(true);
      expect([sink.looked, sink.delivered]).toEqual([[1, 2, 3], [4]]);
      expect(sink.trusted).toEqual([false, true]);
      expect([...sink.has.values()]).toEqual([10, 10, 10, 10]);
      expect(pump.status()).toMatchObject({ delivered: 4, deliveredEvents: 15, doubt: undefined });
      await pump.stop();
    });
  });

  it('keeps back the sink alone whose cursor cannot be read, and everything that it may lack', async () => {
    await withSpool(2, async (spool) => {
      // A folder: root reads every file.
      mkdirSync(join(spool.directory, 'cursors/fake.cursor'));
      const [sink, other] = [new FakeSink(), new FakeSink('other')];
      const pumps = [sink, other].map((one) => new Pump(spool, one, QUICK));
      for (const pump of pumps) await pump.start();
      await until('the other one has everything', () => other.segments.length === 2);
      await until('it says why', () => pumps[0]?.status().lastError !== undefined);
      expect(pumps[0]?.status().lastError).toMatch(/^The cursor of sink fake in .* cannot be read/);
      expect(sink.tried).toEqual([]);
      expect(spool.status().waitingBytes).toBeGreaterThan(0);
      rmdirSync(join(spool.directory, 'cursors/fake.cursor'));
      await until('it goes on', () => sink.segments.length === 2);
      for (const pump of pumps) await pump.stop();
    });
  });

  it('takes over the cursor of an earlier version, with the reasons of what was refused', async () => {
    await withSpool(3, async (spool) => {
      writeFileSync(join(spool.directory, 'cursors/fake.json'), '{"delivered":2,"refused":[{"id":1,"reason":"No."}]}');
      writeFileSync(join(spool.directory, 'cursors/kafka-producer.json'), '{"version":1}');
      const sink = new FakeSink();
      const pump = new Pump(spool, sink, QUICK);
      await pump.start();
      await pump.drain(WAIT_MS);
      expect(sink.tried).toEqual([3]);
      expect(pump.status().refused).toEqual([{ id: 1, reason: 'No.' }]);
      await pump.stop();
      expect(readdirSync(join(spool.directory, 'cursors')).sort()).toEqual(['fake.cursor', 'kafka-producer.json']);
    });
  });

  it('leaves a sink alone that fails again and again, makes it ready before the next try, and says when that is', async () => {
    await withSpool(1, async (spool) => {
      const sink = new FakeSink();
      sink.failure = () => new Error('The engine is not there.');
      const pump = new Pump(spool, sink, { retryMinMs: 1, retryMaxMs: 3_600_000 });
      await pump.start();
      await until('the circuit opens', () => pump.status().circuit === 'open');
      const { failures, retryAtMs, state } = pump.status();
      expect(failures).toBeGreaterThanOrEqual(5);
      expect(state).toBe('waiting');
      expect(retryAtMs).toBeGreaterThan(0);
      await until('it is tried again', () => sink.tried.length >= 6);
      expect(sink.starts).toBeGreaterThanOrEqual(sink.tried.length);
      sink.failure = () => undefined;
      expect(await pump.drain(WAIT_MS)).toBe(true);
      expect(pump.status()).toMatchObject({ circuit: 'closed', failures: 0, retryAtMs: undefined, state: 'running' });
      await pump.stop();
    });
  });

  it('does not wait at the end for a sink whose next try comes later', async () => {
    await withSpool(1, async (spool) => {
      const sink = new FakeSink();
      sink.failure = () => new Error('Nobody listens.');
      const pump = new Pump(spool, sink, { retryMinMs: 2e9, retryMaxMs: 2e9 });
      await pump.start();
      await until('it has failed', () => pump.status().retryAtMs !== undefined);
      // Waited for, this would take days.
      expect(await pump.drain(5e8)).toBe(false);
      await pump.stop();
    });
  });

  it('keeps what a sink refused, and brings it once its cause is mended', async () => {
    await withSpool(3, async (spool) => {
      const sink = new FakeSink();
      sink.failure = (segment) => (segment.id === 2 ? new SinkRejection('Field 99 is not known.') : undefined);
      const pump = new Pump(spool, sink, { ...QUICK, rejections: 1 });
      await pump.start();
      await until('the third is delivered', () => pump.status().delivered === 3);
      const signal = new AbortController().signal;
      const stubborn = await pump.replay({ refused: true }, () => undefined, signal);
      expect(stubborn).toEqual({
        sink: 'fake',
        segments: 0,
        events: 0,
        absent: null,
        ...{ derived: null, changed: null, replaced: null },
        failed: [{ id: 2, reason: 'Field 99 is not known.' }],
      });
      sink.failure = () => undefined;
      const steps: number[] = [];
      expect(await pump.replay({ refused: true }, ({ events }) => steps.push(events), signal)).toMatchObject({ segments: 1, events: 10 });
      expect(steps).toEqual([0, 10]);
      expect(pump.status().refused).toEqual([]);
      expect(await pump.replay({ refused: true }, () => undefined, signal)).toMatchObject({ segments: 0, failed: [] });
      expect(sink.events(EPOCH)).toBe(30);
      await pump.stop();
    });
  });

  it('brings the segments of a time once more between deliveries, and ends with the pump', async () => {
    await withSpool(3, async (spool) => {
      const sink = new FakeSink();
      const pump = new Pump(spool, sink, QUICK);
      await pump.start();
      expect(await pump.drain(WAIT_MS)).toBe(true);
      const signal = new AbortController().signal;
      expect(await pump.replay({}, () => undefined, signal)).toMatchObject({ segments: 3, events: 30 });
      expect(await pump.replay({ toSeconds: 1 }, () => undefined, signal)).toMatchObject({ segments: 0 });
      expect(sink.tried).toEqual([1, 2, 3, 1, 2, 3]);
      sink.failure = () => new Error('Not now.');
      const waiting = pump.replay({}, () => undefined, AbortSignal.abort());
      await expect(waiting).rejects.toThrow('ended before it was done');
      await pump.stop();
      await expect(pump.replay({}, () => undefined, signal)).rejects.toThrow('ended before it was done');
    });
  });

  it('leaves a segment that was given up while the sink was away, and goes on with what is there', async () => {
    await withDirectory(async (dir) => {
      const spool = await Spool.open(dir, { segmentAgeMs: 3_600_000, backlogBytes: 1, whenFull: 'drop-oldest' });
      const sink = new FakeSink();
      sink.failure = () => new Error('The engine is not there.');
      const pump = new Pump(spool, sink, QUICK);
      await pump.start();
      for (let first = 1n; first < 50n; first += 10n) {
        await spool.append([makeBatch(first, 10)]);
        await spool.seal();
      }
      await until('several tries were made', () => sink.tried.length > 5);
      expect(spool.has(1)).toBe(false);
      sink.failure = () => undefined;
      await until('the sink takes again', () => sink.segments.length > 0);
      await spool.seal();
      expect(await pump.drain(WAIT_MS)).toBe(true);
      const had = sink.events(EPOCH);
      const told = (await Promise.all(sink.segments.filter(({ record }) => record === 'control').map(controlEvents))).flat();
      expect(told.reduce((sum, { lost }) => sum + lost, 0n)).toBe(50n - BigInt(had));
      expect(pump.status().lastError).toBeUndefined();
      await pump.stop();
      await spool.close();
    });
  });

  it('writes no loss of a loss that is refused itself', async () => {
    await withSpool(1, async (spool) => {
      const sink = new FakeSink();
      sink.failure = () => new SinkRejection('No.');
      const pump = new Pump(spool, sink, QUICK);
      await pump.start();
      await until('the segment is set aside', () => pump.status().delivered === 1);
      await spool.seal();
      await until('its loss is set aside', () => pump.status().delivered === 2);
      await spool.seal();
      expect(await pump.drain(WAIT_MS)).toBe(true);
      expect(pump.status().refused.map(({ id }) => id)).toEqual([1, 2]);
      expect(spool.sealed().map(({ id }) => id)).toEqual([1, 2]);
      await pump.stop();
    });
  });

  it('lets nobody wait for a replay to a sink that takes nothing', async () => {
    await withSpool(1, async (spool) => {
      const sink = new FakeSink();
      sink.failure = () => new Error('The engine is not there.');
      const pump = new Pump(spool, sink, QUICK);
      await pump.start();
      await until('a try was made', () => sink.tried.length > 0);
      const { signal } = new AbortController();
      await expect(pump.replay({}, () => undefined, signal)).rejects.toThrow(
        /^Sink fake takes nothing now, .*: The engine is not there\.$/,
      );
      await until('the circuit opens', () => pump.status().circuit === 'open');
      await expect(pump.replay({}, () => undefined, signal)).rejects.toThrow(/takes nothing now/);
      await pump.stop();
    });
  });
});
