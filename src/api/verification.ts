import { setTimeout as sleep } from 'node:timers/promises';
import type { CollectorStatus } from '../collector/collector.js';
import { SinkComparison, type SinkReport, type SinkToCompare } from '../sink/comparison.js';
import { listSealed } from '../spool/catalog.js';
import { LOCAL_EPOCH } from '../spool/loss.js';
import type { RecordName, Segment } from '../spool/segment.js';
import { type DamagedSegment, type EpochReport, type VerifyProgress, type VerifyReport, verifySpool } from '../spool/verify.js';
import { quote } from '../store/quote.js';
import { sentenceOf } from '../wire/errors.js';
import { type Losses, lossesInSpool, lossesInStore, quarantinedBefore, type RecordedLoss } from './losses.js';
import { rows, type SqlStore } from './sql-store.js';

/** How long the store may take for what was in the spool when the question came, ms. */
const CATCH_UP_MS = 15_000;
const HOUR = 3_600_000;
/** Rows are dropped a day at a time: what is left begins up to so long after the time from which on they are kept. */
const DAY = 24 * HOUR;
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
  /** The last sequence that the spool has; null when it has nothing of it any more. */
  readonly spool_last: number | null;
  readonly ok: boolean;
}

export interface StoreReport {
  readonly checked: boolean;
  /** Why not. */
  readonly reason: string | null;
  readonly epochs: readonly StoreEpoch[];
  readonly ok: boolean;
}

/** What was lost before the time from which on losses are judged: listed, and no failure. */
export interface Before {
  /** ms since 1970. */
  readonly since: number;
  readonly losses: readonly RecordedLoss[];
  /** Segments in quarantine. */
  readonly quarantined: readonly number[];
  /** Epochs whose gaps in the spool are such losses. */
  readonly epochs: readonly { readonly node: string; readonly epoch: string }[];
}

export interface Verification {
  readonly spool: Omit<VerifyReport, 'epochs' | 'damaged' | 'chainBreaks'> & {
    readonly damaged: readonly DamagedSegment[];
    readonly chainBreaks: readonly DamagedSegment[];
    readonly epochs: readonly EpochReport[];
  };
  /** From the asked time on. */
  readonly losses: readonly RecordedLoss[];
  /** Null: everything is judged. */
  readonly before: Before | null;
  readonly store: StoreReport;
  /** Each sink against what the spool still has of what it was given, the store among them. */
  readonly sinks: readonly SinkReport[];
  /** Nothing is damaged, missing, there twice or recorded as lost, in the spool, in the store and in every sink. What a sink refused counts against that sink, not as lost. */
  readonly complete: boolean;
}

export interface VerifyOptions {
  readonly spoolDirectory: string;
  readonly store: SqlStore | undefined;
  /** Of the running collector; without it the store is taken as it is. */
  readonly status?: () => Promise<CollectorStatus>;
  /** The sinks, as they stand when they are asked for. */
  readonly sinks?: () => Promise<readonly SinkToCompare[]>;
  readonly onProgress?: (progress: VerifyProgress) => void;
  readonly signal?: AbortSignal;
  /** Losses before it are listed and not judged, ms since 1970. */
  readonly sinceMs?: number | undefined;
}

/** Checks the spool byte by byte, waits until the store has what was found there, and compares. */
export async function verifyAll(options: VerifyOptions): Promise<Verification> {
  const { store, spoolDirectory, sinceMs } = options;
  const spool = await verifySpool(spoolDirectory, options.onProgress);
  // What comes later does not count: a sink may have it or not.
  const segments = await listSealed(spoolDirectory);
  let report: StoreReport;
  let losses: Losses;
  await caughtUp(options);
  if (store === undefined) {
    report = { checked: false, reason: 'There is no store to compare with.', epochs: [], ok: true };
    losses = await lossesInSpool(spoolDirectory, sinceMs);
  } else {
    try {
      losses = await lossesInStore(store, sinceMs);
      report = await compare(store, spool, losses);
    } catch (error) {
      report = { checked: false, reason: `The store could not be asked: ${sentenceOf(error)}`, epochs: [], ok: false };
      losses = await lossesInSpool(spoolDirectory, sinceMs);
    }
  }
  const sinks = await compareSinks(options, segments);
  const before = sinceMs === undefined ? null : await beforeOf(spool, losses, sinceMs);
  const complete =
    spoolComplete(spool, before) && report.ok && sinks.every(({ ok }) => ok) && losses.judged.every(({ where }) => where === 'sink');
  return { spool, losses: losses.judged, before, store: report, sinks, complete };
}

async function beforeOf(spool: VerifyReport, losses: Losses, since: number): Promise<Before> {
  const quarantined = [...(await quarantinedBefore(spool.directory, spool.quarantined, since))];
  const gapsOf = ({ gaps }: EpochReport): number => gaps.reduce((sum, { first, last }) => sum + Number(last - first) + 1, 0);
  const gapped = spool.epochs.filter(({ gaps }) => gaps.length > 0);
  const epochs = excusable(gapped, gapsOf, losses.spoolBefore).map(({ node, epoch }) => ({ node, epoch }));
  return { since, losses: losses.before, quarantined, epochs };
}

