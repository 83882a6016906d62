import { NEVER_SET_MS } from '../clock/believed-clock.js';
import type { Database } from './database.js';
import { minuteOf } from './time-sql.js';

/** A day of UTC, days since 1970, as ClickHouse's Date has it: one after 2149-06-06 begins again at 1970. */
export type Day = number;

const DAY_MS = 86_400_000;
/** How often it is written down anew that events of a day arrive, ms. */
const AGAIN_MS = 3_600_000;
/** Days that are remembered as written down. */
const MOST_REMEMBERED = 10_000;

/** An expression over rows of events: of which days they are. A minute has its own, which is another where 32 bits do not do. */
export function daysSql(record: 'conn' | 'control'): string {
  const days = record === 'conn' ? `[toDate(time_ns), toDate(${minuteOf('time_ns')})]` : '[toDate(time_ns)]';
  return `arrayMap(d -> toUInt16(d), groupUniqArrayArray(${days}))`;
}

/** When events of each day arrived last, as the collector believes. Kept in the store, so that every collector of a server knows. */
export class KeptDays {
  private readonly database: Database;
  private readonly now: () => number;
  private readonly written = new Map<Day, number>();

  /** `now`: the believed time, ms since 1970. */
  constructor(database: Database, now: () => number) {
    this.database = database;
    this.now = now;
  }

  /** Writes down that events of these days have arrived. */
  async arrived(days: readonly Day[]): Promise<void> {
    const at = this.now();
    const due = days.filter((day) => Math.abs(at - (this.written.get(day) ?? Number.NEGATIVE_INFINITY)) >= AGAIN_MS);
    if (due.length === 0) return;
    await insertDays(
      this.database,
      due.map((day) => ({ day, what: 'arrived', atMs: at })),
    );
    if (this.written.size > MOST_REMEMBERED) this.written.clear();
    for (const day of due) this.written.set(day, at);
  }
}

export interface DayRow {
  readonly day: Day;
  readonly what: 'arrived' | 'conn_expired' | 'control_expired';
  readonly atMs: number;
}

export async function insertDays(database: Pick<Database, 'placement' | 'write'>, rows: readonly DayRow[]): Promise<void> {
  if (rows.length === 0) return;
  const values = rows.map(({ day, what, atMs }) => `(${day}, '${what}', fromUnixTimestamp64Milli(toInt64(${Math.floor(atMs)}), 'UTC'))`);
  await database.write(
    `INSERT INTO ${database.placement.database}.kept_days (day, what, at) SETTINGS async_insert = 0 VALUES ${values.join(', ')}`,
  );
}

/** When events of each day arrived last, ms since 1970. */
export async function readArrivals(database: Pick<Database, 'placement' | 'text'>): Promise<Map<Day, number>> {
  const found = await database.text(
    `SELECT toUInt16(day), toUnixTimestamp64Milli(max(at)) FROM ${database.placement.database}.kept_days WHERE what = 'arrived' GROUP BY day`,
  );
  const lines = found.split('\n').filter((line) => line !== '');
  return new Map(lines.map((line) => line.split('\t').map(Number) as [Day, number]));
}

/** When anything arrived last, ms since 1970; undefined: nothing did, or nobody wrote it down. */
export async function newestMs(database: Pick<Database, 'placement' | 'text'>): Promise<number | undefined> {
  const newest = Math.max(0, ...(await readArrivals(database)).values());
  return newest === 0 ? undefined : newest;
}

/** Days that arrived while the clock had never been set count from now on, `nowMs`: nobody knows when it was. */
export async function settleUnknown(database: Database, arrivals: Map<Day, number>, nowMs: number): Promise<void> {
  const unknown = [...arrivals].filter(([, at]) => at < NEVER_SET_MS).map(([day]) => day);
  await insertDays(
    database,
    unknown.map((day) => ({ day, what: 'arrived', atMs: nowMs })),
  );
  for (const day of unknown) arrivals.set(day, nowMs);
}

/** From when on the rows of a day are kept, ms since 1970: the end of the day, or when its last events arrived if that was later or the day has not come yet. */
export function keptFrom(day: Day, arrivedMs: number | undefined): number {
  const end = (day + 1) * DAY_MS;
  if (arrivedMs === undefined) return end;
  return end - DAY_MS > arrivedMs ? arrivedMs : Math.max(end, arrivedMs);
}

/** A condition on a day of which all events that ever were are still there. */
export function wholeDays(database: string, day: string): string {
  return `${day} IN (SELECT day FROM ${database}.kept_days GROUP BY day HAVING countIf(what = 'conn_expired') = 0)`;
}
