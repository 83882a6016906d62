import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BelievedClock } from '../../../src/clock/believed-clock.js';
import { Collector, type Undelivered } from '../../../src/collector/collector.js';
import type { CollectorOptions } from '../../../src/collector/options.js';
import type { Segment } from '../../../src/spool/segment.js';
import { verifySpool } from '../../../src/spool/verify.js';
import type { Batch } from '../../../src/wire/batch.js';
import { v1 } from '../../../src/wire/proto.js';
import { until } from '../../support/patience.js';
import { batchFrame, EPOCH, makeBatch, makeLog } from '../support/batches.js';
import { CLOCK } from '../support/clock.js';
import { FakeCapture } from '../support/fake-capture.js';
import { controlEvents, FakeSink } from '../support/fake-sink.js';
import { withDirectory } from '../support/temporary.js';

/** Of the time that the events of makeBatch() have. */
interface Setup {
  readonly capture: FakeCapture;
  readonly sink: FakeSink;
  readonly options: CollectorOptions;
  readonly spoolDirectory: string;
}

async function withCapture(action: (setup: Setup) => Promise<void>): Promise<void> {
  await withDirectory(async (dir) => {
    const path = join(dir, 'capture.sock');
    const capture = new FakeCapture(path);
    await capture.listen();
    const sink = new FakeSink();
    const spoolDirectory = join(dir, 'spool');
    const options = {
      capture: path,
      spoolDirectory,
      sinks: [sink],
      spool: { segmentAgeMs: 20 },
      clock: CLOCK,
      reconnectMinMs: 5,
      reconnectMaxMs: 20,
    };
    try {
      await action({ capture, sink, options, spoolDirectory });
    } finally {
      await capture.close();
    }
  });
}

/** Three events whose checksum is wrong. */
function damagedFrame(): Buffer {
  const frame = batchFrame(makeBatch(1n, 3));
  frame[frame.length - 1] = 0xee;
  return frame;
}

function acked(capture: FakeCapture): bigint {
  return capture.acks.at(-1)?.sequence ?? 0n;
}

async function losses(sink: FakeSink) {
  const local = sink.segments.filter((segment: Segment) => segment.epoch.startsWith('collector-'));
  return (await Promise.all(local.map(controlEvents))).flat();
}

const parts = (n: number) =>
  Array.from({ length: n }, (_, i) => ({ count: 1 + (i % 9), record: i % 5 === 4 ? ('control' as const) : ('conn' as const) }));

