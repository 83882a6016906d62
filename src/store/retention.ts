import type { Values } from '../config/schema.js';
import type { RecordName } from '../spool/segment.js';
import type { Database } from './database.js';
import { placed, storage } from './ddl.js';
import { quote } from './quote.js';
import type { Store } from './store.js';

/** How long rows are kept, ms: whole days are dropped at once, so up to a day longer. */
export interface Retention {
  /** Events of connections, after they happened. */
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

/** What the migrations begin with. */
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

const RULES: readonly { readonly table: string; readonly of: keyof Retention; readonly time: string; readonly which: string }[] = [
  { table: 'conn_events', of: 'events', time: 'toDateTime(time_ns)', which: '' },
  { table: 'connections_ended', of: 'connections', time: 'toDateTime(end)', which: '' },
  { table: 'incidents', of: 'events', time: 'toDateTime(time_ns)', which: '' },
  // Ends whose beginnings were never told.
  {
    table: 'connections_open',
    of: 'connections',
    time: 'toDateTime(seen)',
    which: ' DELETE WHERE begun = 0',
  },
  { table: 'rs_minute', of: 'minutes', time: 'minute', which: '' },
  { table: 'control_events', of: 'control', time: 'toDateTime(time_ns)', which: '' },
];

/** Makes the tables keep their rows so long; changes nothing where they do. The tables must be there. */
export async function applyRetention(database: Pick<Database, 'placement' | 'text' | 'write'>, retention: Retention): Promise<void> {
  const { placement } = database;
  for (const { table, of, time, which } of RULES) {
    const interval = `toIntervalSecond(${Math.round(retention[of] / 1000)})`;
    const { name } = storage(placement, table);
    const [, local = ''] = name.split('.');
    const found = await database.text(
      `SELECT position(engine_full, ${quote(`+ ${interval}`)}) > 0 FROM system.tables WHERE database = ${quote(placement.database)} AND name = ${quote(local)}`,
    );
    if (found === '1') continue;
    for (const sql of placed(`ALTER TABLE vslog.${table} MODIFY TTL ${time} + ${interval}${which}`, placement)) await database.write(sql);
  }
}

/** How long the tables of events keep rows, ms, by their own definitions; missing: for ever. */
export async function keptMs(store: Pick<Store, 'query'>): Promise<Partial<Record<RecordName, number>>> {
  const answer = await store.query(
    "SELECT name, engine_full FROM system.tables WHERE database = currentDatabase() AND name IN ('conn_events', 'control_events', 'conn_events_local', 'control_events_local')",
    { format: 'JSONCompact' },
  );
  const { data } = JSON.parse(Buffer.from(answer).toString('utf8')) as { data: readonly (readonly [name: string, engine: string])[] };
  const kept: Partial<Record<RecordName, number>> = {};
  for (const [name, engine] of data) {
    const [, unit, amount] = /\bTTL .*?toInterval(Second|Day)\((\d+)\)/s.exec(engine) ?? [];
    if (amount !== undefined) kept[name.startsWith('conn') ? 'conn' : 'control'] = Number(amount) * (unit === 'Day' ? DAY : 1000);
  }
  return kept;
}

/** From when on a store surely has what it was given, ms since 1970: hours that are kept in part count as old, and clocks differ a little. */
export async function keptSince(store: Pick<Store, 'query'>, record: RecordName): Promise<number | undefined> {
  const kept = (await keptMs(store))[record];
  return kept === undefined ? undefined : Date.now() - kept + HOUR;
}
