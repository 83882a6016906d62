import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listSealed } from '../../../src/spool/catalog.js';
import type { SpoolOptions } from '../../../src/spool/options.js';
import { Spool } from '../../../src/spool/spool.js';
import { readState } from '../../../src/spool/state.js';
import { v1 } from '../../../src/wire/proto.js';
import { EPOCH, makeBatch, makeLog } from '../support/batches.js';
import { controlEvents } from '../support/fake-sink.js';
import { withDirectory } from '../support/temporary.js';

const SLOW: SpoolOptions = { segmentAgeMs: 3_600_000 };
/** Events of a segment. */
const SIZE = 100;

/** Seals segments of SIZE events, the first of which has this sequence. */
async function fill(spool: Spool, from: number, segments: number): Promise<void> {
  for (let i = 0; i < segments; i++) {
    await spool.append([makeBatch(BigInt(from + i * SIZE), SIZE)]);
    await spool.seal();
  }
}

/** A sink takes what is there, up to a segment. */
async function take(spool: Spool, sink: string, upTo: number): Promise<void> {
  for (const segment of spool.sealed())
    if (segment.id <= upTo && segment.id > spool.sinks.get(sink).cursor.delivered) await spool.advance(sink, segment);
}

const ids = (spool: Spool): number[] => spool.sealed().map(({ id }) => id);

/** The loss records in the sealed segments. */
async function losses(dir: string) {
  const control = (await listSealed(dir)).filter(({ record }) => record === 'control');
  return (await Promise.all(control.map(controlEvents)))
    .flat()
    .filter(({ where }) => where !== 0)
    .map(({ where, lost, detail }) => ({ where, lost, detail }));
}

function remove(dir: string, ...segments: number[]): void {
  for (const name of readdirSync(dir))
    if (segments.some((id) => name.startsWith(`${String(id).padStart(12, '0')}.`))) rmSync(join(dir, name));
}

const { spool: SPOOL, sink: SINK } = v1.LossPlace.Value;

