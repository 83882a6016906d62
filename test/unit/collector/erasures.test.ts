import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ErasureProgress, type ErasureReport, Erasures } from '../../../src/collector/erasures.js';
import { type EraseOrder, makeOrders, writeOrder } from '../../../src/erase/order.js';
import { Pump } from '../../../src/sink/pump.js';
import { setAside } from '../../../src/sink/refused.js';
import type { Erasable } from '../../../src/sink/sink.js';
import { Spool } from '../../../src/spool/spool.js';
import { verifySpool } from '../../../src/spool/verify.js';
import type { SourceStatus } from '../../../src/wire/client.js';
import { toLong, v1 } from '../../../src/wire/proto.js';
import { until } from '../../support/patience.js';
import { EPOCH } from '../support/batches.js';
import { FakeSink } from '../support/fake-sink.js';
import { bytesOf, makePeople, targetOf } from '../support/people.js';
import { withDirectory } from '../support/temporary.js';

const PERSON = '203.0.113.7';
const OTHER = '198.51.100.9';
const ORDER: EraseOrder = {
  ...{ id: 'a1', target: targetOf([PERSON]), selectors: 'address', reason: 'case 17', dryRun: false },
  ...{ author: { uid: 5, loginUid: 6, pid: 7 }, told: true, progress: {} },
};

/** A sink that a person can be taken out of; it fails as often as it is told to. */
class ErasableSink extends FakeSink {
  failures: Error[] = [];
  erasures = 0;
  left = 2;
  readonly erasure: Erasable = {
    count: async () => ({ events: this.left, connections: 1 }),
    erase: async () => {
      const failure = this.failures.shift();
      if (failure !== undefined) throw failure;
      this.erasures++;
      const erased = this.left;
      this.left = 0;
      return erased;
    },
    erased: async () => 2 - this.left,
  };
}

interface Stage {
  readonly spool: Spool;
  readonly sink: ErasableSink;
  /** The capture's log ends here; undefined: no capture. */
  end: bigint | undefined;
  readonly erasures: Erasures;
  order(order: EraseOrder): Promise<ErasureReport>;
  readonly said: ErasureProgress[];
}

async function withStage(action: (stage: Stage, dir: string) => Promise<void>, dir?: string): Promise<void> {
  await withDirectory(async (made) => {
    const place = dir ?? made;
    const orders = join(place, 'erase');
    makeOrders(orders);
    const spool = await Spool.open(join(place, 'spool'), { segmentAgeMs: 3_600_000 });
    const sink = new ErasableSink();
    const pump = new Pump(spool, sink, { retryMinMs: 1, retryMaxMs: 2 });
    await pump.start();
    const said: ErasureProgress[] = [];
    const stage = {
      ...{ spool, sink, end: 4n as bigint | undefined, said },
      receiver: {
        sourceStatus: async () =>
          stage.end === undefined
            ? undefined
            : (v1.SourceStatus.create({ epoch: EPOCH, next_sequence: toLong(stage.end + 1n) }) as unknown as SourceStatus),
        status: () => ({
          ...{ state: stage.end === undefined ? ('waiting' as const) : ('connected' as const), socket: 's', node: 'node-a' },
          ...{ epoch: stage.end === undefined ? '' : EPOCH, source: '', software: '', connections: 1 },
          lastError: stage.end === undefined ? 'There is no capture.' : undefined,
        }),
      },
    };
    const erasures = new Erasures({ directory: orders, capture: join(place, 'none.sock'), spool, pumps: [pump], receiver: stage.receiver });
    const order = async (one: EraseOrder): Promise<ErasureReport> => {
      await writeOrder(orders, one);
      return erasures.carriedOut(one.id, (progress) => void said.push(progress), new AbortController().signal);
    };
    try {
      await action(Object.assign(stage, { erasures, order }), place);
    } finally {
      await erasures.stop();
      await pump.stop();
      await erasures.ended();
      await spool.close();
    }
  });
}

