import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Collector } from '../../../src/collector/collector.js';
import type { CollectorOptions } from '../../../src/collector/options.js';
import type { Sink } from '../../../src/sink/sink.js';
import { verifySpool } from '../../../src/spool/verify.js';
import { until } from '../../support/patience.js';
import { EPOCH, makeBatch } from '../support/batches.js';
import { CLOCK } from '../support/clock.js';
import { FakeCapture } from '../support/fake-capture.js';
import { controlEvents, FakeSink, LookingSink } from '../support/fake-sink.js';
import { withDirectory } from '../support/temporary.js';

/** Events of a segment. */
const SIZE = 200;
const QUICK = { retryMinMs: 1, retryMaxMs: 5 };

interface Stage {
  readonly capture: FakeCapture;
  readonly directory: string;
  collector(sinks: readonly Sink[], spool?: CollectorOptions['spool']): Collector;
}

async function onStage(action: (stage: Stage) => Promise<void>): Promise<void> {
  await withDirectory(async (root) => {
    const path = join(root, 'capture.sock');
    const capture = new FakeCapture(path);
    await capture.listen();
    const directory = join(root, 'disk/spool');
    mkdirSync(join(root, 'disk'));
    const collector: Stage['collector'] = (sinks, spool) =>
      new Collector({
        clock: CLOCK,
        ...{ capture: path, spoolDirectory: directory, sinks, pump: QUICK, reconnectMinMs: 5, reconnectMaxMs: 20 },
        spool: { segmentEvents: SIZE, segmentAgeMs: 3_600_000, ...spool },
      });
    try {
      await action({ capture, directory, collector });
    } finally {
      await capture.close();
    }
  });
}

/** Batches behind what was published; the last sequence. */
function publish(capture: FakeCapture, batches: number): number {
  for (let i = 0; i < batches; i++) capture.publish(makeBatch((capture.log.at(-1)?.last ?? 0n) + 1n, SIZE));
  return Number(capture.log.at(-1)?.last);
}

/** As many segments: each batch is acknowledged before the next one comes. */
async function publishSegments(capture: FakeCapture, segments: number): Promise<number> {
  let total = 0;
  for (let i = 0; i < segments; i++) {
    total = publish(capture, 1);
    await until('it is acknowledged', () => Number(capture.acks.at(-1)?.sequence ?? 0n) === total);
  }
  return total;
}

/** A sink that does not work. */
function broken(name: string): FakeSink {
  const sink = new FakeSink(name);
  sink.failure = () => new Error('The disk of the files is read-only.');
  return sink;
}

async function losses(sink: FakeSink) {
  return (await Promise.all(sink.segments.filter(({ record }) => record === 'control').map(controlEvents))).flat();
}

