import type { Values } from '../config/schema.js';
import type { Database } from './database.js';
import { placed, storage } from './ddl.js';
import { quote } from './quote.js';

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

const DAY = 86_400_000;

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
