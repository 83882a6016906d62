import { setTimeout as sleep } from 'node:timers/promises';
import type { ContentDifference } from '../sink/content.js';
import { type HourRange, type LedgerSpan, ledgerSpans, objects } from './ledger-content.js';
import { quote } from './quote.js';
import type { Store } from './store.js';

const MINUTE = 60;
const HOUR = 3600;
/** Rows that one question is about at most. */
const ROWS = 4_000_000;
/** How often what differs is looked at again, and how long between, ms. */
const ATTEMPTS = 5;
const PAUSE_MS = 300;
/** How much newer than the rest rows may be whose delivery is under way, s. */
const MOVING_S = 2 * MINUTE;
const HOURS_TOLD = 5;

type Asked = Pick<Store, 'query'>;

/** A table of which each row is made of one event. */
interface DerivedTable {
  readonly table: string;
  /** Its column that has the event's time. */
  readonly time: string;
}

const DERIVED: readonly DerivedTable[] = [
  { table: 'connections_ended', time: 'end' },
  { table: 'incidents', time: 'time_ns' },
];

/** What a table has of one hour or minute of one epoch. */
interface Sum {
  readonly node: string;
  readonly epoch: string;
  /** Seconds since 1970. */
  readonly time: number;
  readonly rows: number;
  readonly hash: string;
}

interface Pair {
  readonly want: Sum | undefined;
  readonly have: Sum | undefined;
}

export interface DerivedReport {
  readonly differences: readonly ContentDifference[];
  /** Rows that are as they are made. */
  readonly rows: number;
  readonly ok: boolean;
}

/**
 * Compares the tables that are made of events with what the views make of the events that the ledger has. Rows of deliveries that are under way, and those that one of the
 * two tables may have let go of for their age, are left out, and hours that are being erased. Rejects when the store cannot be asked.
 */
export async function derivedDifferences(
  store: Asked,
  spans: readonly LedgerSpan[],
  hours: HourRange,
  isErased: (hour: { readonly node: string; readonly epoch: string; readonly hour: number }) => boolean = () => false,
): Promise<DerivedReport> {
  const differences: ContentDifference[] = [];
  let rows = 0;
  let ok = true;
  for (const one of DERIVED) {
    const found = await compareTable(store, one, spans, hours.from * HOUR, isErased);
    differences.push(...found.differences);
    rows += found.rows;
    ok &&= found.ok;
  }
  return { differences, rows, ok };
}

async function compareTable(
  store: Asked,
  derived: DerivedTable,
  spans: readonly LedgerSpan[],
  since: number,
  isErased: (hour: { readonly node: string; readonly epoch: string; readonly hour: number }) => boolean,
): Promise<DerivedReport> {
  const view = await viewOf(store, derived.table);
  const from = Math.max(since, await keptFrom(store, ['conn_events', derived.table]));
  let judged = spans;
  let rows = 0;
  let differing: Pair[] = [];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (attempt > 0) await sleep(PAUSE_MS);
    const keys = new Set(differing.map(keyOf));
    const range = attempt === 0 ? { from, to: Number.POSITIVE_INFINITY } : rangeOf(differing, HOUR);
    if (attempt > 0) judged = await ledgerSpans(store);
    const pairs = await pairsOf(store, derived, view, judged, range, HOUR);
    differing = pairs.filter((pair) => !agrees(pair) && (attempt === 0 || keys.has(keyOf(pair))));
    if (attempt === 0) rows = pairs.filter(agrees).reduce((sum, { want }) => sum + (want?.rows ?? 0), 0);
    if (differing.length === 0) return { differences: [], rows, ok: true };
  }
  const told: ContentDifference[] = [];
  let ok = true;
  const until = await settledUntil(store, judged);
  for (const hour of differing) {
    if (told.length >= HOURS_TOLD) break;
    const minutes = (await pairsOf(store, derived, view, judged, rangeOf([hour], HOUR), MINUTE)).filter((pair) => sameEpoch(pair, hour));
    // A minute in which something is being delivered may have rows too many; it never has too few.
    const wrong = minutes.filter((pair) => !agrees(pair) && (timeOf(pair) < until || (pair.have?.rows ?? 0) < (pair.want?.rows ?? 0)));
    const { node, epoch, time } = (hour.want ?? hour.have) as Sum;
    if (wrong.length === 0 || isErased({ node, epoch, hour: time / HOUR })) continue;
    ok = false;
    const sum = (of: (pair: Pair) => number): number => wrong.reduce((total, pair) => total + of(pair), 0);
    told.push({
      ...{ table: derived.table, node, epoch, hour: timeOf(hour), segment: null, first: null, last: null },
      expected: sum(({ want }) => want?.rows ?? 0),
      found: sum(({ have }) => have?.rows ?? 0),
    });
  }
  return { differences: told, rows, ok };
}

