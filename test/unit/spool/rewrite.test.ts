import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { BodyEraser } from '../../../src/erase/eraser.js';
import { bodyName, indexName } from '../../../src/spool/layout.js';
import { commitRewrite, prepareRewrite, recoverRewrites, rewriteFile } from '../../../src/spool/rewrite.js';
import { Spool } from '../../../src/spool/spool.js';
import { verifySpool } from '../../../src/spool/verify.js';
import { makeBatch } from '../support/batches.js';
import { makePeople, targetOf } from '../support/people.js';
import { PowerCuts } from '../support/power-cut.js';
import { withDirectory } from '../support/temporary.js';

const PERSON = '203.0.113.7';
const OTHER = '198.51.100.9';
const SLOW = { segmentAgeMs: 3_600_000 };
const CUTS = 40;

let cuts: PowerCuts<number> | undefined;
vi.mock('node:fs/promises', async (original) => {
  const { watched } = await import('../support/power-cut.js');
  return watched(await original(), () => cuts);
});

const eraser = (): BodyEraser => new BodyEraser(targetOf([PERSON]));

/** Fills a spool with segments of four events, two of them the person's, and hands it over open. */
async function filled(dir: string, segments: number): Promise<Spool> {
  const spool = await Spool.open(dir, SLOW);
  for (let i = 0; i < segments; i++) {
    await spool.append([makePeople(BigInt(4 * i + 1), [PERSON, OTHER, OTHER, PERSON])]);
    await spool.seal();
  }
  return spool;
}

/** Erases the person from every segment; how many events. */
async function eraseAll(spool: Spool): Promise<number> {
  let events = 0;
  for (const segment of spool.sealed()) events += await spool.rewrite(segment, (batch) => eraser().conn(batch));
  return events;
}

