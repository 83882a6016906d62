import { setTimeout as sleep } from 'node:timers/promises';
import { LOCAL_EPOCH } from '../spool/loss.js';
import type { RecordName } from '../spool/segment.js';
import { quote } from '../store/quote.js';
import { keptMs } from '../store/retention.js';
import type { Due } from './due.js';
import { begunMs, excusable } from './excused.js';
import type { Losses } from './losses.js';
import { rows, type SqlStore } from './sql-store.js';

/** Rows are dropped a day at a time: what is left begins up to so long after the time from which on they are kept, ms. */
const DAY = 86_400_000;
const RECORDS = ['conn', 'control'] as const;

/** One epoch in the store, compared with itself and with the spool. */
export interface StoreEpoch {
  readonly node: string;
  readonly epoch: string;
  /** By the ledger. */
  readonly first: number;
  readonly last: number;
  readonly ledger: number;
  /** Rows of conn_events and control_events. */
  readonly rows: number;
  /** Sequences between first and last that are in no batch of the ledger. */
  readonly missing: number;
  /** As many of those were lost before the asked time, and recorded. */
  readonly excused: number;
  /** Rows that are gone because they are older than the store keeps them: no longer provable, and no failure. */
  readonly expired: number;
  /** The last sequence that the spool has, and the last that the store was given of that; null when the spool has nothing of it any more. */
  readonly spool_last: number | null;
  readonly due: number | null;
  /** Events of the spool that the store was not given yet: no failure. */
  readonly waiting: number;
  /** The store has what it was given, once. */
  readonly ok: boolean;
}

export interface StoreReport {
  readonly checked: boolean;
  /** Why not. */
  readonly reason: string | null;
  readonly epochs: readonly StoreEpoch[];
  readonly ok: boolean;
}

interface CountRow {
  readonly node: string;
  readonly epoch: string;
  readonly record: RecordName;
}

interface LedgerRow extends CountRow {
  readonly low: string;
  readonly high: string;
  readonly ledger: string;
}

interface EventRow extends CountRow {
  readonly rows: string;
  /** The last sequence before the time from which on rows of connections, or of changes, are surely kept; 0: none. */
  readonly old_conn: string;
  readonly old_control: string;
  /** s since 1970. */
  readonly newest: string;
}

/** One record type of one epoch, counted by the ledger and by rows. */
export interface RecordCount {
  readonly record: RecordName;
  readonly first: number;
  readonly last: number;
  readonly ledger: number;
  readonly rows: number;
  /** The same of the sequences whose rows cannot have expired. */
  readonly keptLedger: number;
  readonly keptRows: number;
}

const EVENTS = RECORDS.map((record) => `SELECT node, epoch, '${record}' AS record, sequence, time_ns FROM ${record}_events`).join(
  ' UNION ALL ',
);

const UINT64_MAX = '18446744073709551615';

/**
 * The ledger of a store against its rows, and both against the spool, as far as the store was given that. Rejects when the store cannot be asked.
 * What is delivered between two questions is beyond the cuts, so it makes no difference. Epochs that other collectors deliver have none: they are asked about again.
 * `nowMs`: the believed time, by which rows expire.
 */
