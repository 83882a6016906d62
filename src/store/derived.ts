import type { Database } from './database.js';
import { storage } from './ddl.js';
import { wholeDays } from './kept-days.js';
import { quote } from './quote.js';
import { eventNs, LAST_MINUTE_S, minuteOf, within } from './time-sql.js';

/** What stands in a table that a materialized view fills: the view's own statement over more rows than one insert. */
export const FEEDS = ['connections_ended', 'connections_open', 'incidents', 'rs_minute'] as const;
type Derived = (typeof FEEDS)[number];

const NS = 1_000_000_000n;
/** No event is later, ns since 1970. */
const MOST_NS = 2n ** 64n - 1n;

/**
 * Makes what the materialized views made of some events anew: after an insert that was broken off it may be there in part, or without its events.
 * `among` chooses events of one node, all of which are in conn_events. `keptSince`, seconds since 1970: from then on no event was removed for its age.
 * Nobody else may insert events of the node meanwhile.
 */
export async function rebuildDerived(database: Database, node: string, among: string, keptSince: number): Promise<void> {
  const { placement } = database;
  const events = `${placement.database}.conn_events`;
  const ours = `node = ${quote(node)}`;
  const extent = await extentOf(database, among);
  if (extent === undefined) return;
  const { firstNs, lastNs } = extent;
  await remove(
    database,
    'connections_ended',
    `${ours} AND ${within('end', firstNs, lastNs)} AND conn_id IN (SELECT conn_id FROM ${events} WHERE ${among} AND kind = 'expire')`,
  );
  await feed(database, 'connections_ended', among);

  // What is there twice is there once; but of a pair that has gone already no half may come back.
  const ended = `SELECT conn_id FROM ${events} WHERE ${ours} AND ${within('time_ns', firstNs, MOST_NS)} AND kind = 'expire'`;
  await feed(database, 'connections_open', `${among} AND (kind = 'expire' OR conn_id NOT IN (${ended}))`);

  await remove(database, 'incidents', among);
  await feed(database, 'incidents', among);

  await rebuildMinutes(database, node, extent, keptSince);
}

/**
 * Completes what a materialized view's table lacks in a partition (`*`: in all), by the events that are there: what stands in it stays, but counts a minute are made anew as far
 * back as there are events of the node. `keptSince`: see rebuildDerived.
 */
export async function completeDerived(database: Database, table: Derived, partition: string, keptSince: number): Promise<void> {
  const own = database.placement.database;
  const events = `${own}.conn_events`;
  if (table === 'connections_open')
    return feed(database, table, `(node, conn_id) NOT IN (SELECT node, conn_id FROM ${events} WHERE kind = 'expire')`);
  const days = await database.text(
    `SELECT DISTINCT toYYYYMMDD(time_ns) AS day FROM ${events} WHERE '${partition}' = '*' OR startsWith(toString(day), '${partition}') ORDER BY day`,
  );
  if (table === 'rs_minute') {
    for (const line of (await nodesOf(database, partition)).split('\n').filter((one) => one !== '')) {
      const { node, first, last } = JSON.parse(line) as { node: string; first: string; last: string };
      await rebuildMinutes(database, node, { firstNs: BigInt(first), lastNs: BigInt(last) }, keptSince);
    }
    return;
  }
  for (const day of days.split('\n').filter((one) => one !== '')) {
    const there =
      table === 'incidents'
        ? `(node, epoch, sequence) NOT IN (SELECT node, epoch, sequence FROM ${own}.incidents WHERE toYYYYMMDD(time_ns) = ${day})`
        : `(node, conn_id) NOT IN (SELECT node, conn_id FROM ${own}.connections_ended WHERE toYYYYMMDD(end) = ${day})`;
    await feed(database, table, `toYYYYMMDD(time_ns) = ${day} AND ${there}`);
  }
}

