import { describe, expect, it } from 'vitest';
import { dueOf } from '../../../src/api/due.js';
import { excusable } from '../../../src/api/excused.js';
import type { SqlStore } from '../../../src/api/sql-store.js';
import { compareStore, expiredThrough, type RecordCount, storeEpoch } from '../../../src/api/store-comparison.js';
import { type Verification, verifyAll } from '../../../src/api/verification.js';
import { type SinkToCompare, tallySegment } from '../../../src/sink/comparison.js';
import { Spool } from '../../../src/spool/spool.js';
import type { SpoolPart } from '../../../src/spool/verify.js';
import { WAIT_MS } from '../../support/patience.js';
import { EPOCH, makeBatch } from '../support/batches.js';
import { withDirectory } from '../support/temporary.js';

/** The spool has nothing of the epoch any more. */
const NOTHING = undefined;
const DAY = 86_400_000;
const NOW = 1_800_000_000_000;
/** What is newer is kept. */
const CUTOFF = NOW - 89 * DAY;
const epochOf = (daysAgo: number): string => `boot-${NOW - daysAgo * DAY}`;

/** An epoch of 1000 conn events. */
const conn = (more: Partial<RecordCount>): RecordCount => ({
  ...{ record: 'conn', first: 1, last: 1000, ledger: 1000, rows: 1000, keptLedger: 1000, keptRows: 1000 },
  ...more,
});

describe('rows against the ledger', () => {
  it('are as many, or explained by their age', () => {
    expect(storeEpoch('n', 'e', [conn({})], NOTHING)).toMatchObject({ expired: 0, ok: true });
    const half = conn({ rows: 400, keptLedger: 300, keptRows: 300 });
    expect(storeEpoch('n', 'e', [half], NOTHING)).toMatchObject({ rows: 400, expired: 600, ok: true });
    expect(storeEpoch('n', 'e', [conn({ rows: 0, keptLedger: 0, keptRows: 0 })], NOTHING)).toMatchObject({ expired: 1000, ok: true });
  });

  it('fail for what is newer, for what is there twice, and for one record type in spite of the other', () => {
    expect(storeEpoch('n', 'e', [conn({ rows: 999, keptRows: 999 })], NOTHING)).toMatchObject({ expired: 0, ok: false });
    expect(storeEpoch('n', 'e', [conn({ rows: 399, keptLedger: 300, keptRows: 299 })], NOTHING)).toMatchObject({ expired: 0, ok: false });
    expect(storeEpoch('n', 'e', [conn({ rows: 1001, keptRows: 1001 })], NOTHING)).toMatchObject({ ok: false });
    const control: RecordCount = { record: 'control', first: 1001, last: 1010, ledger: 10, rows: 9, keptLedger: 10, keptRows: 9 };
    const old = conn({ rows: 0, keptLedger: 0, keptRows: 0 });
    expect(storeEpoch('n', 'e', [old, control], NOTHING)).toMatchObject({ expired: 1000, ok: false });
    expect(storeEpoch('n', 'e', [conn({ ledger: 990, keptLedger: 990, rows: 990, keptRows: 990 })], NOTHING)).toMatchObject({
      ...{ missing: 10, ok: false },
    });
  });
});

describe('what may have expired', () => {
  const row = (epoch: string, daysAgo: number, oldConn = 0) => ({
    ...{ node: 'n', epoch, record: 'conn' as const, rows: '1', old_conn: String(oldConn), old_control: '0' },
    newest: String((NOW - daysAgo * DAY) / 1000),
  });
  const of = (epoch: string) => ({ node: 'n', epoch, record: 'conn' as const });

  it('is what comes before an old row of the epoch', () => {
    const epoch = epochOf(200);
    expect(expiredThrough(of(epoch), CUTOFF, [of(epoch)], [row(epoch, 1, 500)])).toBe(500);
    expect(expiredThrough(of(epoch), CUTOFF, [of(epoch)], [row(epoch, 1)])).toBe(0);
  });

  it('is all of an epoch that another followed long ago, and of a node that is quiet since', () => {
    const [first, second, third] = [epochOf(200), epochOf(100), epochOf(10)];
    expect(expiredThrough(of(first), CUTOFF, [of(first), of(second)], [row(second, 1)])).toBe(Number.POSITIVE_INFINITY);
    expect(expiredThrough(of(first), CUTOFF, [of(first), of(third)], [row(third, 1)])).toBe(0);
    expect(expiredThrough(of(first), CUTOFF, [of(first)], [row(first, 95)])).toBe(Number.POSITIVE_INFINITY);
    expect(expiredThrough(of(third), CUTOFF, [of(third)], [])).toBe(0);
  });
});

