import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Collector } from '../../../src/collector/collector.js';
import { endsByStop, stoppedAt, takenOver } from '../../../src/collector/epoch-end.js';
import type { Batch } from '../../../src/wire/batch.js';
import { nextEvent } from '../../../src/wire/batch.js';
import { crc32c } from '../../../src/wire/crc32c.js';
import { toBigInt, toLong, v1 } from '../../../src/wire/proto.js';
import { until } from '../../support/patience.js';
import { EPOCH, makeBatch } from '../support/batches.js';
import { CLOCK } from '../support/clock.js';
import { FakeCapture } from '../support/fake-capture.js';
import { FakeSink } from '../support/fake-sink.js';
import { withDirectory } from '../support/temporary.js';

const NEXT = 'another-1700000000001';

/** A batch of one control event. */
function control(kind: keyof typeof v1.ControlKind.Value, sequence: bigint, epoch: string, old_value = ''): Batch {
  const body = Buffer.from(
    v1.ControlEvent.encodeDelimited({
      kind: v1.ControlKind.Value[kind],
      sequence: toLong(sequence),
      time_ns: toLong(1_700_000_000_000_000_000n),
      old_value,
    }).finish(),
  );
  return {
    record: 'control',
    node: 'node-a',
    epoch,
    first: sequence,
    last: sequence,
    count: 1,
    crc32c: crc32c(body),
    filtered: false,
    body,
  };
}

interface Told {
  readonly lost: bigint;
  readonly unknown: boolean;
  readonly id: string;
  readonly detail: string;
}

function lossesIn(path: string): Told[] {
  const body = readFileSync(path);
  const found: Told[] = [];
  for (let at = 0; at < body.length; ) {
    const { start, end } = nextEvent(body, at);
    const event = v1.ControlEvent.decode(body.subarray(start, end));
    found.push({ lost: toBigInt(event.lost), unknown: event.lost_unknown, id: event.loss_id, detail: event.detail });
    at = end;
  }
  return found;
}

/** Runs a collector through one epoch, ends it, and lets another one come to a capture whose journal has only that; what the log then says is missing. */
async function lossesOf(
  first: readonly Batch[],
  second: readonly Batch[],
  options: { readonly restart: boolean; readonly oldest?: bigint },
) {
  let losses: Told[] = [];
  await withDirectory(async (dir) => {
    const path = join(dir, 'capture.sock');
    const sink = new FakeSink();
    const make = () =>
      new Collector({
        clock: CLOCK,
        capture: path,
        spoolDirectory: join(dir, 'spool'),
        sinks: [sink],
        spool: { segmentAgeMs: 20 },
        reconnectMinMs: 5,
        reconnectMaxMs: 20,
      });
    const capture = new FakeCapture(path);
    await capture.listen();
    let collector = make();
    await collector.start();
    capture.publish(...first);
    await until('the first epoch is acknowledged', () => capture.acks.at(-1)?.sequence === first.at(-1)?.last);
    if (options.restart) await collector.stop();
    await capture.close();
    const reborn = new FakeCapture(path);
    reborn.epoch = NEXT;
    reborn.oldest = options.oldest ?? 1n;
    reborn.publish(...second);
    await reborn.listen();
    try {
      if (options.restart) {
        collector = make();
        await collector.start();
      }
      const acked = () => reborn.acks.at(-1);
      await until('the second epoch is acknowledged', () => acked()?.epoch === NEXT && acked()?.sequence === second.at(-1)?.last);
      // Told once, however often the capture is come to.
      reborn.dropAll();
      const last = second.at(-1)?.last ?? 0n;
      reborn.publish(makeBatch(last + 1n, 1, 'conn', NEXT));
      await until('one more is acknowledged', () => acked()?.sequence === last + 1n);
    } finally {
      await collector.stop();
      await reborn.close();
    }
    losses = sink.segments.filter(({ epoch }) => epoch.startsWith('collector-')).flatMap(({ path }) => lossesIn(path));
  });
  return losses;
}

