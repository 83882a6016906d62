import { describe, expect, it } from 'vitest';
import { excusable } from '../../../src/api/excused.js';
import type { Losses } from '../../../src/api/losses.js';
import type { SqlStore } from '../../../src/api/sql-store.js';
import { compareStore, expiredThrough, type RecordCount, storeEpoch } from '../../../src/api/store-comparison.js';
import type { VerifyReport } from '../../../src/spool/verify.js';

const NOTHING = { epochs: [] };
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

it('excuses missing sequences up to what was recorded as lost, the oldest first', () => {
  const epochs = [2, 50, 40].map((days, i) => ({ node: 'n', epoch: epochOf(days), missing: 10 + i }));
  const excused = (lost: number) => excusable(epochs, ({ missing }) => missing, new Map([['n', lost]])).map(({ missing }) => missing);
  expect(excused(11)).toEqual([11]);
  expect(excused(10)).toEqual([10]);
  expect(excused(23)).toEqual([11, 12]);
  expect(excused(0)).toEqual([]);
});

describe('a store that is delivered to while it is asked', () => {
  /** Its ledger ends at 1328, and it has 1414 rows by the time that they are counted; as many as `upToLedger` of them are not behind the ledger's end. */
  const answers = (upToLedger: number): SqlStore => ({
    query: async (sql, { format }) => {
      const of = { node: 'n', epoch: 'e', record: 'conn' };
      const answer = sql.includes('system.tables')
        ? { data: [] }
        : sql.endsWith("FROM conn_events WHERE node = 'n' AND epoch = 'e' AND sequence <= 1328")
          ? { found: String(upToLedger) }
          : sql.includes('UNION ALL')
            ? { ...of, rows: '1414', old_conn: '0', old_control: '0', newest: '1' }
            : { ...of, low: '1', high: '1328', ledger: '1328' };
      return Buffer.from(`${JSON.stringify(answer)}${format === 'JSONEachRow' ? '\n' : ''}`);
    },
  });
  const spool = { epochs: [{ node: 'n', epoch: 'e', last: 821n }] } as unknown as VerifyReport;
  const losses: Losses = { judged: [], before: [], spoolBefore: new Map() };

  it('has what its ledger says, whatever came behind it', async () => {
    const { ok, epochs } = await compareStore(answers(1328), spool, losses);
    expect({ ok, epochs }).toMatchObject({ ok: true, epochs: [{ ledger: 1328, rows: 1328, missing: 0, ok: true }] });
  });

  it('has too many or too few all the same', async () => {
    for (const rows of [1330, 1327]) {
      const { ok, epochs } = await compareStore(answers(rows), spool, losses);
      expect({ ok, epochs }).toMatchObject({ ok: false, epochs: [{ ledger: 1328, rows, ok: false }] });
    }
  });
});
