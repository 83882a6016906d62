import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { FsyncPolicy } from '../../../src/spool/options.js';
import { Spool } from '../../../src/spool/spool.js';
import { verifySpool } from '../../../src/spool/verify.js';
import { accountOf } from '../support/account.js';
import { EPOCH, makeLog } from '../support/batches.js';
import { PowerCuts } from '../support/power-cut.js';
import { withDirectory } from '../support/temporary.js';

/** Appends, and cuts tried of each history. */
const APPENDS = 30;
const CUTS = 25;

let cuts: PowerCuts<bigint> | undefined;
vi.mock('node:fs/promises', async (original) => {
  const { watched } = await import('../support/power-cut.js');
  return watched(await original(), () => cuts);
});

/** Numbers below n from a seed, the same ones each time. */
function dice(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

/** Plays a history of appends in `dir`; the model of its disk, with the last sequence that was acknowledged at each moment. */
async function history(dir: string, fsync: FsyncPolicy, roll: (n: number) => number): Promise<PowerCuts<bigint>> {
  let acknowledged = 0n;
  const model = new PowerCuts(dir, () => acknowledged);
  mkdirSync(dir);
  cuts = model;
  try {
    const spool = await Spool.open(dir, { fsync, segmentEvents: 12, segmentAgeMs: 3_600_000 });
    const log = makeLog(Array.from({ length: APPENDS }, () => ({ count: 1 + roll(4), record: roll(4) === 0 ? 'control' : 'conn' })));
    const appended: Promise<void>[] = [];
    for (const batch of log) {
      appended.push(
        spool.append([batch]).then(() => {
          acknowledged = batch.last;
          model.note();
        }),
      );
      // Some come one by one, some while others are being written.
      if (roll(3) > 0) await new Promise(setImmediate);
      if (roll(5) === 0) await Promise.race([Promise.all(appended), spool.seal()]);
    }
    await spool.close();
    await Promise.all(appended);
    expect(acknowledged).toBe(log.at(-1)?.last);
  } finally {
    cuts = undefined;
  }
  return model;
}

/** Opens what a cut left, as a collector does at its next start, and compares it with what was promised. */
async function expectKept(dir: string, promised: bigint): Promise<void> {
  const spool = await Spool.open(dir, { fsync: 'never' });
  const durable = spool.lastDurable();
  const held = spool.sealed().flatMap(({ ranges, epoch }) => (epoch === EPOCH ? ranges : []));
  await spool.close();
  // The capture goes on behind `durable`: nothing up to there may be missing, and it must not lie before what was acknowledged.
  const upTo = durable?.epoch === EPOCH ? durable.sequence : 0n;
  expect(upTo).toBeGreaterThanOrEqual(promised);
  let next = 1n;
  for (const { first, last } of held.sort((a, b) => (a.first < b.first ? -1 : 1))) {
    expect(first).toBe(next);
    next = last + 1n;
  }
  expect(next).toBe(upTo + 1n);
  expect(await verifySpool(dir)).toMatchObject({ complete: true, events: Number(upTo) });
}

describe.each(['always', 'interval:1', 'interval:60000'] as const)('a power cut at any moment, fsync %s', (fsync) => {
  it.each([1, 2, 3])('leaves all that was acknowledged, and nothing that is taken for it (history %i)', async (seed) => {
    const roll = dice(seed);
    await withDirectory(async (directory) => {
      const model = await history(join(directory, 'spool'), fsync, roll);
      expect(model.moments.length).toBeGreaterThan(CUTS);
      for (let cut = 0; cut < CUTS; cut++) {
        const at = roll(model.moments.length);
        const moment = model.moments[at];
        if (moment === undefined) throw new Error('There is no such moment.');
        const to = join(directory, `cut-${cut}`);
        model.restore(moment, to, roll);
        await expectKept(to, moment.promised).catch((error: unknown) => {
          throw new Error(
            `Cut ${cut} at step ${at} of ${model.moments.length}: ${error instanceof Error ? error.message : String(error)}`,
            { cause: error },
          );
        });
      }
    });
  });
});

/** A power cut may take anything of a spool that is never synced, and what says how much that was. What is left begins where it says, and nothing is there that is asked for again. */
async function expectAccounted(dir: string): Promise<void> {
  const { beyond } = await accountOf(dir, EPOCH);
  expect(beyond).toEqual([]);
}

/** Plays a history until the process is killed, and the start after it; the moments of that start. */
async function killed(dir: string, fsync: FsyncPolicy, roll: (n: number) => number): Promise<PowerCuts<bigint>> {
  let acknowledged = 0n;
  const model = new PowerCuts(dir, () => acknowledged);
  mkdirSync(dir);
  cuts = model;
  try {
    await model.live(async () => {
      const spool = await Spool.open(dir, { fsync, segmentEvents: 40, segmentAgeMs: 3_600_000 });
      const log = makeLog(Array.from({ length: APPENDS }, () => ({ count: 1 + roll(4), record: roll(3) === 0 ? 'control' : 'conn' })));
      for (const [i, batch] of log.entries()) {
        void spool.append([batch]).then(() => {
          acknowledged = batch.last;
        });
        if (i === APPENDS >> 1) await spool.idle();
        for (let turns = roll(12); turns > 0; turns--) await new Promise(setImmediate);
      }
    });
    await model.kill();
    model.moments.length = 0;
    await (await Spool.open(dir, { fsync })).close();
  } finally {
    cuts = undefined;
  }
  return model;
}

describe.each(['always', 'interval:1', 'interval:60000', 'never'] as const)('a power cut in the start after a kill, fsync %s', (fsync) => {
  it.each([1, 2, 3, 4])('leaves no position behind what is there (history %i)', async (seed) => {
    const roll = dice(seed);
    await withDirectory(async (directory) => {
      const model = await killed(join(directory, 'spool'), fsync, roll);
      expect(model.moments.length).toBeGreaterThan(0);
      for (const [at, moment] of model.moments.entries()) {
        for (let again = 0; again < 4; again++) {
          const to = join(directory, `cut-${at}-${again}`);
          model.restore(moment, to, roll);
          const kept = fsync === 'never' ? expectAccounted(to) : expectKept(to, moment.promised);
          await kept.catch((error: unknown) => {
            throw new Error(`Cut at step ${at} of ${model.moments.length}: ${error instanceof Error ? error.message : String(error)}`, {
              cause: error,
            });
          });
        }
      }
    });
  });
});

it('the model is the disk: with all writes it is what the files have', async () => {
  await withDirectory(async (directory) => {
    const dir = join(directory, 'spool');
    const model = await history(dir, 'always', dice(9));
    const last = model.moments.at(-1);
    if (last === undefined) throw new Error('Nothing was written.');
    const to = join(directory, 'whole');
    model.restore(last, to, (n) => (n === 4 ? 1 : n - 1));
    const names = [...(last.folders.get(dir)?.durable.keys() ?? [])].filter((name) => name !== 'lock');
    expect(names.length).toBeGreaterThan(4);
    for (const name of names) expect(readFileSync(join(to, name)).equals(readFileSync(join(dir, name))), name).toBe(true);
  });
});