const STARTED = control('capture_started', 1n, NEXT);
const UNKNOWN = {
  lost: 0n,
  unknown: true,
  id: `journal:${EPOCH}:end`,
  detail: expect.stringContaining(`Events after sequence 12 of epoch ${EPOCH} are unknown`),
};

describe.each([{ restart: false }, { restart: true }])('an epoch that ends, the collector restarted: $restart', (how) => {
  it('is complete with the record of a stop', async () => {
    const first = [makeBatch(1n, 10), makeBatch(11n, 1), control('capture_stopped', 12n, EPOCH)];
    expect(await lossesOf(first, [STARTED, makeBatch(2n, 3, 'conn', NEXT)], how)).toEqual([]);
  });

  it('is complete when the next one goes on from its last record', async () => {
    const next = [control('capture_started', 1n, NEXT, `epoch=${EPOCH} last=12 end=cut`), makeBatch(2n, 3, 'conn', NEXT)];
    expect(await lossesOf([makeBatch(1n, 12)], next, how)).toEqual([]);
  });

  it('lacks what the next one knows of and did not come', async () => {
    const next = [control('capture_started', 1n, NEXT, `epoch=${EPOCH} last=20 end=stopped`), makeBatch(2n, 3, 'conn', NEXT)];
    expect(await lossesOf([makeBatch(1n, 12)], next, how)).toEqual([
      { lost: 8n, unknown: false, id: `journal:${EPOCH}:13-20`, detail: expect.stringContaining('sequences 13 to 20') },
    ]);
  });

  it('lacks nobody knows what when the journal is gone', async () => {
    expect(await lossesOf([makeBatch(1n, 12)], [STARTED, makeBatch(2n, 3, 'conn', NEXT)], how)).toEqual([UNKNOWN]);
  });

  it('lacks nobody knows what when its stop was taken back by another start', async () => {
    const first = [makeBatch(1n, 10), control('capture_stopped', 11n, EPOCH), control('capture_started', 12n, EPOCH)];
    expect(await lossesOf(first, [STARTED, makeBatch(2n, 3, 'conn', NEXT)], how)).toEqual([UNKNOWN]);
  });

  it('lacks an epoch in between of which nothing is left', async () => {
    const next = [control('capture_started', 1n, NEXT, 'epoch=between-2 last=7 end=stopped'), makeBatch(2n, 3, 'conn', NEXT)];
    expect(await lossesOf([makeBatch(1n, 12)], next, how)).toEqual([
      UNKNOWN,
      { lost: 7n, unknown: false, id: 'journal:between-2:1-7', detail: expect.stringContaining('sequences 1 to 7') },
    ]);
  });

  it('lacks nobody knows what when the beginning of the next one is gone', async () => {
    const losses = await lossesOf([makeBatch(1n, 12)], [makeBatch(5n, 3, 'conn', NEXT)], { ...how, oldest: 5n });
    expect(losses).toEqual([
      UNKNOWN,
      { lost: 4n, unknown: false, id: expect.any(String), detail: expect.stringContaining('sequences 1 to 4') },
    ]);
  });
});

describe('the records at an epoch’s ends', () => {
  it('are looked for where they can be', async () => {
    expect(takenOver(makeBatch(1n, 3, 'control'))).toBeUndefined();
    expect(takenOver(makeBatch(1n, 3))).toBeUndefined();
    expect(takenOver(control('capture_started', 5n, EPOCH, 'epoch=a last=3 end=cut'))).toBeUndefined();
    expect(takenOver(control('capture_started', 1n, EPOCH, 'epoch=a last=3 end=cut'))).toEqual({ epoch: 'a', sequence: 3n });
    const two = Buffer.concat([makeBatch(1n, 1, 'control').body, control('capture_stopped', 2n, EPOCH).body]);
    expect(endsByStop({ record: 'control', body: two })).toBe(true);
    expect(endsByStop(makeBatch(1n, 3))).toBe(false);
    await withDirectory(async (dir) => {
      expect(await stoppedAt(dir, { epoch: EPOCH, sequence: 3n })).toBe(false);
    });
  });
});