describe('a collector with several sinks', () => {
  it('keeps what one of them lacks, however often it is started', () =>
    onStage(async ({ capture, collector }) => {
      const filling = collector([broken('quick'), broken('slow')]);
      await filling.start();
      const total = await publishSegments(capture, 12);
      await filling.stop({ drainMs: 0 });
      for (let start = 0; start < 6; start++) {
        const quick = new FakeSink('quick');
        const running = collector([quick, broken('slow')], { maxBytes: 1 });
        await running.start();
        if (start === 0) await until('the first has everything', () => quick.events(EPOCH) === total);
        await running.stop({ drainMs: 0 });
      }
      const [quick, slow] = [new FakeSink('quick'), new FakeSink('slow')];
      const running = collector([quick, slow], { maxBytes: 1 });
      await running.start();
      await until('it has what the spool has', async () => (await running.status()).sinks[1]?.lagSegments === 0);
      await running.stop();
      expect(slow.events(EPOCH)).toBe(total);
      expect(await losses(slow)).toEqual([]);
    }));

  it('keeps it also while that one is switched off, and says so', () =>
    onStage(async ({ capture, collector }) => {
      publish(capture, 3);
      const [quick, off] = [new FakeSink('quick'), new FakeSink('off')];
      const both = collector([quick, off]);
      await both.start();
      await until('both have it', () => off.events(EPOCH) === 3 * SIZE && quick.events(EPOCH) === 3 * SIZE);
      await both.stop();
      const alone = collector([quick], { maxBytes: 1 });
      await alone.start();
      const total = await publishSegments(capture, 4);
      await until('the other one has all', () => quick.events(EPOCH) === total);
      const { spool } = await alone.status();
      expect(spool.idle).toMatchObject([{ name: 'off', delivered: 1, segments: 4, events: 4 * SIZE }]);
      await alone.stop();
      const again = collector([quick, off], { maxBytes: 1 });
      await again.start();
      await until('it has all', () => off.events(EPOCH) === total);
      expect((await again.status()).sinks[1]).toMatchObject({ lacks: undefined, doubt: undefined });
      await again.stop();
      expect(await losses(off)).toEqual([]);
    }));

  it('goes on with the others where one cursor is damaged, and doubles nothing in any', () =>
    onStage(async ({ capture, directory, collector }) => {
      const total = publish(capture, 5);
      const sinks = [new LookingSink(new Map(), 'a'), new LookingSink(new Map(), 'b')];
      const events = (sink: LookingSink): number => [...sink.has.values()].reduce((sum, count) => sum + count, 0);
      const first = collector(sinks);
      await first.start();
      await until('both have it', () => sinks.every((sink) => events(sink) === total));
      await first.stop();
      for (const name of readdirSync(join(directory, 'cursors')).filter((one) => one.startsWith('a.'))) {
        const file = openSync(join(directory, 'cursors', name), 'r+');
        writeSync(file, Buffer.alloc(8192, 0x55), 0, 8192, 0);
        closeSync(file);
      }
      const more = publish(capture, 2);
      const again = collector(sinks);
      await again.start();
      await until('both have the rest', () => sinks.every((sink) => events(sink) >= more));
      await until('no cursor is doubted any more', async () => (await again.status()).sinks.every(({ doubt }) => doubt === undefined));
      await again.stop();
      expect(sinks.map(events)).toEqual([more, more]);
    }));
});

describe('a full disk with policy block', () => {
  it('is drained by a sink that works again although not one byte is free, and then the spool takes events again', () =>
    onStage(async ({ capture, directory, collector }) => {
      const disk = join(directory, '..');
      const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', disk]);
      expect(mounted.status, 'a full disk is tested on a small tmpfs: this needs the right to mount, as root has it').toBe(0);
      try {
        const sink = broken('slow');
        const running = collector([sink]);
        await running.start();
        await publishSegments(capture, 8);
        const ballast = openSync(join(disk, 'ballast'), 'w');
        const fill = (): void => {
          for (;;) if (writeSync(ballast, Buffer.alloc(512)) === 0) return;
        };
        expect(fill).toThrow('ENOSPC');
        const total = publish(capture, 10);
        await until('it says that the disk is full', async () => /the disk is full/.test((await running.status()).spool.state));
        expect(statfsSync(disk).bavail).toBe(0);
        sink.failure = () => undefined;
        await until('the sink has everything that was made', () => sink.events(EPOCH) === total);
        await until('the spool is well', async () => (await running.status()).spool.state === 'running');
        closeSync(ballast);
        await running.stop();
        expect((await verifySpool(directory)).damaged).toEqual([]);
        expect(await losses(sink)).toEqual([]);
      } finally {
        spawnSync('umount', ['-l', disk]);
      }
    }));

  it('does not keep a sink from being made known that is new: its cursor is tried again', () =>
    onStage(async ({ capture, directory, collector }) => {
      const disk = join(directory, '..');
      expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', disk]).status, 'needs the right to mount').toBe(0);
      try {
        const total = publish(capture, 2);
        const first = collector([new FakeSink('one')]);
        await first.start();
        await until('it is here', async () => (await first.status()).counters.events === total);
        await first.stop();
        const ballast = openSync(join(disk, 'ballast'), 'w');
        expect(() => {
          for (;;) writeSync(ballast, Buffer.alloc(512));
        }).toThrow('ENOSPC');
        const two = new FakeSink('two');
        const again = collector([new FakeSink('one'), two]);
        await again.start();
        await until('it was given something', () => two.segments.length > 0);
        await until('it says why it does not go on', async () => /ENOSPC|full/.test((await again.status()).sinks[1]?.lastError ?? ''));
        closeSync(ballast);
        rmSync(join(disk, 'ballast'));
        await until('it has everything', async () => (await again.status()).sinks[1]?.lagSegments === 0);
        await again.stop();
      } finally {
        spawnSync('umount', ['-l', disk]);
      }
    }));
});
