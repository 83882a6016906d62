import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { countedOnce } from '../../../src/spool/loss-ledger.js';
import { countOf } from '../../../src/spool/run.js';
import { Spool } from '../../../src/spool/spool.js';
import { lossesOf } from '../../../src/spool/told.js';
import { verifySpool } from '../../../src/spool/verify.js';
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

describe('a damaged segment that every sink has', () => {
  /** Three segments, delivered to some sinks, of which one is damaged; starts again with them, and then with others. */
  async function startedAgain(taken: Readonly<Record<string, number>>, sinks: readonly string[], which: 'middle' | 'newest') {
    return withDirectory(async (dir) => {
      const first = await Spool.open(dir, SLOW, Object.keys(taken));
      for (let i = 0n; i < 3n; i++) {
        await first.append([makeBatch(1n + 2n * i, 2)]);
        await first.seal();
      }
      for (const [name, upTo] of Object.entries(taken))
        for (const segment of first.sealed()) if (segment.id <= upTo) await first.advance(name, segment);
      await first.close();
      // The last bytes of an index are of its footer. One that is damaged alone is made again, where the segment is the newest one.
      for (const ending of which === 'middle' ? ['.idx'] : ['.idx', '.pb']) {
        const name = readdirSync(dir).filter((one) => one.endsWith(ending))[which === 'middle' ? 1 : 2] ?? '';
        const content = readFileSync(join(dir, name));
        const at = content.length - 3;
        content[at] = (content[at] ?? 0) ^ 1;
        writeFileSync(join(dir, name), content);
      }
      const second = await Spool.open(dir, SLOW, Object.keys(taken));
      const { notes } = second;
      await second.close();
      const again = await Spool.open(dir, SLOW, sinks);
      for (const sink of sinks) await again.register(sink);
      await again.seal();
      const found = { position: again.lastDurable(), lacks: sinks.map((sink) => again.sinks.get(sink).cursor.lacks) };
      const losses = await lossesOf(again.sealed());
      await again.close();
      const { quarantined } = await verifySpool(dir);
      return { ...found, notes, quarantined, told: losses.map(({ lost }) => lost) };
    });
  }

  it.each(['middle', 'newest'] as const)('is set aside, told, and not lost: the %s one', async (which) => {
    const { notes, position, told, quarantined } = await startedAgain({ a: 3, b: 3 }, ['a', 'b'], which);
    expect(told).toEqual([]);
    expect(notes.join('\n')).toMatch(/It is in quarantine, and every sink has what it held\.$/);
    expect(position).toEqual({ epoch: EPOCH, sequence: 6n });
    expect(quarantined).toEqual([which === 'middle' ? 2 : 3]);
  });

  it('is lost where one has it not, or nobody is there to have it', async () => {
    expect((await startedAgain({ a: 3, b: 1 }, ['a', 'b'], 'middle')).told).toEqual([2n]);
    expect((await startedAgain({ a: 3, b: 1 }, ['a'], 'middle')).told).toEqual([2n]);
    expect((await startedAgain({}, [], 'middle')).told).toEqual([2n]);
  });

  it('is what a sink lacks that comes later', async () => {
    const { told, lacks } = await startedAgain({ a: 3 }, ['a', 'late'], 'middle');
    expect({ told, lacks }).toMatchObject({ told: [], lacks: [undefined, { first: 2, last: 2, events: null, isNew: true }] });
  });
});
