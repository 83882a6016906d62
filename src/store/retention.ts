import type { Values } from '../config/schema.js';
import type { RecordName } from '../spool/segment.js';
import type { Database } from './database.js';
import { placed, storage } from './ddl.js';
import { insertDays } from './kept-days.js';
import { quote } from './quote.js';
import type { Store } from './store.js';

/** How long rows are kept after the day of their time, or after their arrival if that was later, ms: whole days are removed at once, so up to a day longer; whole months of counts. */
export interface Retention {
  /** Events of connections. */
  readonly events: number;
  /** Connections, after their end; open ones as long as they are open. */
  readonly connections: number;
  /** Counts a minute. */
  readonly minutes: number;
  /** Changes, starts, losses. */
  readonly control: number;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** What a configuration says that says nothing. */
export const DEFAULT_RETENTION: Retention = { events: 90 * DAY, connections: 90 * DAY, minutes: 730 * DAY, control: 3650 * DAY };

/** The configuration's. */
export function retentionOf(values: Values): Retention {
  return {
    events: values['store.keep_events'],
    connections: values['store.keep_connections'],
    minutes: values['store.keep_minutes'],
    control: values['store.keep_control'],
  };
}

/** A table, how long its rows are kept, the column with their time, and what its partitions are. */
export interface RetentionRule {
  readonly table: string;
  readonly of: keyof Retention;
  readonly time: string;
  /** `none`: rows are removed one by one, those with `which`. */
  readonly partition: 'day' | 'month' | 'none';
  readonly which?: string;
}

export const RULES: readonly RetentionRule[] = [
  { table: 'conn_events', of: 'events', time: 'time_ns', partition: 'day' },
  { table: 'connections_ended', of: 'connections', time: 'end', partition: 'day' },
  { table: 'incidents', of: 'events', time: 'time_ns', partition: 'day' },
  // Ends whose beginnings were never told.
  { table: 'connections_open', of: 'connections', time: 'seen', partition: 'none', which: 'begun = 0' },
  { table: 'rs_minute', of: 'minutes', time: 'minute', partition: 'month' },
  { table: 'control_events', of: 'control', time: 'time_ns', partition: 'day' },
];

/**
 * Writes into the tables how long rows are kept, for whoever looks, and takes away the TTL by which ClickHouse would remove them itself: its clock is the machine's, which
 * may be wrong for a moment. Changes nothing where all is so. The tables must be there. `nowMs`: the believed time.
 */
export async function applyRetention(
  database: Pick<Database, 'placement' | 'text' | 'write'>,
  retention: Retention,
  nowMs: number,
): Promise<void> {
  const { placement } = database;
  const run = async (sql: string): Promise<void> => {
    for (const one of placed(sql, placement)) await database.write(one);
  };
  for (const { table, of } of RULES) {
    const comment = `Rows are kept for ${Math.round(retention[of] / 1000)} s; vslog removes them.`;
    const [, local = ''] = storage(placement, table).name.split('.');
    const found = await database.text(
      `SELECT match(engine_full, '\\\\bTTL\\\\b'), comment = ${quote(comment)} FROM system.tables WHERE database = ${quote(placement.database)} AND name = ${quote(local)}`,
    );
    const [hasTtl, isNoted] = found.split('\t');
    if (hasTtl === '1') {
      // Days that ClickHouse may have removed.
      const record = table === 'conn_events' ? 'conn' : table === 'control_events' ? 'control' : undefined;
      const day = Math.floor((nowMs - retention[of]) / DAY);
      if (record !== undefined && day > 0) await insertDays(database, [{ day, what: `${record}_expired`, atMs: nowMs }]);
      await run(`ALTER TABLE vslog.${table} REMOVE TTL`);
    }
    if (isNoted !== '1') await run(`ALTER TABLE vslog.${table} MODIFY COMMENT ${quote(comment)}`);
  }
}

/** How long the tables of events keep rows, ms, by their own definitions; missing: for ever. */
export async function keptMs(store: Pick<Store, 'query'>): Promise<Partial<Record<RecordName, number>>> {
  const answer = await store.query(
    "SELECT name, concat(comment, ' ', engine_full) FROM system.tables WHERE database = currentDatabase() AND name IN ('conn_events', 'control_events', 'conn_events_local', 'control_events_local')",
    { format: 'JSONCompact' },
  );
  const { data } = JSON.parse(Buffer.from(answer).toString('utf8')) as { data: readonly (readonly [name: string, definition: string])[] };
  const kept: Partial<Record<RecordName, number>> = {};
  for (const [name, definition] of data) {
    const [, noted] = /\bRows are kept for (\d+) s;/.exec(definition) ?? [];
    const [, unit, amount = noted] = /\bTTL .*?toInterval(Second|Day)\((\d+)\)/s.exec(definition) ?? [];
    if (amount !== undefined) kept[name.startsWith('conn') ? 'conn' : 'control'] = Number(amount) * (unit === 'Day' ? DAY : 1000);
  }
  return kept;
}

/** From when on a store surely has what it was given, ms since 1970: hours that are kept in part count as old, and clocks differ a little. `nowMs`: the believed time. */
export async function keptSince(store: Pick<Store, 'query'>, record: RecordName, nowMs: number): Promise<number | undefined> {
  const kept = (await keptMs(store))[record];
  return kept === undefined ? undefined : nowMs - kept + HOUR;
}
