import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { countedOnce } from '../../../src/spool/loss-ledger.js';
import { countOf } from '../../../src/spool/run.js';
import { Spool } from '../../../src/spool/spool.js';
import { accountOf } from '../support/account.js';
import { EPOCH, makeBatch, makeLog } from '../support/batches.js';
import { withDirectory } from '../support/temporary.js';

const SLOW = { segmentAgeMs: 3_600_000, fsync: 'never' } as const;

/** Each shape ends in what the newest segments are. */
const SHAPES: Readonly<Record<string, (spool: Spool) => Promise<void>>> = {
  'two runs of one record type': async (spool) => {
    await spool.append(
      makeLog([
        { count: 3, record: 'conn' },
        { count: 2, record: 'conn' },
      ]),
    );
    await spool.seal();
    await spool.append(
      makeLog(
        [
          { count: 2, record: 'conn' },
          { count: 3, record: 'conn' },
        ],
        6n,
      ),
    );
  },
  'a run of both record types': async (spool) => {
    await spool.append(makeLog([{ count: 4, record: 'conn' }]));
    await spool.seal();
    const parts = [
      { count: 2, record: 'conn' },
      { count: 1, record: 'control' },
      { count: 2, record: 'conn' },
      { count: 2, record: 'control' },
    ] as const;
    await spool.append(makeLog(parts, 5n));
  },
  'a run that begins with a control record, then a loss record': async (spool) => {
    await spool.append(
      makeLog([
        { count: 1, record: 'control' },
        { count: 3, record: 'conn' },
        { count: 1, record: 'control' },
      ]),
    );
    await spool.seal();
    await spool.recordLoss({ where: 'journal', lost: 5n, detail: 'Five.', id: 'journal:five' }, 'node-a', { epoch: EPOCH, sequence: 10n });
    await spool.append([makeBatch(11n, 2)]);
  },
};

/** Bytes of every file of segments below a folder, quarantine included. */
function bytesBelow(dir: string): string {
  const names = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.pb'));
  return names.map((name) => readFileSync(join(dir, name)).toString('latin1')).join('\n');
}

async function damagedAt(from: string, to: string, name: string, at: number, bit: number): Promise<void> {
  await cp(from, to, { recursive: true });
  const bytes = readFileSync(join(to, name));
  bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
  writeFileSync(join(to, name), bytes);
}

async function expectNamedOnce(dir: string, bodies: readonly string[], changed: string): Promise<void> {
  const { missing, beyond, losses } = await accountOf(dir, EPOCH);
  expect(beyond).toEqual([]);
  if (losses.some(({ unknown }) => unknown === true)) {
    // A loss record whose own bytes are wrong: what it said is not known any more, and that is told.
    expect(changed).not.toBe('');
  } else expect(countedOnce(losses).reduce((sum, { lost }) => sum + lost, 0n)).toBe(BigInt(countOf(missing)));
  // A second start tells nothing more.
  expect((await accountOf(dir, EPOCH)).losses.length).toBe(losses.length);
  const left = bytesBelow(dir);
  for (const body of bodies) if (body !== changed) expect(left.includes(body)).toBe(true);
}

describe.each(Object.keys(SHAPES))('one flipped bit in the newest segments: %s', (shape) => {
  it('leaves every event in the spool, or named by one loss record, and every body somewhere', async () => {
    await withDirectory(async (root) => {
      const whole = join(root, 'whole');
      const spool = await Spool.open(whole, SLOW);
      await SHAPES[shape]?.(spool);
      await spool.close();
      const names = readdirSync(whole).filter((name) => /\.(idx|pb)$/.test(name));
      const bodies = names.filter((name) => name.endsWith('.pb')).map((name) => readFileSync(join(whole, name)).toString('latin1'));
      let run = 0;
      for (const name of names) {
        const content = readFileSync(join(whole, name));
        // Bodies have a checksum each: some of their bytes say what all do.
        const step = name.endsWith('.pb') ? 67 : 13;
        for (let at = run % step; at < content.length; at += step) {
          const to = join(root, `flip-${run++}`);
          const bit = (at + run) % 8;
          await damagedAt(whole, to, name, at, bit);
          await expectNamedOnce(to, bodies, name.endsWith('.pb') ? content.toString('latin1') : '').catch((error: unknown) => {
            throw new Error(`${name}, byte ${at}, bit ${bit}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
          });
        }
      }
      expect(run).toBeGreaterThan(100);
    });
  });
});

describe('one flipped bit in segments that were being written', () => {
  it('never leaves a gap that nobody is asked for, and every body somewhere', async () => {
    await withDirectory(async (root) => {
      const live = join(root, 'live');
      const spool = await Spool.open(live, SLOW);
      for (const batch of makeLog([3, 1, 2, 4, 1].map((count, i) => ({ count, record: i % 3 === 1 ? 'control' : 'conn' }))))
        await spool.append([batch]);
      const whole = join(root, 'whole');
      await cp(live, whole, { recursive: true }); // as after kill -9
      await spool.close();
      const names = readdirSync(whole).filter((name) => /\.(idx|pb)$/.test(name));
      let run = 0;
      for (const name of names) {
        const { length } = readFileSync(join(whole, name));
        for (let at = run % 5; at < length; at += 5) {
          const to = join(root, `flip-${run++}`);
          await damagedAt(whole, to, name, at, at % 8);
          const { missing, beyond, losses } = await accountOf(to, EPOCH);
          expect({ beyond, missing: countOf(missing) }, `${name}, byte ${at}`).toEqual({
            beyond: [],
            missing: Number(losses.reduce((sum, { lost }) => sum + lost, 0n)),
          });
        }
      }
      expect(run).toBeGreaterThan(100);
    });
  });
});