describe('Collector', () => {
  it('brings the log to the sink, acknowledges what is durable, and tells how it is', async () => {
    await withCapture(async ({ capture, sink, options, spoolDirectory }) => {
      const log = makeLog(parts(100));
      const last = log.at(-1)?.last ?? 0n;
      capture.publish(...log.slice(0, 50));
      const collector = new Collector(options);
      await collector.start();
      await until('the first half is acknowledged', () => acked(capture) === log[49]?.last);
      capture.publish(...log.slice(50));
      await until('everything is acknowledged', () => acked(capture) === last);
      await until('the sink has everything', () => sink.events(EPOCH) === Number(last));
      await until('its cursor says so', async () => (await collector.status()).sinks[0]?.lagSegments === 0);
      const status = await collector.status();
      expect(status).toMatchObject({
        capture: {
          state: 'connected',
          node: 'node-a',
          epoch: EPOCH,
          source: 'fake',
          connections: 1,
          lastError: undefined,
          status: { state: 'running' },
        },
        spool: { state: 'running', lastDurable: { epoch: EPOCH, sequence: last } },
        sinks: [{ sink: 'fake', state: 'running', lagSegments: 0 }],
        counters: { events: Number(last), batches: 100, duplicates: 0, lost: 0n },
      });
      expect(await collector.stop()).toBe(true);
      expect(sink.closed).toBe(true);
      expect(await verifySpool(spoolDirectory)).toMatchObject({ complete: true, events: Number(last), active: 0 });
    });
  });

  it('connects again after every break, asks for what follows, and drops what it has', async () => {
    await withCapture(async ({ capture, sink, options, spoolDirectory }) => {
      const log = makeLog(parts(60));
      const collector = new Collector(options);
      await collector.start();
      for (let i = 0; i < 60; i += 10) {
        capture.replay = i >= 30; // from here on as if no acknowledgement had arrived
        capture.publish(...log.slice(i, i + 10));
        await until('these ten are acknowledged', () => acked(capture) === log[i + 9]?.last);
        capture.dropAll();
      }
      const total = Number(log.at(-1)?.last);
      await until('the sink has everything', () => sink.events(EPOCH) === total);
      await until('a replayed batch is seen', async () => (await collector.status()).counters.duplicates > 0);
      await collector.stop();
      expect(capture.subscriptions.some((subscription) => subscription.after === log[9]?.last)).toBe(true);
      expect(await verifySpool(spoolDirectory)).toMatchObject({ complete: true, events: total });
    });
  });

  it('goes on after a restart, waits for a capture that is not there, and follows a new epoch', async () => {
    await withCapture(async ({ capture, sink, options, spoolDirectory }) => {
      capture.publish(...makeLog(parts(10)));
      const first = new Collector(options);
      await first.start();
      await until('the first epoch is acknowledged', () => acked(capture) === capture.log.at(-1)?.last);
      await first.stop();
      await capture.close();

      const second = new Collector(options);
      await second.start();
      await until('it notices that nobody is there', async () => (await second.status()).capture.lastError !== undefined);
      expect((await second.status()).capture).toMatchObject({
        state: 'waiting',
        lastError: expect.stringMatching(/^There is no capture at .*: start vslog-capture/),
      });

      const reborn = new FakeCapture(options.capture);
      reborn.epoch = 'another-2';
      reborn.publish(...makeLog(parts(7), 1n, 'another-2'));
      await reborn.listen();
      try {
        await until('the second epoch is acknowledged', () => acked(reborn) === reborn.log.at(-1)?.last);
        expect(reborn.subscriptions[0]).toEqual({ epoch: EPOCH, after: 0n });
        await until('the sink has the new epoch', () => sink.events('another-2') > 0);
        await second.stop();
        const report = await verifySpool(spoolDirectory);
        expect(report).toMatchObject({ complete: true });
        // The first one did not end by a stop, which the log says.
        expect(report.epochs.map(({ epoch }) => epoch.replace(/^collector-.*/, 'local'))).toEqual([EPOCH, 'local', 'another-2']);
      } finally {
        await reborn.close();
      }
    });
  });

  it('writes down what the capture skipped, and a gap in what came, once each', async () => {
    await withCapture(async ({ capture, sink, options, spoolDirectory }) => {
      capture.oldest = 101n;
      capture.publish(makeBatch(101n, 10), makeBatch(116n, 5));
      const collector = new Collector(options);
      await collector.start();
      await until('it is acknowledged', () => acked(capture) === 120n);
      capture.dropAll();
      await until('it is back', () => capture.subscriptions.length === 2);
      capture.publish(makeBatch(121n, 1));
      await until('it goes on', () => acked(capture) === 121n);
      await collector.stop();
      expect(await losses(sink)).toMatchObject([
        { kind: 12, where: 2, lost: 100n, sequence: 1n },
        { kind: 12, where: 2, lost: 5n, sequence: 2n },
      ]);
      const report = await verifySpool(spoolDirectory);
      expect(report.epochs.find((epoch) => epoch.epoch === EPOCH)?.gaps).toEqual([{ first: 111n, last: 115n }]);
    });
  });

  it('ends the session at garbage, and says where in the stream that was', async () => {
    await withCapture(async ({ capture, options }) => {
      const collector = new Collector({ ...options, reconnectMinMs: 3_600_000, reconnectMaxMs: 3_600_000 });
      await collector.start();
      await until('it subscribed', () => capture.subscriptions.length === 1);
      capture.sendRaw(damagedFrame());
      await until('it waits', async () => (await collector.status()).capture.state === 'waiting');
      expect((await collector.status()).capture.lastError).toMatch(/checksum is .* at offset \d+ of the stream/);
      await collector.stop();
    });
  });

  it('survives garbage: the next session has everything', async () => {
    await withCapture(async ({ capture, sink, options }) => {
      const collector = new Collector(options);
      await collector.start();
      await until('it subscribed', () => capture.subscriptions.length === 1);
      capture.sendRaw(damagedFrame());
      await until('it is back', () => capture.subscriptions.length === 2);
      capture.publish(makeBatch(1n, 3));
      await until('the events arrived', () => sink.events(EPOCH) === 3);
      await collector.stop();
      expect(sink.segments.map(({ ranges }) => ranges)).toEqual([[{ first: 1n, last: 3n }]]);
    });
  });

  it('keeps the events when a sink never works, and says so at the end', async () => {
    await withCapture(async ({ capture, sink, options }) => {
      sink.failure = () => new Error('No.');
      capture.publish(...makeLog(parts(5)));
      const collector = new Collector(options);
      await collector.start();
      await until('a try was made', () => sink.tried.length > 0);
      const left: Undelivered[] = [];
      expect(await collector.stop({ drainMs: 50, onUndelivered: (one) => left.push(one) })).toBe(false);
      expect(left).toMatchObject([{ sink: 'fake', events: Number(capture.log.at(-1)?.last) }]);
      const sink2 = new FakeSink();
      const again = new Collector({ ...options, sinks: [sink2] });
      await again.start();
      await until('another sink of that name gets all', () => sink2.events(EPOCH) === Number(capture.log.at(-1)?.last));
      await again.stop();
    });
  });

  it('stops acknowledging on a full disk, says so, and goes on by itself once there is room', async () => {
    await withCapture(async ({ capture, sink, options }) => {
      const disk = `${options.spoolDirectory}-disk`;
      mkdirSync(disk);
      const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=544k', 'tmpfs', disk]);
      expect(mounted.status, 'a full disk is tested on a small tmpfs: this needs the right to mount, as root has it').toBe(0);
      try {
        const spoolDirectory = join(disk, 'spool');
        const collector = new Collector({ ...options, spoolDirectory });
        await collector.start();
        await until('it subscribed', () => capture.subscriptions.length === 1);
        writeFileSync(join(disk, 'ballast'), Buffer.alloc(308 * 1024));
        const log = makeLog(Array.from({ length: 8 }, () => ({ count: 500, record: 'conn' as const })));
        capture.publish(...log);
        await until('it says that the disk is full', async () => /the disk is full/.test((await collector.status()).spool.state));
        expect(acked(capture)).toBeLessThan(4000n);
        rmSync(join(disk, 'ballast'));
        await until('everything is acknowledged', () => acked(capture) === 4000n);
        await until('the sink has everything', () => sink.events(EPOCH) === 4000);
        await collector.stop();
        expect(await verifySpool(spoolDirectory)).toMatchObject({ complete: true, events: 4000 });
      } finally {
        spawnSync('umount', ['-l', disk]);
      }
    });
  });

  it('tells in the log of a node whose clock is wrong, once, and by how much; its events stay as they are', async () => {
    await withCapture(async ({ capture, sink, options }) => {
      const wall = Date.UTC(2150, 0, 1);
      const collector = new Collector({ ...options, clock: new BelievedClock({ wall: () => wall, uptime: () => 0, boot: 'b' }) });
      await collector.start();
      const log = makeLog(parts(30));
      capture.publish(...log);
      await until('the sink has everything', () => sink.events(EPOCH) === log.reduce((sum, { count }) => sum + count, 0));
      await until('the record is there', async () => (await losses(sink)).length > 0);
      expect(await losses(sink)).toMatchObject([
        { kind: v1.ControlKind.Value.clock, detail: expect.stringMatching(/^An event of node node-a has time 2023-11-14T/) },
      ]);
      const { clock } = await collector.status();
      expect(clock).toMatchObject({ believedMs: wall, doubt: undefined, nodes: [{ node: 'node-a' }] });
      await collector.stop();
    });
  });

  it('tails live batches on a connection of its own', async () => {
    await withCapture(async ({ capture, options }) => {
      capture.publish(makeBatch(1n, 3));
      const collector = new Collector(options);
      const abort = new AbortController();
      const seen: Batch[] = [];
      const nodes: string[] = [];
      const tailing = collector.tail({ groups: ['conn_create'] }, async (batch) => void seen.push(batch), abort.signal, {
        onStart: ({ node }) => nodes.push(node),
      });
      let first = 4n;
      await until('a batch is seen', () => {
        if (seen.length === 0) capture.publish(makeBatch(first++, 1));
        return seen.length > 0;
      });
      expect(seen[0]?.first).toBeGreaterThan(3n);
      expect(nodes).toEqual(['node-a']);
      abort.abort();
      await tailing;
      await capture.close();
      await expect(collector.tail({}, () => undefined, new AbortController().signal)).rejects.toThrow(/There is no capture/);
    });
  });
});