interface View {
  /** Its statement, over `conn_events AS e`. */
  readonly select: string;
  readonly columns: readonly string[];
}

/** What a table is made by. */
async function viewOf(store: Asked, table: string): Promise<View> {
  const ours = 'database = currentDatabase()';
  const [view] = await objects<{ select: string; columns: string }>(
    store,
    `SELECT as_select AS select, (SELECT arrayStringConcat(groupArray(name), '\n') FROM (SELECT name FROM system.columns WHERE ${ours} AND table = '${table}_feed' ORDER BY position)) AS columns FROM system.tables WHERE ${ours} AND name = '${table}_feed'`,
  );
  const [, over] = / FROM (\S+) AS e\b/.exec(view?.select ?? '') ?? [];
  if (view === undefined || over === undefined)
    throw new Error(`The view ${table}_feed is not as the migrations make it, so what it makes cannot be compared.`);
  return { select: view.select.replace(` FROM ${over} AS e`, ' FROM (EVENTS) AS e'), columns: view.columns.split('\n') };
}

/** Sums of the table and of what the view makes of the events, by the hour or minute (`step`, s) in a range of seconds. */
async function pairsOf(
  store: Asked,
  { table, time }: DerivedTable,
  { select, columns }: View,
  spans: readonly LedgerSpan[],
  range: HourRange,
  step: number,
): Promise<Pair[]> {
  const summed = `node, epoch, intDiv(toUnixTimestamp(${time}), ${step}) * ${step} AS slot, count() AS rows, sumWithOverflow(cityHash64(${columns.map((name) => `\`${name}\``).join(', ')})) AS hash`;
  const pairs = new Map<string, { want: Sum | undefined; have: Sum | undefined }>();
  for (const part of await parts(store, table, time, range)) {
    const within = (column: string): string =>
      `${column} >= fromUnixTimestamp64Nano(toInt64(${part.from}) * 1000000000, 'UTC') AND ${column} < fromUnixTimestamp64Nano(toInt64(${part.to}) * 1000000000, 'UTC')`;
    const have = await sums(store, `SELECT ${summed} FROM ${table} WHERE ${within(time)} GROUP BY node, epoch, slot`);
    const events = `SELECT * FROM conn_events WHERE ${within('time_ns')} AND ${inLedger(spans)}`;
    const want = await sums(store, `SELECT ${summed} FROM (${select.replace('EVENTS', events)}) GROUP BY node, epoch, slot`);
    for (const one of have) pairs.set(textOf(one), { want: undefined, have: one });
    for (const one of want) pairs.set(textOf(one), { want: one, have: pairs.get(textOf(one))?.have });
  }
  return [...pairs.values()];
}

async function sums(store: Asked, sql: string): Promise<Sum[]> {
  const found = await objects<Record<'node' | 'epoch' | 'slot' | 'rows' | 'hash', string>>(store, sql);
  return found.map(({ node, epoch, slot, rows, hash }) => ({ node, epoch, time: Number(slot), rows: Number(rows), hash }));
}

/** A range of seconds in pieces of a bearable size, at whole minutes. */
async function parts(store: Asked, table: string, time: string, { from, to }: HourRange): Promise<HourRange[]> {
  const minute = (column: string): string => `intDiv(toUnixTimestamp(${column}), ${MINUTE}) * ${MINUTE}`;
  const counted = (name: string, column: string): string => `SELECT ${minute(column)} AS slot, count() AS n FROM ${name} GROUP BY slot`;
  const found = await objects<Record<'slot' | 'total', string>>(
    store,
    `SELECT slot, sum(n) AS total FROM (${counted(table, time)} UNION ALL ${counted('conn_events', 'time_ns')}) WHERE slot >= ${Math.max(0, Math.floor(from))}${Number.isFinite(to) ? ` AND slot < ${to}` : ''} GROUP BY slot ORDER BY slot`,
  );
  const pieces: HourRange[] = [];
  let piece: { from: number; to: number; rows: number } | undefined;
  for (const { slot, total } of found) {
    const begin = Number(slot);
    if (piece !== undefined && piece.rows + Number(total) > ROWS) {
      pieces.push(piece);
      piece = undefined;
    }
    piece = { from: piece?.from ?? begin, to: begin + MINUTE, rows: (piece?.rows ?? 0) + Number(total) };
  }
  if (piece !== undefined) pieces.push(piece);
  return pieces;
}

/** A condition on events: the ledger has them. */
function inLedger(spans: readonly LedgerSpan[]): string {
  const epochs = new Map<string, { node: string; epoch: string; last: number }>();
  for (const { node, epoch, record, last } of spans) {
    if (record !== 'conn') continue;
    const key = JSON.stringify([node, epoch]);
    epochs.set(key, { node, epoch, last: Math.max(last, epochs.get(key)?.last ?? 0) });
  }
  const known = [...epochs.values()].map(
    ({ node, epoch, last }) => `node = ${quote(node)} AND epoch = ${quote(epoch)}, toUInt64(${last}), `,
  );
  return known.length === 0 ? '0' : `sequence <= multiIf(${known.join('')}toUInt64(0))`;
}

/** Up to when, seconds since 1970, nothing is being delivered: for ever, where nothing is. */
async function settledUntil(store: Asked, spans: readonly LedgerSpan[]): Promise<number> {
  const [found] = await objects<Record<'later' | 'oldest' | 'newest', string>>(
    store,
    `SELECT countIf(NOT (${inLedger(spans)})) AS later, toUnixTimestamp(minIf(time_ns, NOT (${inLedger(spans)}))) AS oldest, toUnixTimestamp(max(time_ns)) AS newest FROM conn_events`,
  );
  const now = await ledgerSpans(store);
  const total = (all: readonly LedgerSpan[]): number => all.reduce((sum, { events }) => sum + events, 0);
  const moving = Number(found?.later ?? 0) > 0 || total(now) !== total(spans);
  if (!moving) return Number.POSITIVE_INFINITY;
  const oldest = Number(found?.later ?? 0) > 0 ? Number(found?.oldest) : Number.POSITIVE_INFINITY;
  return Math.min(oldest - MINUTE, Number(found?.newest ?? 0) - MOVING_S);
}

/** From when on both tables surely have what was put into them, seconds since 1970. */
async function keptFrom(store: Asked, tables: readonly string[]): Promise<number> {
  const names = tables.flatMap((table) => [quote(table), quote(`${table}_local`)]).join(', ');
  const found = await objects<{ engine: string }>(
    store,
    `SELECT engine_full AS engine FROM system.tables WHERE database = currentDatabase() AND name IN (${names})`,
  );
  const kept = found.flatMap(({ engine }) => {
    const [, unit, amount] = /\bTTL .*?toInterval(Second|Day)\((\d+)\)/s.exec(engine) ?? [];
    return amount === undefined ? [] : [Number(amount) * (unit === 'Day' ? 86_400 : 1)];
  });
  if (kept.length === 0) return 0;
  return Math.max(0, (Math.floor((Date.now() / 1000 - Math.min(...kept)) / HOUR) + 2) * HOUR);
}

function agrees({ want, have }: Pair): boolean {
  return (want?.rows ?? 0) === (have?.rows ?? 0) && want?.hash === have?.hash;
}

function timeOf({ want, have }: Pair): number {
  return ((want ?? have) as Sum).time;
}

function textOf({ node, epoch, time }: Sum): string {
  return JSON.stringify([node, epoch, time]);
}

function keyOf({ want, have }: Pair): string {
  return textOf((want ?? have) as Sum);
}

function sameEpoch(a: Pair, b: Pair): boolean {
  const [one, other] = [(a.want ?? a.have) as Sum, (b.want ?? b.have) as Sum];
  return one.node === other.node && one.epoch === other.epoch;
}

function rangeOf(pairs: readonly Pair[], length: number): HourRange {
  const times = pairs.map(timeOf);
  return { from: Math.min(...times), to: Math.max(...times) + length };
}