/** Files below a folder in which the person stands. */
function traces(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .map((name) => join(dir, name))
    .filter((path) => {
      try {
        const bytes = readFileSync(path);
        return bytes.includes(PERSON) || bytes.includes(Buffer.from(bytesOf(PERSON)));
      } catch {
        return false;
      }
    });
}

/** The records of erasures in a spool's files. */
function recordsIn(dir: string): { kind: number; name: string; new_value: string; lost: string; uid: number; detail: string }[] {
  return readdirSync(dir)
    .filter((name) => name.endsWith('.control.pb'))
    .sort()
    .flatMap((name) => {
      const body = readFileSync(join(dir, name));
      const { kind, name: id, new_value, lost, uid, detail } = v1.ControlEvent.decodeDelimited(body);
      return id === 'a1' ? [{ kind, name: id, new_value, lost: String(lost), uid, detail }] : [];
    });
}

describe('an order to erase somebody', () => {
  it('is carried out in spool, quarantine, what was set aside and the sinks, and recorded, also without a capture to tell', async () => {
    await withStage(async ({ spool, sink, order, erasures, said }, dir) => {
      erasures.start();
      await spool.append([makePeople(1n, [PERSON, OTHER, PERSON])]);
      await spool.seal();
      const [segment] = spool.sealed();
      if (segment === undefined) throw new Error('There is no segment.');
      for (const name of ['fake', 'gone']) await setAside(spool.directory, name, segment, 'No.');
      writeFileSync(join(spool.directory, 'quarantine/000000000099.conn.pb'), makePeople(90n, [OTHER, PERSON]).body.subarray(0, 160));
      await spool.append([makePeople(4n, [PERSON], 'control')]);
      const counted = await order({ ...ORDER, id: 'count', dryRun: true });
      expect(counted).toMatchObject({ dry_run: true, events: 2, connections: 2, places: { spool: 2, fake: 2 } });
      expect(traces(spool.directory).length).toBeGreaterThan(4);
      const report = await order(ORDER);
      expect(report).toMatchObject({ id: 'a1', events: 2, connections: 2, places: { spool: 2, fake: 2 }, beyond: [], in_force: null });
      expect(traces(dir)).toEqual([]);
      expect(readdirSync(join(dir, 'erase'))).toEqual([]);
      expect(sink.erasures).toBe(1);
      expect(said.map(({ problem }) => problem)).not.toContainEqual(expect.any(String));
      await spool.seal();
      expect(recordsIn(spool.directory)).toEqual([
        {
          kind: v1.ControlKind.Value.erased,
          name: 'a1',
          new_value: 'connections=2 spool=2 fake=2',
          lost: '2',
          uid: process.geteuid?.(),
          detail: 'case 17',
        },
      ]);
      expect(await verifySpool(spool.directory)).toMatchObject({ damaged: [], chainBreaks: [], erased: 2 });
      await expect(erasures.carriedOut('a1', () => undefined, new AbortController().signal)).rejects.toThrow('There is no order "a1"');
    });
  });

  it('stands in the log before anything is changed where no capture was told', async () => {
    await withStage(async ({ spool, sink, order }) => {
      await spool.append([makePeople(1n, [PERSON, OTHER, OTHER, PERSON])]);
      const seen: string[] = [];
      const erase = sink.erasure.erase;
      sink.erasure.erase = async (...args) => {
        seen.push(...recordsIn(spool.directory).map(({ kind, uid }) => `${kind} ${uid}`));
        return erase(...args);
      };
      await order({ ...ORDER, told: false });
      expect(seen).toEqual([`${v1.ControlKind.Value.erase_ordered} 5`]);
    });
  });

  it('is tried again until a sink takes it, and says what keeps it', async () => {
    await withStage(async ({ spool, sink, order, said }) => {
      await spool.append([makePeople(1n, [PERSON, OTHER, OTHER, PERSON])]);
      sink.failures = [new Error('The store’s disk is full.')];
      expect(await order(ORDER)).toMatchObject({ events: 2, places: { spool: 2, fake: 2 } });
      expect(said).toContainEqual({ step: 'waiting', problem: 'The store’s disk is full.' });
      expect(sink.erasures).toBe(1);
    });
  });

  it('stays in force for what the capture had, and is carried out once more when that has come', async () => {
    await withStage(async (stage, dir) => {
      const { spool, order, erasures } = stage;
      stage.end = undefined;
      await spool.append([makePeople(1n, [PERSON, OTHER])]);
      const first = await order(ORDER);
      expect(first).toMatchObject({ events: 2, in_force: expect.stringContaining('stays in force') });
      expect(readdirSync(join(dir, 'erase'))).toEqual(['a1.json']);
      // It comes back, with what it had; later a connection of the person comes, which is no part of the order.
      await spool.append([makePeople(3n, [OTHER, PERSON])]);
      stage.end = 4n;
      erasures.start();
      await until('the order is done', () => readdirSync(join(dir, 'erase')).length === 0);
      expect(traces(spool.directory)).toEqual([]);
      await spool.seal();
      expect(recordsIn(spool.directory).map(({ lost }) => lost)).toEqual(['2']);
    });
  });

  it('is taken up by the next process, from wherever the one before ended', async () => {
    await withDirectory(async (dir) => {
      await withStage(async ({ spool, sink, order }) => {
        await spool.append([makePeople(1n, [PERSON, OTHER, OTHER, PERSON])]);
        sink.failures = Array.from({ length: 1000 }, () => new Error('It takes nothing.'));
        const waiting = order(ORDER);
        await until('it was tried', () => sink.failures.length < 1000);
        waiting.catch(() => undefined);
      }, dir);
      expect(readdirSync(join(dir, 'erase'))).toEqual(['a1.json']);
      await withStage(async ({ spool, erasures }) => {
        erasures.start();
        await until('the order is done', () => readdirSync(join(dir, 'erase')).length === 0);
        await spool.seal();
        expect(recordsIn(spool.directory)).toMatchObject([{ lost: '2', new_value: expect.stringContaining('spool=2') }]);
        expect(traces(dir)).toEqual([]);
      }, dir);
    });
  });

  it('waits for room on a full disk, with nothing half done, and goes on', async () => {
    await withDirectory(async (dir) => {
      const disk = join(dir, 'disk');
      mkdirSync(disk);
      const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', disk]);
      expect(mounted.status, 'a full disk is tested on a small tmpfs: this needs the right to mount, as root has it').toBe(0);
      try {
        await withStage(async (stage) => {
          const { spool, order, said } = stage;
          const people = Array.from({ length: 800 }, (_, i) => (i % 2 === 0 ? PERSON : OTHER));
          await spool.append([makePeople(1n, people)]);
          stage.end = 800n;
          await spool.seal();
          const free = Number(spawnSync('stat', ['-f', '-c', '%a', disk], { encoding: 'utf8' }).stdout) * 4096;
          // Room for the order, and for no segment.
          writeFileSync(join(disk, 'ballast'), Buffer.alloc(free - 48 * 1024));
          const done = order(ORDER);
          await until('it says that the disk is full', () => said.some(({ problem }) => /ENOSPC|full/.test(problem ?? '')));
          expect(await verifySpool(spool.directory)).toMatchObject({ damaged: [], erased: 0 });
          rmSync(join(disk, 'ballast'));
          expect(await done).toMatchObject({ places: { spool: 400 } });
          expect(traces(spool.directory)).toEqual([]);
          expect(await verifySpool(spool.directory)).toMatchObject({ complete: true, erased: 400 });
        }, disk);
      } finally {
        spawnSync('umount', ['-l', disk]);
      }
    });
  });
});
