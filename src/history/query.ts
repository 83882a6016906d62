import { quote } from '../store/quote.js';
import type { EventFilter } from '../wire/event-filter.js';
import { toBigInt } from '../wire/proto.js';
import { type EventTable, filterSql } from './filter-sql.js';
import { eventOf, type HistoryEvent, selection } from './rows.js';

/** What answers SQL. Rejects with a sentence. */
export interface HistoryLog {
  sql(query: string, format: string): Promise<Uint8Array>;
}

/** Where a live subscription begins: its first event has this sequence in this epoch of the node. */
export interface Beginning {
  readonly node: string;
  readonly epoch: string;
  readonly first: bigint;
}

/** What of the past is wanted: the last so many, what is not older, or both. */
export interface Past {
  /** From 1. */
  readonly last: number;
  /** Unix time, ms. */
  readonly sinceMs: number | undefined;
}

const TABLES: readonly EventTable[] = ['conn_events', 'control_events'];
/** A search that found too little looks so many times further back. */
const WIDEN = 16n;

/** The last sequence of the epoch that is in the store with all before it; 0: none. */
export async function storedUpTo(log: HistoryLog, { node, epoch }: Beginning): Promise<bigint> {
  const runs = `SELECT first, last FROM batches FINAL WHERE node = ${quote(node)} AND epoch = ${quote(epoch)}`;
  const [[last] = ['0']] = await rows(log, `SELECT toString(max(last)) FROM (${runs})`);
  return BigInt(String(last));
}

/** The events before a live subscription begins, oldest first. */
export async function eventsBefore(
  log: HistoryLog,
  filter: EventFilter | undefined,
  beginning: Beginning,
  past: Past,
): Promise<HistoryEvent[]> {
  const found = (await Promise.all(TABLES.map((table) => newest(log, table, filter, beginning, past)))).flat();
  const at = (one: HistoryEvent): bigint => toBigInt(one.event.time_ns);
  const order = (one: HistoryEvent): bigint => toBigInt(one.event.sequence);
  found.sort((a, b) => {
    // Within an epoch the sequence is the order; the clock may have been set.
    const [x, y] = a.epoch === b.epoch ? [order(a), order(b)] : [at(a), at(b)];
    return x < y ? -1 : x > y ? 1 : 0;
  });
  return found.slice(-past.last);
}

async function newest(
  log: HistoryLog,
  table: EventTable,
  filter: EventFilter | undefined,
  { node, epoch, first }: Beginning,
  { last, sinceMs }: Past,
): Promise<HistoryEvent[]> {
  const since = sinceMs === undefined ? [] : [`time_ns >= fromUnixTimestamp64Milli(toInt64(${sinceMs}), 'UTC')`];
  const wanted = [`node = ${quote(node)}`, ...(filter === undefined ? [] : [filterSql(filter, table)]), ...since];
  const ask = async (where: readonly string[], order: string): Promise<HistoryEvent[]> => {
    const query = `SELECT ${selection(table)} FROM ${table} AS t WHERE ${where.join(' AND ')} ORDER BY ${order} LIMIT ${last}`;
    return (await rows(log, query)).map((row) => eventOf(table, row));
  };
  // The table is in the order of epoch and sequence: a narrow range of sequences reads little, however long the log is.
  let found: HistoryEvent[] = [];
  for (let span = BigInt(last); ; span *= WIDEN) {
    const from = first > span ? first - span : 1n;
    found = await ask([...wanted, `epoch = ${quote(epoch)}`, `sequence >= ${from}`, `sequence < ${first}`], 'sequence DESC');
    if (found.length >= last || from === 1n) break;
  }
  if (found.length >= last) return found;
  return [...found, ...(await ask([...wanted, `epoch != ${quote(epoch)}`], 'time_ns DESC, sequence DESC'))];
}

async function rows(log: HistoryLog, query: string): Promise<readonly (readonly unknown[])[]> {
  const answer = Buffer.from(await log.sql(query, 'JSONCompact')).toString('utf8');
  return (JSON.parse(answer) as { data: readonly (readonly unknown[])[] }).data;
}
