import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, truncateSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SpoolInUseError, SpoolWriteError } from '../../../src/spool/errors.js';
import { ENTRY_SIZE } from '../../../src/spool/index-file.js';
import type { SpoolOptions } from '../../../src/spool/options.js';
import type { Segment } from '../../../src/spool/segment.js';
import { Spool } from '../../../src/spool/spool.js';
import { verifySpool } from '../../../src/spool/verify.js';
import type { Batch } from '../../../src/wire/batch.js';
import { until } from '../../support/patience.js';
import { EPOCH, makeBatch, makeLog } from '../support/batches.js';
import { controlEvents } from '../support/fake-sink.js';
import { withDirectory } from '../support/temporary.js';

const SLOW: SpoolOptions = { segmentAgeMs: 3_600_000 };

async function sealed(spool: Spool): Promise<Segment[]> {
  const segments: Segment[] = [];
  for (let segment = await spool.next(0); segment !== undefined; segment = await spool.next(segment.id)) segments.push(segment);
  return segments;
}

describe('Spool', () => {
  it('writes bodies as they came, one after another, and seals by age', async () => {
    await withDirectory(async (dir) => {
      const spool = await Spool.open(dir, { segmentAgeMs: 20 });
      const log = makeLog([
        { count: 3, record: 'conn' },
        { count: 1, record: 'control' },
        { count: 5, record: 'conn' },
      ]);
      await spool.append(log);
      expect(spool.lastDurable()).toEqual({ epoch: EPOCH, sequence: 9n });
      await until('both segments are sealed', () => spool.status().segments === 2);
      const [conn, control] = await sealed(spool);
      expect(conn).toMatchObject({ id: 1, record: 'conn', node: 'node-a', epoch: EPOCH, count: 8 });
      expect(conn?.ranges).toEqual([
        { first: 1n, last: 3n },
        { first: 5n, last: 9n },
      ]);
      expect(control).toMatchObject({ id: 2, record: 'control', count: 1, ranges: [{ first: 4n, last: 4n }] });
      expect(readFileSync(conn?.path ?? '')).toEqual(
        Buffer.concat(log.filter((batch) => batch.record === 'conn').map((batch) => batch.body)),
      );
      await spool.close();
      expect(await verifySpool(dir)).toMatchObject({ complete: true, segments: 2, events: 9 });
    });
  });

  it('gathers what comes soon after a write, and gives it up when asked to hurry', async () => {
    await withDirectory(async (dir) => {
      const spool = await Spool.open(dir, { ...SLOW, gatherMs: 3_600_000 });
      const [first, second, third, fourth] = makeLog(Array.from({ length: 4 }, () => ({ count: 5, record: 'conn' as const })));
      const append = (batch: Batch | undefined): Promise<void> => spool.append(batch === undefined ? [] : [batch]);
      await append(first);
      expect(spool.lastDurable()?.sequence).toBe(5n);
      const later = [append(second), append(third)];
      await new Promise(setImmediate);
      expect(spool.status()).toMatchObject({ activeEvents: 5, backlogBytes: (second?.body.length ?? 0) + (third?.body.length ?? 0) });
      await spool.idle();
      await Promise.all(later);
      expect(spool.lastDurable()?.sequence).toBe(15n);
      const last = append(fourth);
      await spool.close();
      await last;
      expect(await verifySpool(dir)).toMatchObject({ complete: true, events: 20 });
    });
  });

  it('writes and seals what is queued before it closes, also while it seals', async () => {
    await withDirectory(async (dir) => {
      const spool = await Spool.open(dir, { ...SLOW, fsync: 'interval:3600000' });
      const [first, second, third] = makeLog(Array.from({ length: 3 }, () => ({ count: 5, record: 'conn' as const })));
      const append = (batch: Batch | undefined): Promise<void> => spool.append(batch === undefined ? [] : [batch]);
      await Promise.all([append(first), spool.seal()]);
      const later = [append(second), spool.seal(), append(third)];
      await spool.close();
      await Promise.all(later);
      expect(await verifySpool(dir)).toMatchObject({ complete: true, events: 15 });
    });
  });

  it('seals at its limits of size and events', async () => {
    await withDirectory(async (dir) => {
      const spool = await Spool.open(dir, { ...SLOW, segmentEvents: 10 });
      for (const batch of makeLog(Array.from({ length: 9 }, () => ({ count: 5, record: 'conn' as const })))) await spool.append([batch]);
      await spool.idle();
      expect((await sealed(spool)).map((segment) => segment.count)).toEqual([10, 10, 10, 10]);
      await spool.close();
      expect(await verifySpool(dir)).toMatchObject({ complete: true, segments: 5, events: 45 });
    });
  });

  it('begins new segments at a new epoch and remembers its position over a restart', async () => {
    await withDirectory(async (dir) => {
      let spool = await Spool.open(dir, SLOW);
      await spool.append([makeBatch(1n, 4), makeBatch(1n, 2, 'conn', 'other-1')]);
      expect(spool.lastDurable()).toEqual({ epoch: 'other-1', sequence: 2n });
      await spool.close();
      spool = await Spool.open(dir, SLOW);
      expect(spool.lastDurable()).toEqual({ epoch: 'other-1', sequence: 2n });
      expect((await sealed(spool)).map((segment) => segment.epoch)).toEqual([EPOCH, 'other-1']);
      await spool.close();
    });
  });

  it('groups appends that come during a write, and every fsync policy acknowledges', async () => {
    for (const fsync of ['always', 'interval:30', 'never'] as const) {
      await withDirectory(async (dir) => {
        const spool = await Spool.open(dir, { ...SLOW, fsync });
        const log = makeLog(
          Array.from({ length: 50 }, (_, i) => ({ count: 2, record: i % 7 === 0 ? ('control' as const) : ('conn' as const) })),
        );
        await Promise.all(log.map((batch) => spool.append([batch])));
        expect(spool.lastDurable()).toEqual({ epoch: EPOCH, sequence: 100n });
        await spool.close();
        expect(await verifySpool(dir)).toMatchObject({ complete: true, segments: 2, events: 100 });
      });
    }
    await withDirectory(async (dir) => {
      await expect(Spool.open(dir, { fsync: 'sometimes' as 'never' })).rejects.toThrow(/always, interval:MS or never/);
    });
  });

  it('has durable what it wrote when it is ready for a session: that is not asked for, and written, once more', async () => {
    await withDirectory(async (dir) => {
      const spool = await Spool.open(dir, { ...SLOW, fsync: 'interval:3600000' });
      await spool.append([makeBatch(1n, 5)]);
      const second = spool.append([makeBatch(6n, 5)]);
      await spool.ready();
      expect(spool.lastDurable()).toEqual({ epoch: EPOCH, sequence: 10n });
      await second;
      await spool.close();
    });
  });

  it('is held by one process: another open is refused with a sentence, a killed holder is no hindrance', async () => {
    await withDirectory(async (dir) => {
      const spool = await Spool.open(dir);
      await expect(Spool.open(dir)).rejects.toThrow(SpoolInUseError);
      await expect(Spool.open(dir)).rejects.toThrow(`in use by process ${process.pid}`);
      await spool.close();
      await (await Spool.open(dir)).close();
    });
  });

  it('never loses an acknowledged batch, wherever the active files are torn behind it', async () => {
    await withDirectory(async (root) => {
      const record = fc.constantFrom('conn' as const, 'control' as const);
      const part = fc.record({ count: fc.integer({ min: 1, max: 4 }), record });
      let run = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(part, { minLength: 1, maxLength: 12 }),
          fc.nat(12),
          fc.nat(10_000),
          fc.nat(10_000),
          fc.boolean(),
          async (parts, ackedParts, bodyCut, indexCut, garbage) => {
            const live = join(root, `live-${run}`);
            const dir = join(root, `copy-${run++}`);
            const log = makeLog(parts);
            const acked = Math.min(ackedParts, log.length);
            const spool = await Spool.open(live, { ...SLOW, fsync: 'never' });
            for (const batch of log.slice(0, acked)) await spool.append([batch]);
            const safe = new Map(
              readdirSync(live, { withFileTypes: true }).map((each) => [
                each.name,
                each.isFile() ? readFileSync(join(live, each.name)).length : 0,
              ]),
            );
            for (const batch of log.slice(acked)) await spool.append([batch]);
            await cp(live, dir, { recursive: true }); // as after kill -9
            await spool.close();
            for (const name of readdirSync(dir).filter((each) => /\.(pb|idx)$/.test(each))) {
              const path = join(dir, name);
              const from = safe.get(name) ?? 0;
              const unsafe = readFileSync(path).length - from;
              truncateSync(path, from + ((name.endsWith('pb') ? bodyCut : indexCut) % (unsafe + 1)));
              if (garbage) writeFileSync(path, Buffer.alloc(ENTRY_SIZE + 3, 0xa5), { flag: 'a' });
            }
            const again = await Spool.open(dir, SLOW);
            const ackedLast = log[acked - 1]?.last ?? 0n;
            const durable = again.lastDurable()?.sequence ?? 0n;
            expect(durable).toBeGreaterThanOrEqual(ackedLast);
            // It can go on right there, and the whole is complete.
            await again.append(log.filter((batch) => batch.first > durable));
            await again.close();
            const report = await verifySpool(dir);
            expect(report).toMatchObject({ complete: true, active: 0 });
            expect(report.epochs).toMatchObject([{ first: 1n, last: log.at(-1)?.last, gaps: [], duplicates: [] }]);
          },
        ),
        { numRuns: 60 },
      );
    });
  });

  it('takes a segment that cannot be read now for no damaged one, and one that is damaged for one loss whoever finds it', async () => {
    await withDirectory(async (dir) => {
      const spool = await Spool.open(dir, SLOW);
      for (const first of [1n, 11n]) {
        await spool.append([makeBatch(first, 10)]);
        await spool.seal();
      }
      await spool.close();
      const body = join(dir, '000000000001.conn.pb');
      const bytes = readFileSync(body);
      const reopened = await Spool.open(dir, SLOW);
      // A folder in its place cannot be read, whoever asks.
      renameSync(body, `${body}.away`);
      mkdirSync(body);
      await expect(reopened.next(0)).rejects.toThrow(/^The body of segment 000000000001.conn.pb cannot be read: /);
      rmdirSync(body);
      bytes[3] = (bytes[3] ?? 0) ^ 1;
      writeFileSync(body, bytes);
      const found = await Promise.all([reopened.next(0), reopened.next(0), reopened.next(0)]);
      expect(found.map((segment) => segment?.id)).toEqual([2, 2, 2]);
      expect(reopened.status().quarantined).toBe(1);
      await reopened.seal();
      const [loss] = await Promise.all((await sealed(reopened)).filter(({ record }) => record === 'control').map(controlEvents));
      expect(loss).toMatchObject([{ lost: 10n }]);
      await reopened.close();
    });
  });

  it('puts a damaged segment into quarantine, records the loss and goes on', async () => {
    for (const kind of ['pb', 'idx']) {
      await withDirectory(async (dir) => {
        let spool = await Spool.open(dir, SLOW);
        for (const batch of makeLog([1, 2, 3, 4].map((i) => ({ count: i * 10, record: 'conn' as const })))) {
          await spool.append([batch]);
          await spool.seal();
        }
        await spool.close();
        const path = join(dir, `000000000002.conn.${kind}`);
        const bytes = readFileSync(path);
        bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 0x10;
        writeFileSync(path, bytes);
        expect(await verifySpool(dir)).toMatchObject({ complete: false, damaged: [{ id: 2, record: 'conn' }] });

        spool = await Spool.open(dir, SLOW);
        expect(spool.lastDurable()).toEqual({ epoch: EPOCH, sequence: 100n });
        await sealed(spool);
        await spool.seal();
        const segments = await sealed(spool);
        expect(segments.map((segment) => segment.id)).toEqual([1, 3, 4, 5]);
        const [loss] = await controlEvents(segments[3] as Segment);
        expect(loss).toMatchObject({ kind: 12, where: 3, lost: 20n, sequence: 1n });
        expect(loss?.detail).toContain('Sequences 11-30');
        expect(segments[3]).toMatchObject({ record: 'control', node: 'node-a', epoch: expect.stringMatching(/^collector-\d+$/) });
        expect(spool.lastDurable()).toEqual({ epoch: EPOCH, sequence: 100n });
        await spool.close();
        const report = await verifySpool(dir);
        expect(report).toMatchObject({ complete: false, damaged: [], quarantined: [2], chainBreaks: [] });
        expect(report.epochs[0]?.gaps).toEqual([{ first: 11n, last: 30n }]);

        spool = await Spool.open(dir, SLOW); // the loss is recorded once
        expect(await sealed(spool)).toHaveLength(4);
        await spool.close();
      });
    }
  });

  it('does not throw away the newest segment when its index cannot be read', async () => {
    await withDirectory(async (dir) => {
      let spool = await Spool.open(dir, SLOW);
      await spool.append([makeBatch(1n, 10)]);
      await spool.seal();
      await spool.append([makeBatch(11n, 10)]);
      await spool.close();
      const path = join(dir, '000000000002.conn.idx');
      const bytes = readFileSync(path);
      bytes[10] = 0;
      writeFileSync(path, bytes);
      spool = await Spool.open(dir, SLOW);
      // Its events say which they are: they are told as lost, and not asked for again.
      expect(spool.lastDurable()).toEqual({ epoch: EPOCH, sequence: 20n });
      expect(spool.status()).toMatchObject({ quarantined: 1, losses: [{ where: 'spool', lost: 10n, unknown: false }] });
      await spool.close();
      expect(readdirSync(join(dir, 'quarantine'))).toContain('000000000002.conn.pb');
      expect((await verifySpool(dir)).epochs).toMatchObject([{ last: 10n }, { local: true, count: 1 }]);
    });
  });

  it('notices a segment that was replaced together with its index', async () => {
    await withDirectory(async (dir) => {
      await withDirectory(async (other) => {
        for (const [where, count] of [
          [dir, 5],
          [other, 6],
        ] as const) {
          const spool = await Spool.open(where, SLOW);
          for (const batch of makeLog([
            { count, record: 'conn' },
            { count: 7, record: 'conn' },
          ])) {
            await spool.append([batch]);
            await spool.seal();
          }
          await spool.close();
        }
        for (const kind of ['pb', 'idx']) await cp(join(other, `000000000001.conn.${kind}`), join(dir, `000000000001.conn.${kind}`));
        expect((await verifySpool(dir)).chainBreaks).toMatchObject([{ id: 2 }]);
      });
    });
  });

  it('removes only what every cursor has passed, and the chain still verifies', async () => {
    await withDirectory(async (dir) => {
      let spool = await Spool.open(dir, { ...SLOW, maxSegments: 3 });
      spool.setCursor('a', 0);
      spool.setCursor('b', 0);
      const add = async (first: bigint) => {
        await spool.append([makeBatch(first, 10)]);
        await spool.seal();
      };
      for (let i = 0n; i < 6n; i++) await add(1n + i * 10n);
      expect(spool.status().segments).toBe(6);
      spool.setCursor('a', 6);
      spool.setCursor('b', 2);
      await add(61n);
      expect(spool.status()).toMatchObject({ segments: 5, oldest: 3 });
      spool.setCursor('b', 7);
      await add(71n);
      expect(spool.status()).toMatchObject({ segments: 3, oldest: 6 });
      await spool.close();
      expect(await verifySpool(dir)).toMatchObject({ complete: true, segments: 3, epochs: [{ first: 51n, last: 80n }] });
      spool = await Spool.open(dir, { ...SLOW, maxBytes: 1 });
      await add(81n);
      expect(spool.status()).toMatchObject({ segments: 1, oldest: 9, newest: 9 });
      expect(spool.lastDurable()).toEqual({ epoch: EPOCH, sequence: 90n });
      await spool.close();
    });
  });

  it('acknowledges nothing on a full disk, says so, and goes on once there is room', async () => {
    await withDirectory(async (root) => {
      const disk = join(root, 'disk');
      mkdirSync(disk);
      const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', disk]);
      expect(mounted.status, 'a full disk is tested on a small tmpfs: this needs the right to mount, as root has it').toBe(0);
      try {
        const dir = join(disk, 'spool');
        const spool = await Spool.open(dir, SLOW);
        await spool.append([makeBatch(1n, 100)]);
        writeFileSync(join(disk, 'ballast'), Buffer.alloc(250 * 1024));
        let next = 101n;
        let failure: unknown;
        while (failure === undefined) {
          await spool.append([makeBatch(next, 500)]).catch((error: unknown) => {
            failure = error;
          });
          if (failure === undefined) next += 500n;
        }
        expect(failure).toBeInstanceOf(SpoolWriteError);
        expect((failure as SpoolWriteError).code).toBe('ENOSPC');
        expect(spool.status().state).toMatch(/the disk is full/);
        await expect(spool.append([makeBatch(next, 1)])).rejects.toThrow(SpoolWriteError); // nothing is taken behind what failed
        spawnSync('rm', [join(disk, 'ballast')]);
        await until('the spool is ready again', async () =>
          spool.ready().then(
            () => true,
            () => false,
          ),
        );
        expect(spool.lastDurable()).toEqual({ epoch: EPOCH, sequence: next - 1n });
        await spool.append([makeBatch(next, 100)]);
        expect(spool.status().state).toBe('running');
        await spool.close();
        expect(await verifySpool(dir)).toMatchObject({ complete: true, events: Number(next) + 99 });
      } finally {
        spawnSync('umount', ['-l', disk]);
      }
    });
  });
});
