import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listSealed } from '../../../src/spool/catalog.js';
import type { SpoolOptions } from '../../../src/spool/options.js';
import { Spool, sealAge } from '../../../src/spool/spool.js';
import { verifySpool } from '../../../src/spool/verify.js';
import { pause, until } from '../../support/patience.js';
import { makeBatch } from '../support/batches.js';
import { controlEvents } from '../support/fake-sink.js';
import { withDirectory } from '../support/temporary.js';

const HOUR = 3_600_000;
/** Events of a segment: many, so that a loss record is small beside it. */
const SIZE = 500;

/** Appends and seals segments of SIZE events. */
async function add(spool: Spool, firsts: readonly bigint[]): Promise<void> {
  for (const first of firsts) {
    await spool.append([makeBatch(first, SIZE)]);
    await spool.seal();
  }
}

async function opened(dir: string, options: SpoolOptions): Promise<Spool> {
  const spool = await Spool.open(dir, { segmentAgeMs: HOUR, ...options });
  spool.setCursor('slow', 0);
  spool.setCursor('quick', 1_000_000);
  return spool;
}

/** The loss records in the sealed segments. */
async function losses(dir: string) {
  const control = (await listSealed(dir)).filter(({ record }) => record === 'control');
  return (await Promise.all(control.map(controlEvents))).flat();
}

describe('what waits for a sink', () => {
  it('blocks at its limit, says for whom, and goes on when the sink has taken enough', async () => {
    await withDirectory(async (dir) => {
      const spool = await opened(dir, { backlogBytes: 1 });
      expect(spool.full).toBe(false);
      await add(spool, [1n]);
      expect(spool.full).toBe(true);
      expect(spool.status().state).toMatch(/^\d+ bytes wait for sink slow \(spool.backlog_bytes is 1\): nothing more is read/);
      let rooms = 0;
      spool.on('room', () => rooms++);
      spool.setCursor('slow', 1);
      expect([spool.full, rooms, spool.status().state]).toEqual([false, 1, 'running']);
      await spool.close();
      expect((await verifySpool(dir)).complete).toBe(true);
    });
  });

  it('is dropped from its oldest end where that is the policy, and the log says what it was', async () => {
    await withDirectory(async (dir) => {
      const one = makeBatch(1n, SIZE).body.length;
      const spool = await opened(dir, { backlogBytes: one * 3, whenFull: 'drop-oldest' });
      await add(
        spool,
        [0, 1, 2, 3, 4, 5].map((i) => BigInt(i * SIZE + 1)),
      );
      expect(spool.full).toBe(false);
      await until('the losses are in the log', () => !readdirSync(join(dir, 'dropped')).some((name) => name.endsWith('.json')));
      await spool.seal();
      const told = await losses(dir);
      const kept = (await listSealed(dir)).filter(({ record }) => record === 'conn');
      const gone = BigInt(6 * SIZE - kept.reduce((sum, { count }) => sum + count, 0));
      expect(gone).toBeGreaterThan(0n);
      expect(told.reduce((sum, { lost }) => sum + lost, 0n)).toBe(gone);
      expect(told.at(-1)?.detail).toMatch(/^More than \d+ bytes waited \(spool.backlog_bytes\): .* were removed before sink slow had them/);
      expect(kept[0]?.ranges[0]?.first).toBe(gone + 1n);
      await spool.close();
    });
  });

  it('is dropped by its age', async () => {
    await withDirectory(async (dir) => {
      const spool = await opened(dir, { backlogAgeMs: 300, whenFull: 'drop-oldest' });
      let next = 1n;
      await until('something is dropped', async () => {
        await add(spool, [next]);
        next += BigInt(SIZE);
        return (await losses(dir)).length > 0;
      });
      expect((await losses(dir))[0]?.detail).toContain('(spool.backlog_age)');
      await spool.close();
    });
  });

  it('is dropped in the end where a crash came between the intention and the deed', async () => {
    await withDirectory(async (dir) => {
      const first = await opened(dir, {});
      await add(first, [1n, BigInt(SIZE + 1), BigInt(2 * SIZE + 1)]);
      await first.close();
      mkdirSync(join(dir, 'dropped'), { recursive: true });
      const note = {
        node: 'lb1',
        ids: [1, 2],
        losses: [{ where: 'spool', lost: '20', firstNs: '0', lastNs: '0', detail: 'More waited.' }],
      };
      writeFileSync(join(dir, 'dropped', '000000000001.json'), JSON.stringify(note));
      const second = await opened(dir, {});
      await until('the loss is in the log', () => !readdirSync(join(dir, 'dropped')).includes('000000000001.json'));
      await second.seal();
      expect((await listSealed(dir)).filter(({ record }) => record === 'conn').map(({ id }) => id)).toEqual([3]);
      expect(await losses(dir)).toMatchObject([{ lost: 20n, detail: 'More waited.' }]);
      await second.close();
    });
  });
});