describe('the sinks of a spool', () => {
  it('are all known before the first segment goes: a start trims nothing that one of them lacks', () =>
    withDirectory(async (dir) => {
      const first = await Spool.open(dir, SLOW, ['quick', 'slow']);
      await fill(first, 1, 6);
      await take(first, 'quick', 6);
      await take(first, 'slow', 1);
      await first.close();
      for (let start = 0; start < 3; start++) {
        const again = await Spool.open(dir, { ...SLOW, maxBytes: 1 }, ['quick', 'slow']);
        await again.register('quick');
        await again.record({ kind: v1.ControlKind.Value.capture_started });
        await again.seal();
        await again.register('slow');
        await again.close();
        expect(ids(again).slice(0, 5)).toEqual([2, 3, 4, 5, 6]);
      }
      expect(await losses(dir)).toEqual([]);
    }));

  it('that come later are told what somebody removed when every other one had it', () =>
    withDirectory(async (dir) => {
      const first = await Spool.open(dir, SLOW, ['quick']);
      await fill(first, 1, 4);
      await take(first, 'quick', 4);
      await first.close();
      remove(dir, 2, 3);
      const second = await Spool.open(dir, SLOW, ['quick']);
      expect(second.notes).toContain('Segments 2 to 3 were removed from the spool by somebody. Every sink has what they held.');
      await second.close();
      const third = await Spool.open(dir, SLOW, ['quick', 'late']);
      await third.register('late');
      expect(third.sinks.get('late').cursor).toMatchObject({ delivered: 0, lacks: { first: 2, last: 3, events: null, isNew: true } });
      expect(third.sinks.get('quick').cursor.lacks).toBeUndefined();
      await third.close();
      expect(await losses(dir)).toEqual([]);
    }));

  it('are named by a drop that comes before any of them was started', () =>
    withDirectory(async (dir) => {
      const first = await Spool.open(dir, SLOW, ['a', 'b', 'c']);
      await fill(first, 1, 6);
      await take(first, 'a', 6);
      await take(first, 'b', 1);
      await first.close();
      const again = await Spool.open(dir, { ...SLOW, backlogBytes: 1, whenFull: 'drop-oldest' }, ['a', 'b']);
      await again.record({ kind: v1.ControlKind.Value.capture_started });
      await again.seal();
      await again.close();
      const [loss] = await losses(dir);
      expect(loss?.detail).toMatch(/before sink b and sink c had them\.$/);
      expect((await readState(dir)) as object).toMatchObject({ content: { toldTo: expect.any(Number) } });
      // It was told: the sink lacks nothing that nobody knows of.
      const third = await Spool.open(dir, SLOW, ['a', 'b', 'c']);
      expect(third.sinks.get('b').cursor.lacks).toBeUndefined();
      await third.close();
      expect((await losses(dir)).filter(({ where }) => where === SINK)).toEqual([]);
    }));

  it('that are switched off hold back what they lack until they are forgotten', () =>
    withDirectory(async (dir) => {
      const first = await Spool.open(dir, SLOW, ['on', 'off']);
      await fill(first, 1, 4);
      await take(first, 'on', 4);
      await take(first, 'off', 1);
      await first.close();
      const alone = await Spool.open(dir, { ...SLOW, maxBytes: 1 }, ['on']);
      await fill(alone, 401, 2);
      await take(alone, 'on', 6);
      await alone.seal();
      expect(ids(alone)).toEqual([2, 3, 4, 5, 6]);
      expect(alone.status().idle).toMatchObject([{ name: 'off', delivered: 1, segments: 5, events: 500, trouble: undefined }]);
      await alone.forget('off');
      await alone.seal();
      expect([ids(alone), alone.status().idle]).toEqual([[6], []]);
      await alone.close();
      expect(existsSync(join(dir, 'cursors/off.cursor'))).toBe(false);
      // What was forgotten comes back as a new sink, and is told so.
      const back = await Spool.open(dir, SLOW, ['on', 'off']);
      expect(back.sinks.get('off').cursor).toMatchObject({
        delivered: 5,
        doubtUntil: 6,
        lacks: { first: 1, last: 5, isNew: true, accepted: false },
      });
      await back.close();
      expect(await losses(dir)).toEqual([]);
    }));

  it('that are off with a damaged cursor hold everything back, and say why', () =>
    withDirectory(async (dir) => {
      const first = await Spool.open(dir, SLOW, ['on', 'off']);
      await fill(first, 1, 3);
      await take(first, 'on', 3);
      await take(first, 'off', 2);
      await first.close();
      writeFileSync(join(dir, 'cursors/off.cursor'), 'x');
      const alone = await Spool.open(dir, { ...SLOW, maxBytes: 1 }, ['on']);
      await alone.seal();
      expect(ids(alone)).toEqual([1, 2, 3]);
      expect(alone.status().idle).toMatchObject([
        { name: 'off', delivered: 0, trouble: expect.stringMatching(/off\.cursor is damaged\.$/) },
      ]);
      await alone.close();
    }));

  it('that lack what somebody removed are told of it once, in a loss record and in their cursor', () =>
    withDirectory(async (dir) => {
      const first = await Spool.open(dir, SLOW, ['a', 'b']);
      await fill(first, 1, 5);
      await take(first, 'a', 5);
      await take(first, 'b', 1);
      await first.close();
      remove(dir, 1, 2, 3);
      for (let start = 0; start < 2; start++) {
        const again = await Spool.open(dir, SLOW, ['a', 'b']);
        expect(again.sinks.get('a').cursor.lacks).toBeUndefined();
        expect(again.sinks.get('b').cursor).toMatchObject({ delivered: 3, lacks: { first: 2, last: 3, events: 200, isNew: false } });
        await again.close();
      }
      expect(await losses(dir)).toEqual([
        { where: SINK, lost: 200n, detail: 'Sink b lacks segments 2 to 3, 200 events: they were gone before it had them.' },
      ]);
    }));
});

