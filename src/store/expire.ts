import type { Database } from './database.js';
import { storage } from './ddl.js';
import { EngineError } from './errors.js';
import { type Day, insertDays, keptFrom, readArrivals, settleUnknown } from './kept-days.js';
import { quote } from './quote.js';
import { type Retention, type RetentionRule, RULES } from './retention.js';

/** ClickHouse's code for a part that a merge has taken meanwhile. */
const NO_SUCH_PART = 232;
const DAY_MS = 86_400_000;

/** What was removed for its age. */
export interface Expired {
  /** Of conn_events. */
  readonly days: number;
  readonly partitions: number;
}

interface Partition {
  readonly rule: RetentionRule;
  /** `20260131`, or `202601`. */
  readonly id: string;
  readonly parts: readonly string[];
}

/**
 * Removes what is older than it is kept, whole partitions at once. To be called only while the clock is believed; `nowMs`: what it shows, ms since 1970. What arrives
 * meanwhile stays.
 */
export async function expireRows(database: Database, retention: Retention, nowMs: number): Promise<Expired> {
  // First what is there: what comes later is in other parts.
  const partitions = await partitionsOf(database);
  const arrivals = await readArrivals(database);
  await settleUnknown(database, arrivals, nowMs);
  const old = partitions.filter(({ rule, id }) => lastKept(id, arrivals) + retention[rule.of] < nowMs);
  // The note first: whoever finds a day in part must know why.
  const noted = old.flatMap(({ rule: { table }, id }) =>
    table === 'conn_events' || table === 'control_events'
      ? [{ day: dayOf(id), what: table === 'conn_events' ? 'conn_expired' : 'control_expired', atMs: nowMs } as const]
      : [],
  );
  await insertDays(database, noted);
  for (const partition of old) await drop(database, partition);
  for (const rule of RULES.filter(({ partition }) => partition === 'none')) await removeRows(database, rule, retention, arrivals, nowMs);
  return { days: noted.filter(({ what }) => what === 'conn_expired').length, partitions: old.length };
}

async function partitionsOf(database: Database): Promise<Partition[]> {
  const { placement } = database;
  const rules = new Map(RULES.filter(({ partition }) => partition !== 'none').map((rule) => [localName(placement, rule), rule]));
  const parts = placement.cluster === undefined ? 'system.parts' : `cluster(${quote(placement.cluster)}, system.parts)`;
  const found = await database.text(
    `SELECT table, partition_id, groupUniqArray(name) FROM ${parts} WHERE database = ${quote(placement.database)} AND active AND table IN (${[...rules.keys()].map(quote).join(', ')}) GROUP BY table, partition_id ORDER BY table, partition_id`,
    'JSONCompactEachRow',
  );
  return found
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as [table: string, id: string, parts: string[]])
    .map(([table, id, names]) => ({ rule: rules.get(table) as RetentionRule, id, parts: names }));
}

/** From when on a partition is kept: from the last of its days. */
function lastKept(id: string, arrivals: ReadonlyMap<Day, number>): number {
  if (id.length === 8) return keptFrom(dayOf(id), arrivals.get(dayOf(id)));
  const [year, month] = [Number(id.slice(0, 4)), Number(id.slice(4))];
  const [first, next] = [Date.UTC(year, month - 1, 1) / DAY_MS, Date.UTC(year, month, 1) / DAY_MS];
  const known = [...arrivals].filter(([day]) => day >= first && day < next);
  return known.length === 0 ? next * DAY_MS : Math.max(...known.map(([day, at]) => keptFrom(day, at)));
}

function dayOf(id: string): Day {
  return Date.UTC(Number(id.slice(0, 4)), Number(id.slice(4, 6)) - 1, Number(id.slice(6))) / DAY_MS;
}

async function drop(database: Database, { rule, id, parts }: Partition): Promise<void> {
  const { name, on } = storage(database.placement, rule.table);
  // A part is of one server: shards have others of the same names.
  if (on !== '') {
    await database.write(`ALTER TABLE ${name}${on} DROP PARTITION ID ${quote(id)}`);
    return;
  }
  for (const part of parts) {
    try {
      await database.write(`ALTER TABLE ${name} DROP PART ${quote(part)}`);
    } catch (error) {
      // The part that it has become is looked at the next time.
      if (!(error instanceof EngineError && error.code === NO_SUCH_PART)) throw error;
    }
  }
}

/** Of a table without partitions. */
async function removeRows(
  database: Database,
  { table, of, time, which = '1' }: RetentionRule,
  retention: Retention,
  arrivals: ReadonlyMap<Day, number>,
  nowMs: number,
): Promise<void> {
  const { name, on } = storage(database.placement, table);
  const found = await database.text(
    `SELECT arrayMap(d -> toUInt16(d), groupUniqArray(toDate(${time}))) FROM ${database.placement.database}.${table} WHERE ${which}`,
  );
  const old = (JSON.parse(found) as Day[]).filter((day) => keptFrom(day, arrivals.get(day)) + retention[of] < nowMs);
  if (old.length === 0) return;
  await database.write(`DELETE FROM ${name}${on} WHERE ${which} AND toUInt16(toDate(${time})) IN (${old.join(', ')})`);
}

function localName(placement: Database['placement'], { table }: RetentionRule): string {
  return storage(placement, table).name.split('.')[1] ?? table;
}