/** The nodes with events in a partition, from when to when. */
function nodesOf(database: Database, partition: string): Promise<string> {
  return database.text(
    `SELECT node, toString(min(${eventNs('time_ns')})) AS first, toString(max(${eventNs('time_ns')})) AS last FROM ${database.placement.database}.conn_events WHERE '${partition}' = '*' OR startsWith(toString(toYYYYMMDD(time_ns)), '${partition}') GROUP BY node`,
    'JSONEachRow',
  );
}

/** Removes the connections of one node of which a merge has brought beginning and end together: they stand in connections_ended. Does not wait until it is done. */
export async function sweepEnded(database: Database, node: string): Promise<void> {
  const { name, on } = storage(database.placement, 'connections_open');
  await database.write(
    `DELETE FROM ${name}${on} WHERE node = ${quote(node)} AND begun = 1 AND ended = 1 SETTINGS lightweight_deletes_sync = 0`,
  );
}

/** Removes some events of one node, and what the materialized views made of them. */
export async function discardEvents(database: Database, node: string, among: string, keptSince: number): Promise<void> {
  const { placement } = database;
  const events = `${placement.database}.conn_events`;
  const ours = `node = ${quote(node)}`;
  const extent = await extentOf(database, among);
  if (extent === undefined) return;
  const ids = (which: string): string => `conn_id IN (SELECT conn_id FROM ${events} WHERE ${among} AND kind ${which})`;
  await remove(database, 'connections_ended', `${ours} AND ${ids("= 'expire'")}`);
  await remove(database, 'connections_open', `${ours} AND ${ids("!= 'expire'")}`);
  await remove(database, 'incidents', among);
  await remove(database, 'conn_events', among);
  await rebuildMinutes(database, node, extent, keptSince);
}

interface Extent {
  /** Times of the first and the last, ns since 1970. */
  readonly firstNs: bigint;
  readonly lastNs: bigint;
}

/** Between which times some events lie; undefined: there are none. */
async function extentOf(database: Database, among: string): Promise<Extent | undefined> {
  const time = eventNs('time_ns');
  const found = await database.text(
    `SELECT count(), min(${time}), max(${time}) FROM ${database.placement.database}.conn_events WHERE ${among}`,
  );
  const [count = 0n, firstNs = 0n, lastNs = 0n] = found.split('\t').map(BigInt);
  return count === 0n ? undefined : { firstNs, lastNs };
}

/**
 * Counts the minutes that events lie in anew. Not those of which some events may have been removed for their age: minutes are kept longer. `keptSince`, seconds since
 * 1970: from then on none was.
 */
async function rebuildMinutes(database: Database, node: string, { firstNs, lastNs }: Extent, keptSince: number): Promise<void> {
  const ours = `node = ${quote(node)}`;
  const minute = (ns: bigint): number => Math.min(Number(ns / 60_000_000_000n) * 60, LAST_MINUTE_S);
  const [from, last] = [minute(firstNs), minute(lastNs)];
  const since = Math.min(Math.max(0, Math.ceil(keptSince / 60) * 60), LAST_MINUTE_S);
  const among = (column: string): string => {
    const between = `${column} >= toDateTime(${from}, 'UTC') AND ${column} <= toDateTime(${last}, 'UTC')`;
    if (from >= since) return between;
    return `${between} AND (${column} >= toDateTime(${since}, 'UTC') OR ${wholeDays(database.placement.database, `toDate(${column})`)})`;
  };
  // Of the last minute a DateTime has, everything after it, too.
  const [begin, end] = [BigInt(from) * NS, last >= LAST_MINUTE_S ? MOST_NS : BigInt(last + 60) * NS - 1n];
  await remove(database, 'rs_minute', `${ours} AND ${among('minute')}`);
  await feed(database, 'rs_minute', `${ours} AND ${within('time_ns', begin, end)} AND ${among(minuteOf('time_ns'))}`);
}

