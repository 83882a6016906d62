import { join } from 'node:path';
import { expect, it } from 'vitest';
import { erasedReport } from '../../../src/api/erased.js';
import type { SqlStore } from '../../../src/api/sql-store.js';
import { writeOrder } from '../../../src/erase/order.js';
import { targetOf } from '../support/people.js';
import { withDirectory } from '../support/temporary.js';

/** A store with so many erased events, of which the log says so many, and keeps changes so many days. */
function store(erased: number, recorded: number, days = 3650): SqlStore {
  const tables = [
    ['conn_events', 'TTL toDateTime(time_ns) + toIntervalDay(90)'],
    ['control_events', `TTL toDateTime(time_ns) + toIntervalDay(${days})`],
  ];
  return {
    query: async (sql) =>
      Buffer.from(
        sql.includes('system.tables')
          ? JSON.stringify({ data: tables })
          : JSON.stringify({ erased: String(erased), recorded: String(recorded), records: '1' }),
      ),
  };
}

it('says that nothing more is erased than was recorded', async () => {
  expect(await erasedReport(4, store(6, 6), undefined)).toEqual({ spool: 4, store: 6, recorded: 6, records: 1, orders: 0, ok: true });
  // Places that are older than the store keeps them are gone, their records are not.
  expect((await erasedReport(0, store(2, 6), undefined)).ok).toBe(true);
  expect((await erasedReport(4, store(7, 6), undefined)).ok).toBe(false);
  // Where records go sooner than places they prove nothing.
  expect((await erasedReport(4, store(7, 6, 30), undefined)).ok).toBe(true);
  expect(await erasedReport(4, undefined, undefined)).toMatchObject({ store: null, recorded: null, ok: true });
});

it('waits for an order that is being carried out', async () => {
  await withDirectory(async (dir) => {
    const order = {
      ...{ id: 'a1', target: targetOf(['203.0.113.7']), selectors: 'address', reason: 'r', dryRun: false, told: true, progress: {} },
      author: { uid: 0, loginUid: 0, pid: 1 },
    };
    await writeOrder(dir, order);
    await writeOrder(dir, { ...order, id: 'count', dryRun: true });
    expect(await erasedReport(0, store(7, 6), dir)).toMatchObject({ orders: 1, ok: true });
    expect((await erasedReport(0, store(0, 0), join(dir, 'absent'))).orders).toBe(0);
  });
});
