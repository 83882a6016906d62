import { spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lossesInSpool } from '../../../src/api/losses.js';
import { Pump } from '../../../src/sink/pump.js';
import { SinkRejection } from '../../../src/sink/sink.js';
import { countedOnce } from '../../../src/spool/loss-ledger.js';
import { Spool } from '../../../src/spool/spool.js';
import { lossesOf } from '../../../src/spool/told.js';
import { verifySpool } from '../../../src/spool/verify.js';
import { until } from '../../support/patience.js';
import { makeBatch } from '../support/batches.js';
import { FakeSink } from '../support/fake-sink.js';
import { withDirectory } from '../support/temporary.js';

const SLOW = { segmentAgeMs: 3_600_000 };
const SIZE = 20;
/** So many that a loss record is small beside them. */
const MANY = 500;

async function add(spool: Spool, first: bigint): Promise<void> {
  await spool.append([makeBatch(first, SIZE)]);
  await spool.seal();
}

/** Copies a spool as it is on disk after every change of any of its files while `action` runs: what each kill would leave. */
async function everyState(dir: string, to: string, action: () => Promise<void>): Promise<string[]> {
  const states: string[] = [];
  let seen = '';
  const look = (): void => {
    const names = readdirSync(dir, { recursive: true, encoding: 'utf8' })
      .filter((name) => !name.endsWith('lock'))
      .sort();
    const now = names.map((name) => `${name} ${contentOf(join(dir, name))}`).join('\n');
    if (now === seen) return;
    seen = now;
    const state = join(to, String(states.length));
    cpSync(dir, state, { recursive: true });
    states.push(state);
  };
  let done = false;
  const acted = action().finally(() => {
    done = true;
  });
  while (!done) {
    look();
    await new Promise(setImmediate);
  }
  await acted;
  look();
  return states;
}

function contentOf(path: string): string {
  try {
    return readFileSync(path).toString('latin1');
  } catch {
    return '';
  }
}

/** Starts on what a kill left, waits until nothing is untold, and tells what is held and what was told. */
async function restarted(dir: string): Promise<{ held: number; told: bigint; twice: number }> {
  const spool = await Spool.open(dir, SLOW);
  spool.setCursor('slow', 0);
  for (let segment = await spool.next(0); segment !== undefined; segment = await spool.next(segment.id));
  await spool.seal();
  const losses = await lossesOf(spool.sealed());
  const held = spool.sealed().reduce((sum, { record, count }) => sum + (record === 'conn' ? count : 0), 0);
  await spool.close();
  return { held, told: countedOnce(losses).reduce((sum, { lost }) => sum + lost, 0n), twice: losses.length - countedOnce(losses).length };
}

async function expectExact(states: readonly string[], events: number): Promise<void> {
  expect(states.length).toBeGreaterThan(5);
  for (const [i, state] of states.entries()) {
    const { held, told, twice } = await restarted(state);
    expect({ sum: held + Number(told), kill: i }).toEqual({ sum: events, kill: i });
    // And it is told once, not only counted once.
    expect(twice, `kill ${i}`).toBe(0);
    expect(await restarted(state), `kill ${i}, second start`).toEqual({ held, told, twice });
  }
}

describe('a kill at any step', () => {
  it('of a drop tells its loss once', async () => {
    await withDirectory(async (root) => {
      const dir = join(root, 'spool');
      const first = await Spool.open(dir, SLOW);
      for (let i = 0n; i < 6n; i++) await add(first, 1n + i * BigInt(SIZE));
      await first.close();
      const one = makeBatch(1n, SIZE).body.length;
      const spool = await Spool.open(dir, { ...SLOW, backlogBytes: one * 3, whenFull: 'drop-oldest' });
      const states = await everyState(dir, join(root, 'states'), async () => {
        spool.setCursor('slow', 0);
        await add(spool, 1n + 6n * BigInt(SIZE));
        await until('something was dropped', () => !spool.has(1));
        await spool.idle();
        await spool.seal();
        await spool.close();
      });
      // Those before the seventh was appended have six.
      const { held, told } = await restarted(states.at(-1) ?? '');
      expect(held + Number(told)).toBe(7 * SIZE);
      expect(told).toBeGreaterThan(0n);
      const whole: string[] = [];
      for (const state of states) if (readdirSync(state).includes('000000000007.conn.idx')) whole.push(state);
      const dropping = whole.filter(
        (state) => !readdirSync(state).includes('000000000001.conn.pb') || contentOf(join(state, 'losses')).includes('"deed":"drop"'),
      );
      await expectExact(dropping, 7 * SIZE);
    });
  });

  it('of setting a damaged segment aside tells its loss once', async () => {
    await withDirectory(async (root) => {
      const dir = join(root, 'spool');
      const first = await Spool.open(dir, SLOW);
      for (let i = 0n; i < 3n; i++) await add(first, 1n + i * BigInt(SIZE));
      await first.close();
      const body = join(dir, '000000000002.conn.pb');
      const bytes = readFileSync(body);
      bytes[3] = (bytes[3] ?? 0) ^ 1;
      writeFileSync(body, bytes);
      const spool = await Spool.open(dir, SLOW);
      const states = await everyState(dir, join(root, 'states'), async () => {
        expect((await spool.next(1))?.id).toBe(3);
        await spool.seal();
        await spool.close();
      });
      await expectExact(states, 3 * SIZE);
    });
  });

  it('of a refusal counts its loss once', async () => {
    await withDirectory(async (root) => {
      const dir = join(root, 'spool');
      const spool = await Spool.open(dir, SLOW);
      for (let i = 0n; i < 3n; i++) await add(spool, 1n + i * BigInt(SIZE));
      const refusing = (): FakeSink => {
        const sink = new FakeSink();
        sink.failure = (segment) => (segment.id === 2 ? new SinkRejection('Field 99 is not known.') : undefined);
        return sink;
      };
      const options = { retryMinMs: 1, retryMaxMs: 5, rejections: 1 };
      const states = await everyState(dir, join(root, 'states'), async () => {
        const pump = new Pump(spool, refusing(), options);
        await pump.start();
        await until('the third is delivered', () => pump.status().delivered === 3);
        await spool.seal();
        await pump.stop();
        await spool.close();
      });
      expect(states.length).toBeGreaterThan(5);
      for (const [i, state] of states.entries()) {
        const again = await Spool.open(state, SLOW);
        const pump = new Pump(again, refusing(), options);
        await pump.start();
        await until('the third is delivered', () => pump.status().delivered >= 3);
        await again.seal();
        await pump.stop();
        const { losses } = again.status();
        await again.close();
        expect(losses, `kill ${i}`).toEqual([{ where: 'sink', lost: BigInt(SIZE), unknown: false }]);
        expect((await lossesInSpool(state, undefined)).judged, `kill ${i}`).toEqual([{ where: 'sink', lost: SIZE, records: 1 }]);
      }
    });
  });
});