describe('the identity of segments', () => {
  it('never goes back: what is missing at the newest end is a loss with its sequences, once, and new segments reach every sink', () =>
    withDirectory(async (dir) => {
      const first = await Spool.open(dir, SLOW, ['a', 'b']);
      await fill(first, 1, 10);
      await take(first, 'a', 10);
      await take(first, 'b', 7);
      await first.close();
      remove(dir, 6, 7, 8, 9, 10);
      for (let start = 0; start < 3; start++) {
        const again = await Spool.open(dir, SLOW, ['a', 'b']);
        await again.ready();
        // The capture is not asked for it: it is told already.
        expect(again.lastDurable()).toEqual({ epoch: EPOCH, sequence: 1000n });
        await again.seal();
        if (start === 0) expect((await again.next(10))?.id).toBe(11);
        await again.close();
      }
      expect(await losses(dir)).toEqual([
        {
          where: SPOOL,
          lost: 300n,
          detail: `Segments 6 to 10 are missing from the spool, and vslog did not remove it: 300 events (sequences 701-1000 of epoch ${EPOCH}) that sink b had not got.`,
        },
      ]);
      expect(await readState(dir)).toMatchObject({ content: { generation: 2, newest: 11 } });
    }));

  it('is not what was lost when every sink has it', () =>
    withDirectory(async (dir) => {
      const first = await Spool.open(dir, SLOW, ['a']);
      await fill(first, 1, 5);
      await take(first, 'a', 5);
      await first.close();
      remove(dir, 4, 5);
      const again = await Spool.open(dir, SLOW, ['a']);
      expect(again.notes).toEqual(['Segments 4 to 5 were removed from the spool by somebody. Every sink has what they held.']);
      expect(again.lastDurable()).toEqual({ epoch: EPOCH, sequence: 500n });
      await fill(again, 501, 1);
      expect(ids(again)).toEqual([1, 2, 3, 6]);
      await again.close();
      expect(await losses(dir)).toEqual([]);
    }));

  // The two segments of one run share its sequences: what lies between those of the one that stays may be all that the other held.
  it.each([
    { delivered: { a: 3, b: 3 }, lost: [] },
    { delivered: { a: 3, b: 2 }, lost: [2n] },
    { delivered: { a: 1, b: 3 }, lost: [2n] },
  ])('is not what was lost where only the other record type of a run is left: sinks at $delivered', ({ delivered, lost }) =>
    withDirectory(async (dir) => {
      const first = await Spool.open(dir, SLOW, ['a', 'b']);
      await fill(first, 1, 1);
      await first.append(
        makeLog(
          [
            { count: 50, record: 'conn' },
            { count: 2, record: 'control' },
            { count: 48, record: 'conn' },
          ],
          101n,
        ),
      );
      await first.seal();
      await take(first, 'a', delivered.a);
      await take(first, 'b', delivered.b);
      await first.close();
      remove(dir, 3);
      for (let start = 0; start < 2; start++) {
        const again = await Spool.open(dir, SLOW, ['a', 'b']);
        await again.ready();
        expect(again.lastDurable()).toEqual({ epoch: EPOCH, sequence: 200n });
        await again.seal();
        await again.close();
      }
      expect((await losses(dir)).map((one) => one.lost)).toEqual(lost);
    }),
  );

  it('tells exactly also more than it knows one by one', () =>
    withDirectory(async (dir) => {
      const first = await Spool.open(dir, SLOW, []);
      await fill(first, 1, 140);
      await first.close();
      remove(dir, ...Array.from({ length: 138 }, (_, i) => i + 3));
      const again = await Spool.open(dir, SLOW, []);
      await again.close();
      expect(await losses(dir)).toMatchObject([{ lost: 13_800n, detail: expect.stringMatching(/sequences 201-14000 of epoch/) }]);
    }));

  it('counts the end of a segment that an older copy had not got whole', () =>
    withDirectory(async (dir) => {
      const first = await Spool.open(dir, SLOW, ['a']);
      await fill(first, 1, 2);
      await first.append([makeBatch(201n, 60)]);
      const copy = ['000000000003.conn.pb', '000000000003.conn.idx'].map((name) => [name, readFileSync(join(dir, name))] as const);
      await first.append([makeBatch(261n, 40)]);
      await fill(first, 301, 1);
      await first.close();
      remove(dir, 4);
      for (const [name, bytes] of copy) writeFileSync(join(dir, name), bytes);
      const again = await Spool.open(dir, SLOW, ['a']);
      await again.ready();
      expect(again.lastDurable()).toEqual({ epoch: EPOCH, sequence: 400n });
      await again.close();
      expect(await losses(dir)).toMatchObject([{ where: SPOOL, lost: 140n, detail: expect.stringMatching(/sequences 261-400 of epoch/) }]);
    }));

  it('is another one where the whole spool was put back: sinks that are ahead are asked for what they have', () =>
    withDirectory(async (root) => {
      const [dir, backup] = [join(root, 'spool'), join(root, 'backup')];
      const first = await Spool.open(dir, SLOW, ['a', 'b']);
      await fill(first, 1, 3);
      await take(first, 'b', 1);
      await first.close();
      cpSync(dir, backup, { recursive: true });
      const second = await Spool.open(dir, SLOW, ['a', 'b']);
      await fill(second, 301, 3);
      await take(second, 'a', 6);
      await second.close();
      const cursor = readFileSync(join(dir, 'cursors/a.cursor'));
      rmSync(dir, { recursive: true });
      cpSync(backup, dir, { recursive: true });
      writeFileSync(join(dir, 'cursors/a.cursor'), cursor);
      const again = await Spool.open(dir, SLOW, ['a', 'b']);
      expect(again.sinks.get('a')).toMatchObject({
        cursor: { delivered: 0, doubtUntil: Number.MAX_SAFE_INTEGER, generation: 2 },
        doubt: expect.stringMatching(/^Its cursor is at segment 6 of a spool that is not this one/),
      });
      expect(again.sinks.get('b')).toMatchObject({ cursor: { delivered: 1, doubtUntil: 0 }, doubt: undefined });
      await fill(again, 301, 1);
      expect(ids(again)).toEqual([1, 2, 3, 7]);
      await again.close();
      // From the next start on what was sealed until then is looked for, and no more.
      const later = await Spool.open(dir, SLOW, ['a', 'b']);
      expect(later.sinks.get('a').cursor).toMatchObject({ delivered: 0, doubtUntil: 7 });
      await later.close();
    }));

  it.each([
    ['set back', 'Its cursor was set back from segment 5 to 2.', { delivered: 2, doubtUntil: 5 }],
    ['removed', 'Its cursor is gone, which was at segment 5.', { delivered: 0, doubtUntil: 5 }],
    [
      "another spool's",
      'Its cursor is at segment 5 of a spool that is not this one',
      { delivered: 0, doubtUntil: Number.MAX_SAFE_INTEGER },
    ],
  ])('makes a cursor doubtful that was %s', (how, doubt, cursor) =>
    withDirectory(async (root) => {
      const dir = join(root, 'spool');
      const path = join(dir, 'cursors/a.cursor');
      const first = await Spool.open(dir, SLOW, ['a']);
      await fill(first, 1, 5);
      await take(first, 'a', 2);
      const old = readFileSync(path);
      await take(first, 'a', 5);
      await first.close();
      if (how === 'set back') writeFileSync(path, old);
      else if (how === 'removed') rmSync(path);
      else {
        const other = await Spool.open(join(root, 'other'), SLOW, ['a']);
        await fill(other, 1001, 5);
        await take(other, 'a', 5);
        await other.close();
        cpSync(join(root, 'other/cursors/a.cursor'), path);
      }
      const again = await Spool.open(dir, SLOW, ['a']);
      expect(again.sinks.get('a')).toMatchObject({ cursor, doubt: expect.stringContaining(doubt) });
      await again.close();
    }),
  );
});