async function remove(database: Database, table: Derived | 'conn_events', which: string): Promise<void> {
  const { name, on } = storage(database.placement, table);
  // The rows to be removed are chosen by other tables.
  const setting = on === '' ? '' : ' SETTINGS allow_nondeterministic_mutations = 1';
  await database.write(`DELETE FROM ${name}${on} WHERE ${which}${setting}`);
}

/** Runs a materialized view's own statement over some of the events in the table. */
async function feed(database: Database, table: Derived, among: string): Promise<void> {
  const { select, names } = await viewOver(database, table, among);
  await database.write(`INSERT INTO ${database.placement.database}.${table} (${names}) ${select} SETTINGS async_insert = 0`);
}

/** A materialized view's own statement over some of the events in the table, and its columns. */
async function viewOver(database: Database, table: Derived, among: string): Promise<{ select: string; names: string }> {
  const { placement } = database;
  const view = `database = ${quote(placement.database)}`;
  const shown = await database.text(
    `SELECT as_select, (SELECT arrayStringConcat(groupArray(concat('\`', name, '\`')), ', ') FROM (SELECT name FROM system.columns WHERE ${view} AND table = '${table}_feed' ORDER BY position)) FROM system.tables WHERE ${view} AND name = '${table}_feed'`,
    'JSONCompactEachRow',
  );
  const [shownSelect, names] = JSON.parse(shown) as [string, string];
  // The view of a cluster reads one shard.
  const own = `FROM ${storage(placement, 'conn_events').name} AS e`;
  const select = shownSelect.replaceAll(own, `FROM (SELECT * FROM ${placement.database}.conn_events WHERE ${among}) AS e`);
  if (select === shownSelect) throw new Error(`The view ${table}_feed is not as the migrations make it: nothing can be made anew by it.`);
  return { select, names };
}

/** How many rows, and an order-free hash of what they say. */
export interface RowsAndHash {
  readonly rows: number;
  readonly hash: string;
}

/**
 * The rows that ended connections and incidents should have of some events of one node (`wanted`), and those that they have (`found`), both tables together.
 * `among` chooses events of one node.
 */
export async function derivedCounts(
  database: Database,
  node: string,
  among: string,
): Promise<{ readonly wanted: RowsAndHash; readonly found: RowsAndHash }> {
  const { database: name } = database.placement;
  const events = `${name}.conn_events`;
  const extent = await database.text(`SELECT toString(min(time_ns)), toString(max(time_ns)) FROM ${events} WHERE ${among}`);
  const [begin = '', end = ''] = extent.split('\t').map((time) => `toDateTime64(${quote(time)}, 9, 'UTC')`);
  const ended = `node = ${quote(node)} AND end BETWEEN ${begin} AND ${end} AND conn_id IN (SELECT conn_id FROM ${events} WHERE ${among} AND kind = 'expire')`;
  let wanted = { rows: 0, hash: 0n };
  let found = { rows: 0, hash: 0n };
  for (const [table, which] of [
    ['connections_ended', ended],
    ['incidents', among],
  ] as const) {
    const { select, names } = await viewOver(database, table, among);
    const summed = (as: string): string => `count() AS ${as}_rows, sumWithOverflow(cityHash64(${quote(table)}, ${names})) AS ${as}_hash`;
    const answer = await database.text(
      `SELECT w_rows, w_hash, f_rows, f_hash FROM (SELECT ${summed('w')} FROM (${select})) AS w CROSS JOIN (SELECT ${summed('f')} FROM ${name}.${table} WHERE ${which}) AS f`,
    );
    const [wantedRows = 0, wantedHash = 0, foundRows = 0, foundHash = 0] = answer.split('\t');
    wanted = { rows: wanted.rows + Number(wantedRows), hash: wanted.hash + BigInt(wantedHash) };
    found = { rows: found.rows + Number(foundRows), hash: found.hash + BigInt(foundHash) };
  }
  const text = ({ rows, hash }: { rows: number; hash: bigint }): RowsAndHash => ({ rows, hash: String(BigInt.asUintN(64, hash)) });
  return { wanted: text(wanted), found: text(found) };
}
