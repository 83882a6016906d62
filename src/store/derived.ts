import type { Database } from './database.js';
import { storage } from './ddl.js';
import { quote } from './quote.js';

/** What stands in a table that a materialized view fills: the view's own statement over more rows than one insert. */
const FEEDS = ['connections_ended', 'connections_open', 'incidents', 'rs_minute'] as const;
type Derived = (typeof FEEDS)[number];

/**
 * Makes what the materialized views made of some events anew: after an insert that was broken off it may be there in part, or without its events.
 * `among` chooses events of one node, all of which are in conn_events. Counts a minute are made anew from the first whole minute that `keptSince` (seconds since 1970) leaves.
 * Nobody else may insert events of the node meanwhile.
 */
export async function rebuildDerived(database: Database, node: string, among: string, keptSince: number): Promise<void> {
  const { placement } = database;
  const events = `${placement.database}.conn_events`;
  const ours = `node = ${quote(node)}`;
  const extent = await database.text(
    `SELECT count(), toUnixTimestamp(min(time_ns)), toUnixTimestamp(max(time_ns)) FROM ${events} WHERE ${among}`,
  );
  const [count = 0, begin = 0, end = 0] = extent.split('\t').map(Number);
  if (count === 0) return;
  const [from, to] = [`toDateTime64(${begin}, 9, 'UTC')`, `toDateTime64(${end + 1}, 9, 'UTC')`];
  await remove(
    database,
    'connections_ended',
    `${ours} AND end BETWEEN ${from} AND ${to} AND conn_id IN (SELECT conn_id FROM ${events} WHERE ${among} AND kind = 'expire')`,
  );
  await feed(database, 'connections_ended', among);

  // What is there twice is there once; but of a pair that has gone already no half may come back.
  const ended = `SELECT conn_id FROM ${events} WHERE ${ours} AND time_ns >= ${from} AND kind = 'expire'`;
  await feed(database, 'connections_open', `${among} AND (kind = 'expire' OR conn_id NOT IN (${ended}))`);

  await remove(database, 'incidents', among);
  await feed(database, 'incidents', among);

  await rebuildMinutes(database, node, begin, end, keptSince);
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
  const extent = await database.text(
    `SELECT count(), toUnixTimestamp(min(time_ns)), toUnixTimestamp(max(time_ns)) FROM ${events} WHERE ${among}`,
  );
  const [count = 0, begin = 0, end = 0] = extent.split('\t').map(Number);
  if (count === 0) return;
  const ids = (which: string): string => `conn_id IN (SELECT conn_id FROM ${events} WHERE ${among} AND kind ${which})`;
  await remove(database, 'connections_ended', `${ours} AND ${ids("= 'expire'")}`);
  await remove(database, 'connections_open', `${ours} AND ${ids("!= 'expire'")}`);
  await remove(database, 'incidents', among);
  await remove(database, 'conn_events', among);
  await rebuildMinutes(database, node, begin, end, keptSince);
}

/** Counts the minutes from `begin` to `end`, seconds since 1970, anew. */
async function rebuildMinutes(database: Database, node: string, begin: number, end: number, keptSince: number): Promise<void> {
  const ours = `node = ${quote(node)}`;
  const minute = Math.max(Math.floor(begin / 60), Math.ceil(keptSince / 60)) * 60;
  const until = (Math.floor(end / 60) + 1) * 60;
  if (minute >= until) return;
  await remove(database, 'rs_minute', `${ours} AND minute >= toDateTime(${minute}, 'UTC') AND minute < toDateTime(${until}, 'UTC')`);
  await feed(
    database,
    'rs_minute',
    `${ours} AND time_ns >= toDateTime64(${minute}, 9, 'UTC') AND time_ns < toDateTime64(${until}, 9, 'UTC')`,
  );
}

async function remove(database: Database, table: Derived | 'conn_events', which: string): Promise<void> {
  const { name, on } = storage(database.placement, table);
  // The rows to be removed are chosen by other tables.
  const setting = on === '' ? '' : ' SETTINGS allow_nondeterministic_mutations = 1';
  await database.write(`DELETE FROM ${name}${on} WHERE ${which}${setting}`);
}

/** Runs a materialized view's own statement over some of the events in the table. */
async function feed(database: Database, table: Derived, among: string): Promise<void> {
  const { placement } = database;
  const view = `database = ${quote(placement.database)}`;
  const shown = await database.text(
    `SELECT as_select, (SELECT arrayStringConcat(groupArray(concat('\`', name, '\`')), ', ') FROM (SELECT name FROM system.columns WHERE ${view} AND table = '${table}_feed' ORDER BY position)) FROM system.tables WHERE ${view} AND name = '${table}_feed'`,
    'JSONCompactEachRow',
  );
  const [select, names] = JSON.parse(shown) as [string, string];
  // The view of a cluster reads one shard.
  const own = `FROM ${storage(placement, 'conn_events').name} AS e`;
  const chosen = select.replaceAll(own, `FROM (SELECT * FROM ${placement.database}.conn_events WHERE ${among}) AS e`);
  if (chosen === select) throw new Error(`The view ${table}_feed is not as the migrations make it: nothing can be made anew by it.`);
  await database.write(`INSERT INTO ${placement.database}.${table} (${names}) ${chosen} SETTINGS async_insert = 0`);
}