describe('what every sink has', () => {
  it('is removed by its age, as soon as the last sink has it', async () => {
    await withDirectory(async (dir) => {
      const spool = await opened(dir, { maxAgeMs: 1 });
      await add(spool, [1n, BigInt(SIZE + 1), BigInt(2 * SIZE + 1)]);
      await pause(5, 'they become older than the limit; longer changes nothing');
      expect(spool.sealed().map(({ id }) => id)).toEqual([1, 2, 3]);
      spool.setCursor('slow', 2);
      await until('the delivered ones are gone', () => spool.sealed().length === 1);
      expect(spool.sealed().map(({ id }) => id)).toEqual([3]);
      await spool.close();
    });
  });

  it('is removed by its age also while nothing comes', async () => {
    await withDirectory(async (dir) => {
      const spool = await Spool.open(dir, { segmentAgeMs: HOUR, maxAgeMs: 200 });
      await add(spool, [1n, 501n, 1001n]);
      spool.setCursor('only', 3);
      await until('all but the newest are removed', () => spool.sealed().length === 1);
      await spool.close();
    });
    await withDirectory(async (dir) => {
      const spool = await Spool.open(dir, { segmentAgeMs: HOUR, backlogAgeMs: 200, whenFull: 'drop-oldest' });
      spool.setCursor('slow', 0);
      await add(spool, [1n, 501n]);
      await until('the oldest is given up', () => !spool.has(1));
      await spool.seal();
      expect((await losses(dir)).map(({ lost }) => lost)).toEqual([BigInt(SIZE)]);
      await spool.close();
    });
  });
});

describe('the age of a segment', () => {
  it('grows while several wait for every sink, up to a bound', () => {
    const ages = [0, 1, 2, 3, 4, 6].map((ahead) => sealAge(400, ahead));
    expect(ages).toEqual([400, 400, 400, 800, 1600, 6400]);
    expect([sealAge(400, 100), sealAge(HOUR, 100)]).toEqual([30_000, HOUR]);
  });

  it('is what was asked for while one sink keeps up, and more while all are behind', async () => {
    await withDirectory(async (dir) => {
      const spool = await Spool.open(dir, { segmentAgeMs: 20 });
      spool.setCursor('slow', 0);
      spool.setCursor('slower', 0);
      const aged = async (first: bigint): Promise<number> => {
        const { segments } = spool.status();
        const begun = performance.now();
        await spool.append([makeBatch(first, 10)]);
        await until('it is sealed', () => spool.status().segments > segments);
        return performance.now() - begun;
      };
      for (let first = 1n; first < 80n; first += 10n) {
        await spool.append([makeBatch(first, 10)]);
        await spool.seal();
      }
      // Eight wait: 20 ms, doubled six times.
      // time: a lower bound, which a busy machine only exceeds
      expect(await aged(81n)).toBeGreaterThan(1200);
      // One that keeps up is all that it takes: what was open is sealed then.
      const late = aged(91n);
      spool.setCursor('slow', 9);
      await late;
      expect(spool.lag(9)).toMatchObject({ segments: 1, events: 10 });
      await spool.close();
    });
  });
});