export async function compareStore(
  store: SqlStore,
  dues: readonly Due[],
  { spoolBefore }: Losses,
  nowMs = Date.now(),
): Promise<StoreReport> {
  const judged = (column: string): string =>
    dues.map(({ node, epoch, cut }) => `NOT (node = ${quote(node)} AND epoch = ${quote(epoch)} AND ${column} > ${cut})`).join(' AND ') ||
    '1';
  // A segment that was open at the question has grown since: of its entry counts what lies before the cut.
  const cut = `multiIf(${dues.map((one) => `node = ${quote(one.node)} AND epoch = ${quote(one.epoch)}, toUInt64(${one.cut}), `).join('')}1, ${UINT64_MAX}, ${UINT64_MAX})`;
  const text = (expression: string, name: string): string => `toString(${expression}) AS ${name}`;
  const kept = await keptMs(store);
  const cutoff = (record: RecordName): number => (kept[record] === undefined ? 0 : Math.max(0, nowMs - kept[record] + DAY));
  let epochs: StoreEpoch[] = [];
  for (let attempt = 0; attempt < 5; attempt++) {
    const ledger = await rows<LedgerRow>(
      store,
      `SELECT node, epoch, ${text('record', 'record')}, ${text('min(first)', 'low')}, ${text(`max(least(last, ${cut}))`, 'high')}, ${text(`sum(${lengthOf('begins', `least(last, ${cut})`)})`, 'ledger')} FROM ${LEDGER} WHERE ${judged('first')} GROUP BY node, epoch, record ORDER BY node, epoch, record`,
    );
    const before = (record: RecordName): string => `time_ns < fromUnixTimestamp64Milli(${Math.floor(cutoff(record))}, 'UTC')`;
    const events = await rows<EventRow>(
      store,
      `SELECT node, epoch, record, ${text('count()', 'rows')}, ${RECORDS.map((record) => text(`maxIf(sequence, ${before(record)})`, `old_${record}`)).join(', ')}, ${text('intDiv(toUnixTimestamp64Nano(max(time_ns)), 1000000000)', 'newest')} FROM (${EVENTS}) WHERE ${judged('sequence')} GROUP BY node, epoch, record`,
    );
    const counted = new Map<string, { node: string; epoch: string; counts: RecordCount[] }>();
    for (const row of ledger) {
      const key = JSON.stringify([row.node, row.epoch]);
      const one = counted.get(key) ?? { node: row.node, epoch: row.epoch, counts: [] };
      counted.set(key, one);
      const through = (): number => expiredThrough(row, cutoff(row.record), ledger, events);
      one.counts.push(await countOf(store, row, events, kept[row.record] === undefined ? () => 0 : through));
    }
    const dueIn = (node: string, epoch: string): Due | undefined => dues.find((one) => one.node === node && one.epoch === epoch);
    epochs = [...counted.values()].map(({ node, epoch, counts }) => storeEpoch(node, epoch, counts, dueIn(node, epoch)));
    const excused = new Set(excusable(epochs, ({ missing }) => missing, spoolBefore));
    epochs = epochs.map((one) => (excused.has(one) ? withExcuse(one) : one));
    for (const due of dues) if (!epochs.some((one) => one.node === due.node && one.epoch === due.epoch)) epochs.push(absent(due));
    if (epochs.every((epoch) => epoch.ok)) break;
    await sleep(300);
  }
  return { checked: true, reason: null, epochs, ok: epochs.every((epoch) => epoch.ok) };
}

/**
 * Up to which sequence of an epoch everything happened before `cutoff` (ms), so that its rows may have expired. The ledger knows no times: rows of the epoch that are
 * left tell, later epochs of the node, which began after it ended, and a node of which nothing newer is there.
 */
export function expiredThrough(
  { node, epoch, record }: CountRow,
  cutoff: number,
  ledger: readonly CountRow[],
  events: readonly EventRow[],
): number {
  const begun = begunMs(epoch);
  const ours = events.filter((one) => one.node === node);
  if (begun !== undefined && begun < cutoff) {
    const ended = ledger.some((one) => {
      const next = one.node === node ? begunMs(one.epoch) : undefined;
      return next !== undefined && next > begun && next < cutoff && !one.epoch.startsWith(LOCAL_EPOCH) && !epoch.startsWith(LOCAL_EPOCH);
    });
    if (ended || ours.every(({ newest }) => Number(newest) * 1000 < cutoff)) return Number.POSITIVE_INFINITY;
  }
  const old = ours.filter((one) => one.epoch === epoch).map((one) => Number(record === 'conn' ? one.old_conn : one.old_control));
  return Math.max(0, ...old);
}

/** The ledger, and from where on each run brings something that none before it had: where an older copy of the spool was put back, runs share sequences. */
const LEDGER =
  '(SELECT *, greatest(first, max(last) OVER (PARTITION BY node, epoch, record ORDER BY first, last ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) + 1) AS begins FROM batches FINAL)';