describe('a segment that is rewritten', () => {
  it('keeps its place, its length and its sequences, and the chain holds', async () => {
    await withDirectory(async (dir) => {
      const spool = await filled(dir, 3);
      const before = spool.sealed();
      expect(await eraseAll(spool)).toBe(6);
      const after = spool.sealed();
      for (const [i, segment] of after.entries()) {
        const { sha256, ...same } = before[i] as (typeof before)[number];
        expect(segment).toMatchObject({ ...same, erased: 2 });
        expect(segment.sha256).not.toBe(sha256);
      }
      expect(await verifySpool(dir)).toMatchObject({ complete: true, segments: 3, events: 12, erased: 6, chainBreaks: [], damaged: [] });
      expect(await eraseAll(spool)).toBe(0);
      // The next one follows in the chain, also behind a restart.
      await spool.append([makeBatch(13n, 5)]);
      await spool.close();
      const again = await Spool.open(dir, SLOW);
      expect(again.sealed().map(({ erased }) => erased)).toEqual([2, 2, 2, undefined]);
      expect(await again.next(0)).toMatchObject({ id: 1 });
      expect(again.status().quarantined).toBe(0);
      await again.close();
      expect(await verifySpool(dir)).toMatchObject({ complete: true, events: 17, erased: 6 });
      // The chain goes over the bodies as they were sealed: another one than that is told.
      const path = join(dir, indexName(2, 'conn'));
      writeFileSync(path, readFileSync(path, 'latin1').replace(/"erased":\{"events":2/, '"erased":{"events":1'), 'latin1');
      expect((await verifySpool(dir)).complete).toBe(false);
    });
  });

  it('goes to quarantine where it is damaged, and is left alone where it is gone', async () => {
    await withDirectory(async (dir) => {
      const spool = await filled(dir, 2);
      const [first, second] = spool.sealed();
      if (first === undefined || second === undefined) throw new Error('There are no segments.');
      const bytes = readFileSync(first.path);
      bytes[30] = (bytes[30] ?? 0) ^ 1;
      writeFileSync(first.path, bytes);
      expect(await spool.rewrite(first, (batch) => eraser().conn(batch))).toBe(0);
      expect(spool.has(first.id)).toBe(false);
      expect(readdirSync(join(dir, 'quarantine'))).toContain(bodyName(1, 'conn'));
      expect(await spool.rewrite({ ...second, id: 99 }, (batch) => eraser().conn(batch))).toBe(0);
      await spool.close();
      // What is damaged is rewritten as far as it can be read.
      expect(await rewriteFile(join(dir, 'quarantine'), bodyName(1, 'conn'), (body) => eraser().damaged(body))).toBeGreaterThan(0);
      expect(await rewriteFile(join(dir, 'quarantine'), bodyName(1, 'conn'), (body) => eraser().damaged(body))).toBe(0);
    });
  });

  it('is the old one or the new one after a crash between any two steps', async () => {
    await withDirectory(async (dir) => {
      await (await filled(dir, 1)).close();
      const [body, index] = [join(dir, bodyName(1, 'conn')), join(dir, indexName(1, 'conn'))];
      const sealedMs = statSync(index).mtimeMs;
      const opened = async (): Promise<number> => {
        const spool = await Spool.open(dir, SLOW);
        const erased = spool.sealed()[0]?.erased ?? 0;
        expect(await spool.next(0)).toMatchObject({ id: 1 });
        await spool.close();
        expect(await verifySpool(dir)).toMatchObject({ complete: true, events: 4, erased });
        expect(readdirSync(dir).filter((name) => /\.(new|half)$/.test(name))).toEqual([]);
        return erased;
      };
      await prepareRewrite(dir, { id: 1, record: 'conn' }, (batch) => eraser().conn(batch));
      expect([existsSync(`${body}.new`), existsSync(`${index}.half`)]).toEqual([true, true]);
      expect(await opened()).toBe(0);
      // The body alone, torn: nothing says that it counts.
      await prepareRewrite(dir, { id: 1, record: 'conn' }, (batch) => eraser().conn(batch));
      truncateSync(`${body}.new`, 10);
      expect(await opened()).toBe(0);
      await prepareRewrite(dir, { id: 1, record: 'conn' }, (batch) => eraser().conn(batch));
      await commitRewrite(dir, { id: 1, record: 'conn' });
      expect(await opened()).toBe(2);
      expect(statSync(index).mtimeMs).toBeGreaterThanOrEqual(sealedMs);
      await recoverRewrites(join(dir, 'absent'));
    });
  });

  it('is the old one or the new one after a power cut at any moment, and a repetition finishes it', async () => {
    await withDirectory(async (directory) => {
      const dir = join(directory, 'spool');
      mkdirSync(dir);
      let erased = 0;
      cuts = new PowerCuts(dir, () => erased);
      const model = cuts;
      let begun = 0;
      try {
        const spool = await filled(dir, 3);
        begun = model.moments.length;
        for (const segment of spool.sealed()) {
          erased += await spool.rewrite(segment, (batch) => eraser().conn(batch));
          model.note();
        }
        await spool.close();
      } finally {
        cuts = undefined;
      }
      expect(model.moments.length - begun).toBeGreaterThan(20);
      let state = 7;
      const roll = (n: number): number => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return Math.floor((state / 2 ** 32) * n);
      };
      for (let cut = 0; cut < CUTS; cut++) {
        const moment = model.moments[begun + roll(model.moments.length - begun)];
        if (moment === undefined) throw new Error('There is no such moment.');
        const to = join(directory, `cut-${cut}`);
        model.restore(moment, to, roll);
        const spool = await Spool.open(to, SLOW);
        expect(spool.status().quarantined, `cut ${cut}`).toBe(0);
        const there = spool.sealed().reduce((sum, one) => sum + (one.erased ?? 0), 0);
        expect(there).toBeGreaterThanOrEqual(moment.promised);
        expect(there + (await eraseAll(spool))).toBe(6);
        await spool.close();
        expect(await verifySpool(to)).toMatchObject({ complete: true, events: 12, erased: 6 });
      }
    });
  });
});