function spoolComplete(spool: VerifyReport, before: Before | null): boolean {
  if (before === null) return spool.complete;
  const excused = (one: EpochReport): boolean => before.epochs.some(({ node, epoch }) => node === one.node && epoch === one.epoch);
  return (
    spool.damaged.length === 0 &&
    spool.chainBreaks.length === 0 &&
    spool.quarantined.every((id) => before.quarantined.includes(id)) &&
    spool.epochs.every((one) => one.duplicates.length === 0 && (one.gaps.length === 0 || excused(one)))
  );
}

/** The epochs whose missing sequences a node's recorded losses account for, oldest first: what is more than was recorded is not excused. */
export function excusable<E extends { readonly node: string; readonly epoch: string }>(
  epochs: readonly E[],
  missing: (epoch: E) => number,
  lost: ReadonlyMap<string, number>,
): E[] {
  const left = new Map(lost);
  return [...epochs]
    .sort((a, b) => (begunMs(a.epoch) ?? 0) - (begunMs(b.epoch) ?? 0))
    .filter((epoch) => {
      const budget = left.get(epoch.node) ?? 0;
      const count = missing(epoch);
      if (count <= 0 || count > budget) return false;
      left.set(epoch.node, budget - count);
      return true;
    });
}

/** When an epoch began: its name ends with that. */
function begunMs(epoch: string): number | undefined {
  const [, ms] = /-(\d{12,14})$/.exec(epoch) ?? [];
  return ms === undefined ? undefined : Number(ms);
}

/** One after the other: each reads the whole of what it has. */
async function compareSinks({ sinks }: VerifyOptions, segments: readonly Segment[]): Promise<SinkReport[]> {
  if (sinks === undefined) return [];
  const wanted = await sinks();
  const comparison = new SinkComparison(segments);
  const reports: SinkReport[] = [];
  for (const one of wanted) reports.push(await comparison.compare(withRetention(one)));
  return reports;
}

/** A sink that is a store keeps events as long as its tables say. */
function withRetention({ sink, delivered, refused }: SinkToCompare): SinkToCompare {
  if (sink.keptSince !== undefined || !('query' in sink)) return { sink, delivered, refused };
  const store = sink as SinkToCompare['sink'] & SqlStore;
  // Hours that are kept in part count as old, and clocks differ a little.
  const keptSince = async (record: RecordName): Promise<number | undefined> => {
    const kept = (await keptMs(store))[record];
    return kept === undefined ? undefined : Date.now() - kept + HOUR;
  };
  const { tally } = sink;
  return {
    sink: { name: sink.name, ...(tally === undefined ? {} : { tally: (spans) => tally.call(sink, spans) }), keptSince },
    delivered,
    refused,
  };
}

/** How long the tables keep rows, ms, by their own definitions. */
async function keptMs(store: SqlStore): Promise<Partial<Record<RecordName, number>>> {
  const found = await rows<{ name: string; engine_full: string }>(
    store,
    "SELECT name, engine_full FROM system.tables WHERE database = currentDatabase() AND name IN ('conn_events', 'control_events', 'conn_events_local', 'control_events_local')",
  );
  const kept: Partial<Record<RecordName, number>> = {};
  for (const { name, engine_full } of found) {
    const [, unit, amount] = /\bTTL .*?toInterval(Second|Day)\((\d+)\)/s.exec(engine_full) ?? [];
    if (amount !== undefined) kept[name.startsWith('conn') ? 'conn' : 'control'] = Number(amount) * (unit === 'Day' ? DAY : 1000);
  }
  return kept;
}