/** How many sequences there are between two, both included. */
const lengthOf = (first: string, last: string): string => `if(${last} >= ${first}, toUInt64(${last} - ${first} + 1), 0)`;

/** Where rows are missing, those that cannot have expired are counted by themselves. */
async function countOf(store: SqlStore, row: LedgerRow, events: readonly EventRow[], through: () => number): Promise<RecordCount> {
  const { node, epoch, record } = row;
  const own = events.find((one) => one.node === node && one.epoch === epoch && one.record === record);
  const [first, last, ledger] = [Number(row.low), Number(row.high), Number(row.ledger)];
  const found = await rowsOf(store, row, Number(own?.rows ?? 0));
  const counted = { record, first, last, ledger, rows: found };
  const expired = found < ledger ? through() : 0;
  if (expired <= 0) return { ...counted, keptLedger: ledger, keptRows: found };
  if (expired >= last) return { ...counted, keptLedger: 0, keptRows: 0 };
  const ours = `node = ${quote(node)} AND epoch = ${quote(epoch)}`;
  const [newer] = await rows<{ ledger: string; found: string }>(
    store,
    `SELECT toString((SELECT sum(${lengthOf(`greatest(begins, ${expired + 1})`, 'last')}) FROM ${LEDGER} WHERE ${ours} AND record = '${record}' AND last > ${expired})) AS ledger, toString((SELECT count() FROM ${record}_events WHERE ${ours} AND sequence > ${expired})) AS found`,
  );
  return { ...counted, keptLedger: Number(newer?.ledger ?? ledger), keptRows: Number(newer?.found ?? found) };
}

/** Rows of an epoch. Those behind the ledger's end came after it was asked. */
async function rowsOf(store: SqlStore, { node, epoch, record, high, ledger }: LedgerRow, all: number): Promise<number> {
  if (all <= Number(ledger)) return all;
  const [upTo] = await rows<{ found: string }>(
    store,
    `SELECT toString(count()) AS found FROM ${record}_events WHERE node = ${quote(node)} AND epoch = ${quote(epoch)} AND sequence <= ${high}`,
  );
  return Number(upTo?.found ?? all);
}

/** One epoch of the ledger against the rows. */
export function storeEpoch(node: string, epoch: string, counts: readonly RecordCount[], due: Due | undefined): StoreEpoch {
  const sum = (of: (one: RecordCount) => number): number => counts.reduce((total, one) => total + of(one), 0);
  const first = counts.reduce((least, one) => Math.min(least, one.first), Number.POSITIVE_INFINITY);
  const last = counts.reduce((most, one) => Math.max(most, one.last), Number.NEGATIVE_INFINITY);
  const [ledger, found] = [sum((one) => one.ledger), sum((one) => one.rows)];
  const expired = sum((one) => (one.rows < one.ledger && one.keptRows === one.keptLedger ? one.ledger - one.rows : 0));
  const agrees = counts.every((one) => one.rows <= one.ledger && one.keptRows === one.keptLedger);
  const missing = last - first + 1 - ledger;
  const ok = missing === 0 && agrees && last >= (due?.last ?? 0);
  const given = { spool_last: due?.spoolLast ?? null, due: due?.last ?? null, waiting: due?.waiting ?? 0 };
  return { node, epoch, first, last, ledger, rows: found, missing, excused: 0, expired, ...given, ok };
}

function withExcuse(epoch: StoreEpoch): StoreEpoch {
  const { rows: found, expired, ledger, last, due, missing } = epoch;
  return { ...epoch, excused: missing, ok: found + expired === ledger && last >= (due ?? 0) };
}

/** An epoch of the spool of which the store has nothing. */
function absent({ node, epoch, last, events, waiting, spoolLast }: Due): StoreEpoch {
  const nothing = { first: 0, last: 0, ledger: 0, rows: 0, excused: 0, expired: 0 };
  return { node, epoch, ...nothing, missing: events, spool_last: spoolLast, due: last, waiting, ok: events === 0 };
}
