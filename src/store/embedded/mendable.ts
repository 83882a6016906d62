import type { Mendable } from '../../sink/sink.js';
import type { Database } from '../database.js';
import { completeDerived, FEEDS } from '../derived.js';
import { amendLedger, missingByLedger, stillMissing } from '../missing.js';
import type { Retention } from '../retention.js';
import { SET_ASIDE, type SetAside } from './set-aside.js';

/** The tables of events, and how long they keep them. */
const EVENTS = [
  { table: 'conn_events', record: 'conn', kept: 'events' },
  { table: 'control_events', record: 'control', kept: 'control' },
] as const;

/** How the embedded store is made whole after something of it was set aside: by its ledger, which says what it was given. The engine must have been started. */
export function mendableOf(database: Database, aside: SetAside, retention: Retention): Mendable {
  return {
    get pending() {
      return aside.owed !== null;
    },
    async find() {
      const before = aside.owed;
      if (before === null) return undefined;
      const damaged = EVENTS.filter(({ table }) => before.tables[table] !== undefined);
      if (!before.asked) {
        const runs = [];
        for (const { record, kept } of damaged)
          runs.push(...(await missingByLedger(database, record, (Date.now() - retention[kept]) / 1000)));
        await aside.know(runs);
      }
      // What is noted now may be taken out of the ledger, which says what is there.
      for (const { record } of damaged) await amendLedger(database, record);
      const { id, tables, runs } = aside.owed ?? before;
      const ledger = tables.batches !== undefined;
      return {
        id,
        why: `damaged parts of its tables were set aside in its folder ${SET_ASIDE}`,
        spans: runs,
        unknown: before.unknown || (ledger && damaged.length > 0),
        all: before.unknown || ledger,
      };
    },
    missing: () => stillMissing(database, aside.owed?.runs ?? []),
    async settle() {
      for (const table of FEEDS)
        for (const partition of aside.owed?.tables[table] ?? [])
          await completeDerived(database, table, partition, (Date.now() - retention.events) / 1000);
      await aside.settle();
    },
  };
}