describe('what a sink should have', () => {
  const part = (id: number, ...ranges: [number, number][]): SpoolPart => ({
    ...{ id, start: 1n, end: undefined, node: 'n', epoch: 'e' },
    ranges: ranges.map(([first, last]) => ({ first: BigInt(first), last: BigInt(last) })),
    count: ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0),
  });
  // Connections 1 to 20, with a change among them, and 21 to 30.
  const parts = [part(1, [1, 9], [11, 20]), part(2, [10, 10]), part(3, [21, 30])];

  it('is all that it was given, and the rest is on the way', () => {
    expect(dueOf(parts, 3)).toEqual([{ node: 'n', epoch: 'e', cut: 30, last: 30, events: 30, waiting: 0, spoolLast: 30 }]);
    expect(dueOf(parts, 2)).toEqual([{ node: 'n', epoch: 'e', cut: 20, last: 20, events: 20, waiting: 10, spoolLast: 30 }]);
    expect(dueOf(parts, 0)).toEqual([{ node: 'n', epoch: 'e', cut: 0, last: 0, events: 0, waiting: 30, spoolLast: 30 }]);
  });

  it('ends before what the segment beside it has still to bring', () => {
    expect(dueOf(parts, 1)).toEqual([{ node: 'n', epoch: 'e', cut: 9, last: 9, events: 9, waiting: 11, spoolLast: 30 }]);
  });

  it('does not reach into a gap', () => {
    expect(dueOf([part(1, [1, 9]), part(2, [15, 20])], 1)).toMatchObject([{ cut: 14, last: 9 }]);
  });

  it('is what the ledger is held against', () => {
    const [due] = dueOf(parts, 2);
    const upTo = (last: number): RecordCount => conn({ last, ledger: last, rows: last, keptLedger: last, keptRows: last });
    expect(storeEpoch('n', 'e', [upTo(20)], due)).toMatchObject({ ok: true, waiting: 10, due: 20, spool_last: 30 });
    expect(storeEpoch('n', 'e', [upTo(19)], due)).toMatchObject({ ok: false });
  });
});

describe('a store that goes on while it is asked', () => {
  /** Answers of a ledger up to 20; rows come meanwhile. */
  const store = (asked: string[], { rows = '20', upTo = '20' } = {}): SqlStore => ({
    query: async (sql) => {
      asked.push(sql);
      if (sql.includes('system.tables')) return Buffer.from('{"data":[]}');
      const answer = sql.includes(' AS ledger')
        ? { node: 'n', epoch: 'e-1', record: 'conn', low: '1', high: '20', ledger: '20' }
        : sql.includes(' AS found')
          ? { found: upTo }
          : sql.includes(' AS rows')
            ? { node: 'n', epoch: 'e-1', record: 'conn', rows, old_conn: '0', old_control: '0', newest: '1' }
            : undefined;
      return Buffer.from(answer === undefined ? '' : `${JSON.stringify(answer)}\n`);
    },
  });
  const losses = { judged: [], before: [], spoolBefore: new Map() };

  it('is asked about no more than it was given', async () => {
    const asked: string[] = [];
    const due = { node: 'n', epoch: 'e-1', cut: 20, last: 20, events: 20, waiting: 5, spoolLast: 25 };
    expect(await compareStore(store(asked), [due], losses)).toMatchObject({ ok: true, epochs: [{ rows: 20, waiting: 5 }] });
    for (const column of ['first', 'sequence'])
      expect(asked.some((sql) => sql.includes(`WHERE NOT (node = 'n' AND epoch = 'e-1' AND ${column} > 20) GROUP BY`))).toBe(true);
  });

  it('has no row too many when another collector delivers behind the end of the ledger', async () => {
    expect(await compareStore(store([], { rows: '27' }), [], losses)).toMatchObject({ ok: true, epochs: [{ rows: 20 }] });
    expect(await compareStore(store([], { rows: '27', upTo: '21' }), [], losses)).toMatchObject({ ok: false, epochs: [{ rows: 21 }] });
  });

  it('lacks what it was given and has not', async () => {
    const due = { node: 'n', epoch: 'other', cut: 9, last: 9, events: 9, waiting: 1, spoolLast: 10 };
    expect((await compareStore(store([]), [due], losses)).epochs).toMatchObject([
      {},
      { epoch: 'other', missing: 9, waiting: 1, ok: false },
    ]);
    const nothing = { ...due, cut: 0, last: 0, events: 0, waiting: 10 };
    expect((await compareStore(store([]), [nothing], losses)).epochs).toMatchObject([{}, { missing: 0, waiting: 10, ok: true }]);
  });
});

