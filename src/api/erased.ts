import { readOrders } from '../erase/order.js';
import { keptMs } from '../store/retention.js';
import { rows, type SqlStore } from './sql-store.js';

/** What was erased of the log: events of which the place is left, so that nothing is missing, and what the log says of it. */
export interface ErasedReport {
  /** Events in the spool of which only the place is left. */
  readonly spool: number;
  /** The same of the store; null: it was not asked. */
  readonly store: number | null;
  /** Events that were erased, and by how many orders, as the log says; null: it was not asked. */
  readonly recorded: number | null;
  readonly records: number | null;
  /** Orders that are being carried out. */
  readonly orders: number;
  /** No more is erased than the log says: else somebody made places without an order. */
  readonly ok: boolean;
}

/** Counts what is erased, and compares it with the records of it. `store`: undefined where it cannot be asked. */
export async function erasedReport(spool: number, store: SqlStore | undefined, directory: string | undefined): Promise<ErasedReport> {
  const orders = directory === undefined ? 0 : await ordersIn(directory);
  if (store === undefined) return { spool, store: null, recorded: null, records: null, orders, ok: true };
  const [found] = await rows<{ erased: string; recorded: string; records: string }>(
    store,
    "SELECT toString((SELECT count() FROM conn_events WHERE kind = 'erased')) AS erased, toString((SELECT sum(lost) FROM control_events WHERE kind = 'erased')) AS recorded, toString((SELECT uniqExact(name) FROM control_events WHERE kind = 'erased')) AS records",
  );
  const kept = await keptMs(store);
  const [erased, recorded] = [Number(found?.erased ?? 0), Number(found?.recorded ?? 0)];
  // Records that may be gone sooner than the places prove nothing.
  const comparable = kept.control === undefined || (kept.conn !== undefined && kept.control >= kept.conn);
  const ok = erased <= recorded || orders > 0 || !comparable;
  return { spool, store: erased, recorded, records: Number(found?.records ?? 0), orders, ok };
}

/** Orders that change something. Who may not look is told of none. */
async function ordersIn(directory: string): Promise<number> {
  const orders = await readOrders(directory).catch(() => []);
  return orders.filter(({ dryRun }) => !dryRun).length;
}