/** Waits until the sinks have everything that is sealed, or until the time is over: then the comparison tells what is missing. */
async function caughtUp(options: VerifyOptions): Promise<void> {
  if (options.status === undefined) return;
  const newest = (await options.status()).counters.events;
  const end = Date.now() + CATCH_UP_MS;
  while (Date.now() < end && options.signal?.aborted !== true) {
    const { sinks, spool, counters } = await options.status();
    // While events go on coming, what came before the question is what counts: one segment's age later it is sealed.
    // A sink that takes nothing is not waited for: the comparison tells what it lacks.
    if (sinks.every((sink) => sink.lagEvents === 0 || sink.circuit !== 'closed') && (spool.activeEvents === 0 || counters.events > newest))
      return;
    await sleep(50);
  }
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

async function compare(store: SqlStore, spool: VerifyReport, { spoolBefore }: Losses): Promise<StoreReport> {
  const text = (expression: string, name: string): string => `toString(${expression}) AS ${name}`;
  const kept = await keptMs(store);
  const cutoff = (record: RecordName): number => (kept[record] === undefined ? 0 : Math.max(0, Date.now() - kept[record] + DAY));
  let epochs: StoreEpoch[] = [];
  for (let attempt = 0; attempt < 5; attempt++) {
    // What arrives between the two questions makes them differ: then both are asked again.
    const ledger = await rows<LedgerRow>(
      store,
      `SELECT node, epoch, ${text('record', 'record')}, ${text('min(first)', 'low')}, ${text('max(last)', 'high')}, ${text('sum(count)', 'ledger')} FROM batches FINAL GROUP BY node, epoch, record ORDER BY node, epoch, record`,
    );
    const before = (record: RecordName): string => `time_ns < fromUnixTimestamp64Milli(${Math.floor(cutoff(record))}, 'UTC')`;
    const events = await rows<EventRow>(
      store,
      `SELECT node, epoch, record, ${text('count()', 'rows')}, ${RECORDS.map((record) => text(`maxIf(sequence, ${before(record)})`, `old_${record}`)).join(', ')}, ${text('toUnixTimestamp(max(time_ns))', 'newest')} FROM (${EVENTS}) GROUP BY node, epoch, record`,
    );
    const counted = new Map<string, { node: string; epoch: string; counts: RecordCount[] }>();
    for (const row of ledger) {
      const key = JSON.stringify([row.node, row.epoch]);
      const one = counted.get(key) ?? { node: row.node, epoch: row.epoch, counts: [] };
      counted.set(key, one);
      const through = (): number => expiredThrough(row, cutoff(row.record), ledger, events);
      one.counts.push(await countOf(store, row, events, kept[row.record] === undefined ? () => 0 : through));
    }
    epochs = [...counted.values()].map(({ node, epoch, counts }) => storeEpoch(node, epoch, counts, spool));
    const excused = new Set(excusable(epochs, ({ missing }) => missing, spoolBefore));
    epochs = epochs.map((one) => (excused.has(one) ? withExcuse(one) : one));
    for (const inSpool of spool.epochs) {
      if (!epochs.some((one) => one.node === inSpool.node && one.epoch === inSpool.epoch)) epochs.push(absent(inSpool));
    }
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

/** Where rows are missing, those that cannot have expired are counted by themselves. */
async function countOf(store: SqlStore, row: LedgerRow, events: readonly EventRow[], through: () => number): Promise<RecordCount> {
  const { node, epoch, record } = row;
  const own = events.find((one) => one.node === node && one.epoch === epoch && one.record === record);
  const [first, last, ledger, found] = [Number(row.low), Number(row.high), Number(row.ledger), Number(own?.rows ?? 0)];
  const counted = { record, first, last, ledger, rows: found };
  const expired = found < ledger ? through() : 0;
  if (expired <= 0) return { ...counted, keptLedger: ledger, keptRows: found };
  if (expired >= last) return { ...counted, keptLedger: 0, keptRows: 0 };
  const ours = `node = ${quote(node)} AND epoch = ${quote(epoch)}`;
  const [newer] = await rows<{ ledger: string; found: string }>(
    store,
    `SELECT toString((SELECT sum(last - greatest(first, ${expired + 1}) + 1) FROM batches FINAL WHERE ${ours} AND record = '${record}' AND last > ${expired})) AS ledger, toString((SELECT count() FROM ${record}_events WHERE ${ours} AND sequence > ${expired})) AS found`,
  );
  return { ...counted, keptLedger: Number(newer?.ledger ?? ledger), keptRows: Number(newer?.found ?? found) };
}

/** One epoch of the ledger against the rows. */
export function storeEpoch(node: string, epoch: string, counts: readonly RecordCount[], spool: Pick<VerifyReport, 'epochs'>): StoreEpoch {
  const sum = (of: (one: RecordCount) => number): number => counts.reduce((total, one) => total + of(one), 0);
  const first = Math.min(...counts.map((one) => one.first));
  const last = Math.max(...counts.map((one) => one.last));
  const [ledger, found] = [sum((one) => one.ledger), sum((one) => one.rows)];
  const expired = sum((one) => (one.rows < one.ledger && one.keptRows === one.keptLedger ? one.ledger - one.rows : 0));
  const agrees = counts.every((one) => one.rows <= one.ledger && one.keptRows === one.keptLedger);
  const inSpool = spool.epochs.find((one) => one.node === node && one.epoch === epoch);
  const spoolLast = inSpool === undefined ? null : Number(inSpool.last);
  const missing = last - first + 1 - ledger;
  const ok = missing === 0 && agrees && (spoolLast === null || last >= spoolLast);
  return { node, epoch, first, last, ledger, rows: found, missing, excused: 0, expired, spool_last: spoolLast, ok };
}

function withExcuse(epoch: StoreEpoch): StoreEpoch {
  const { rows: found, expired, ledger, last, spool_last: spoolLast, missing } = epoch;
  return { ...epoch, excused: missing, ok: found + expired === ledger && (spoolLast === null || last >= spoolLast) };
}

function absent(epoch: EpochReport): StoreEpoch {
  const { node, first, last, count } = epoch;
  return {
    node,
    epoch: epoch.epoch,
    first: Number(first),
    last: 0,
    ledger: 0,
    rows: 0,
    missing: count,
    excused: 0,
    expired: 0,
    spool_last: Number(last),
    ok: false,
  };
}