describe('what is on the way', () => {
  /** A spool with three segments of ten events, and a sink that has what it was given. */
  const withSpool = (
    action: (spool: Spool, verify: (given: () => Partial<SinkToCompare>, waitMs?: number) => Promise<Verification>) => Promise<void>,
  ) =>
    withDirectory(async (dir) => {
      const spool = await Spool.open(dir, { segmentAgeMs: 3_600_000 });
      for (const first of [1n, 11n, 21n]) {
        await spool.append([makeBatch(first, 10)]);
        await spool.seal();
      }
      const hours = await Promise.all(spool.sealed().map(async (segment) => ({ id: segment.id, tally: await tallySegment(segment) })));
      await action(spool, (given, waitMs = 0) =>
        verifyAll({
          ...{ spoolDirectory: dir, store: undefined, mark: () => spool.mark(), waitMs },
          sinks: async () => {
            const more = { delivered: 3, refused: [], ...given() };
            const tally = async () => hours.filter(({ id }) => id <= more.delivered).flatMap((one) => one.tally);
            return [{ sink: { name: 'fake', tally }, ...more }];
          },
        }),
      );
      await spool.close();
    });

  it('is waited for as long as the sink goes on', async () => {
    await withSpool(async (_spool, verify) => {
      let looks = 0;
      const report = await verify(() => ({ delivered: Math.min(3, looks++) }), WAIT_MS);
      expect(report).toMatchObject({ verdict: 'complete', complete: true, waiting: 0 });
    });
  });

  it('is told apart from what is missing when the sink stands still, or takes nothing', async () => {
    await withSpool(async (_spool, verify) => {
      expect(await verify(() => ({ delivered: 1 }))).toMatchObject({
        ...{ verdict: 'on_the_way', complete: false, waiting: 20 },
        sinks: [{ ok: true, missing: 0, waiting: 20, away: null }],
      });
      // It would be waited for until the test ends.
      expect(await verify(() => ({ delivered: 1, away: 'Nobody listens.' }), 1e9)).toMatchObject({
        ...{ verdict: 'on_the_way', sinks: [{ away: 'Nobody listens.' }] },
      });
      const lacking = { name: 'fake', tally: async () => [] };
      expect(await verify(() => ({ delivered: 1, sink: lacking }))).toMatchObject({ verdict: 'incomplete', waiting: 20 });
    });
  });

  it('is not what is sealed while it is looked at, which neither the spool as it stood nor the store has', async () => {
    await withDirectory(async (dir) => {
      const spool = await Spool.open(dir, { segmentAgeMs: 3_600_000 });
      await spool.append([makeBatch(1n, 10)]);
      await spool.seal();
      const ledger = { node: 'node-a', epoch: EPOCH, record: 'conn', low: '1', high: '10', ledger: '10' };
      const rows = { node: 'node-a', epoch: EPOCH, record: 'conn', rows: '10', old_conn: '0', old_control: '0', newest: '1' };
      let sealed = false;
      const store: SqlStore = {
        query: async (sql) => {
          if (!sealed) {
            sealed = true;
            await spool.append([makeBatch(11n, 10)]);
            await spool.seal();
          }
          if (sql.includes('system.tables')) return Buffer.from('{"data":[]}');
          const answer = sql.includes(' AS ledger')
            ? ledger
            : sql.includes(' AS found')
              ? { found: '10' }
              : sql.includes(' AS rows')
                ? rows
                : undefined;
          return Buffer.from(answer === undefined ? '' : `${JSON.stringify(answer)}\n`);
        },
      };
      const report = await verifyAll({ spoolDirectory: dir, store, mark: () => spool.mark(), waitMs: 0, sinks: async () => [] });
      expect(sealed).toBe(true);
      expect(report.state).toMatchObject({ gone: [], ok: true });
      await spool.close();
    });
  });

  it('is what is in an open segment, too, and not what comes later', async () => {
    await withSpool(async (spool, verify) => {
      await spool.append([makeBatch(31n, 5)]);
      let looks = 0;
      const later = async (): Promise<void> => spool.append([makeBatch(36n, 5)]);
      const report = await verify(() => {
        if (looks++ === 0) void later();
        return {};
      });
      expect(report).toMatchObject({ verdict: 'on_the_way', waiting: 5, spool: { events: 35, active: 1 } });
      expect(report.spool).not.toHaveProperty('parts');
    });
  });
});

it('excuses missing sequences up to what was recorded as lost, the oldest first', () => {
  const epochs = [2, 50, 40].map((days, i) => ({ node: 'n', epoch: epochOf(days), missing: 10 + i }));
  const excused = (lost: number) => excusable(epochs, ({ missing }) => missing, new Map([['n', lost]])).map(({ missing }) => missing);
  expect(excused(11)).toEqual([11]);
  expect(excused(10)).toEqual([10]);
  expect(excused(23)).toEqual([11, 12]);
  expect(excused(0)).toEqual([]);
});