it('a loss record that is dropped itself is told again with its identity, and grows', async () => {
  await withDirectory(async (dir) => {
    const one = makeBatch(1n, MANY).body.length;
    const spool = await Spool.open(dir, { ...SLOW, backlogBytes: one * 2, whenFull: 'drop-oldest' });
    spool.setCursor('slow', 0);
    spool.setCursor('quick', 1_000_000);
    const seen: Awaited<ReturnType<typeof lossesOf>> = [];
    for (let i = 0n; i < 80n; i++) {
      await spool.append([makeBatch(1n + i * BigInt(MANY), MANY)]);
      await spool.seal();
      await spool.idle();
      await spool.seal();
      // What a sink that keeps up has: every record that was ever written.
      const known = new Set(seen.map(({ id, lost }) => `${id} ${lost}`));
      seen.push(...(await lossesOf(spool.sealed())).filter(({ id, lost }) => !known.has(`${id} ${lost}`)));
    }
    const total = (losses: typeof seen): bigint => countedOnce(losses).reduce((sum, { lost }) => sum + lost, 0n);
    const goneNow = (): bigint =>
      BigInt(80 * MANY - spool.sealed().reduce((sum, { record, count }) => sum + (record === 'conn' ? count : 0), 0));
    await until('all that was dropped is told', async () => {
      await spool.seal();
      seen.push(...(await lossesOf(spool.sealed())));
      return total(await lossesOf(spool.sealed())) === goneNow();
    });
    const gone = goneNow();
    expect(gone).toBeGreaterThan(100n);
    expect(total(seen)).toBe(gone);
    expect(total(await lossesOf(spool.sealed()))).toBe(gone);
    expect(spool.status().losses).toEqual([{ where: 'spool', lost: gone, unknown: false }]);
    // However long the sink is away.
    expect(new Set(seen.map(({ id }) => id)).size).toBeLessThan(16);
    await spool.close();
    const again = await Spool.open(dir, SLOW);
    expect(again.status().losses).toEqual([{ where: 'spool', lost: gone, unknown: false }]);
    await again.close();
  });
});

it('a record that is rejected gives its number back', async () => {
  await withDirectory(async (root) => {
    const disk = join(root, 'disk');
    mkdirSync(disk);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', disk]);
    expect(mounted.status, 'a full disk is tested on a small tmpfs: this needs the right to mount, as root has it').toBe(0);
    try {
      const dir = join(disk, 'spool');
      const spool = await Spool.open(dir, SLOW);
      const loss = (n: number) => ({ where: 'journal', lost: 1n, detail: 'x'.repeat(500), id: `journal:${n}` }) as const;
      await spool.append([makeBatch(1n, 10)]);
      await spool.recordLoss(loss(0));
      writeFileSync(join(disk, 'ballast'), Buffer.alloc(1));
      let size = 1 << 18;
      while (size >= 1) {
        try {
          appendFileSync(join(disk, 'ballast'), Buffer.alloc(size));
        } catch {
          size >>= 1;
        }
      }
      let failed = 0;
      for (let n = 1; failed < 3 && n < 1000; n++) await spool.recordLoss(loss(n)).catch(() => failed++);
      expect(failed).toBe(3);
      // A damaged segment is set aside also now, and its loss waits in its room.
      await spool.keepLoss({ where: 'sink', lost: 7n, detail: 'Refused.', id: 'refused:x' });
      expect(spool.status().losses).toContainEqual({ where: 'sink', lost: 7n, unknown: false });
      rmSync(join(disk, 'ballast'));
      await until('the spool takes something again', () =>
        spool.ready().then(
          () => true,
          () => false,
        ),
      );
      await spool.recordLoss(loss(-1));
      await spool.seal();
      expect((await lossesOf(spool.sealed())).filter(({ id }) => id === 'refused:x')).toHaveLength(1);
      await spool.close();
      expect(await verifySpool(dir)).toMatchObject({ complete: true, damaged: [] });
    } finally {
      spawnSync('umount', ['-l', disk]);
    }
  });
});
