import { setTimeout as sleep } from 'node:timers/promises';
import type { CollectorStatus } from '../collector/collector.js';
import { SinkComparison, type SinkReport, type SinkToCompare } from '../sink/comparison.js';
import { listSealed } from '../spool/catalog.js';
import type { Segment } from '../spool/segment.js';
import { type DamagedSegment, type EpochReport, type VerifyProgress, type VerifyReport, verifySpool } from '../spool/verify.js';
import { sentenceOf } from '../wire/errors.js';
import { lossesInSpool } from './losses.js';
import { rows, type SqlStore } from './sql-store.js';

/** How long the store may take for what was in the spool when the question came, ms. */
const CATCH_UP_MS = 15_000;

export interface RecordedLoss {
  readonly where: string;
  readonly lost: number;
  readonly records: number;
}

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

export interface Verification {
  readonly spool: Omit<VerifyReport, 'epochs' | 'damaged' | 'chainBreaks'> & {
    readonly damaged: readonly DamagedSegment[];
    readonly chainBreaks: readonly DamagedSegment[];
    readonly epochs: readonly EpochReport[];
  };
  readonly losses: readonly RecordedLoss[];
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
}

/** Checks the spool byte by byte, waits until the store has what was found there, and compares. */
export async function verifyAll(options: VerifyOptions): Promise<Verification> {
  const { store, spoolDirectory } = options;
  const spool = await verifySpool(spoolDirectory, options.onProgress);
  // What comes later does not count: a sink may have it or not.
  const segments = await listSealed(spoolDirectory);
  let report: StoreReport;
  let losses: RecordedLoss[];
  await caughtUp(options);
  if (store === undefined) {
    report = { checked: false, reason: 'There is no store to compare with.', epochs: [], ok: true };
    losses = await lossesInSpool(spoolDirectory);
  } else {
    try {
      report = await compare(store, spool);
      losses = (
        await rows<{ place: string; total: string; records: string }>(
          store,
          "SELECT toString(`where`) AS place, toString(sum(lost)) AS total, toString(count()) AS records FROM control_events WHERE kind = 'loss' GROUP BY place ORDER BY place",
        )
      ).map(({ place, total, records }) => ({ where: place, lost: Number(total), records: Number(records) }));
    } catch (error) {
      report = { checked: false, reason: `The store could not be asked: ${sentenceOf(error)}`, epochs: [], ok: false };
      losses = await lossesInSpool(spoolDirectory);
    }
  }
  const sinks = await compareSinks(options, segments);
  const complete = spool.complete && report.ok && sinks.every(({ ok }) => ok) && losses.every(({ where }) => where === 'sink');
  return { spool, losses, store: report, sinks, complete };
}

/** One after the other: each reads the whole of what it has. */
async function compareSinks({ sinks }: VerifyOptions, segments: readonly Segment[]): Promise<SinkReport[]> {
  if (sinks === undefined) return [];
  const wanted = await sinks();
  const comparison = new SinkComparison(segments);
  const reports: SinkReport[] = [];
  for (const one of wanted) reports.push(await comparison.compare(one));
  return reports;
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

interface LedgerRow {
  readonly node: string;
  readonly epoch: string;
  readonly low: string;
  readonly high: string;
  readonly ledger: string;
}

interface CountRow {
  readonly node: string;
  readonly epoch: string;
  readonly rows: string;
}

async function compare(store: SqlStore, spool: VerifyReport): Promise<StoreReport> {
  const text = (expression: string, name: string): string => `toString(${expression}) AS ${name}`;
  // Rows first: what arrives between the two questions is then only in the ledger, and is asked for again.
  let epochs: StoreEpoch[] = [];
  for (let attempt = 0; attempt < 5; attempt++) {
    const ledger = await rows<LedgerRow>(
      store,
      `SELECT node, epoch, ${text('min(first)', 'low')}, ${text('max(last)', 'high')}, ${text('sum(count)', 'ledger')} FROM batches FINAL GROUP BY node, epoch ORDER BY node, epoch`,
    );
    const counts = await rows<CountRow>(
      store,
      `SELECT node, epoch, ${text('count()', 'rows')} FROM (SELECT node, epoch, sequence FROM conn_events UNION ALL SELECT node, epoch, sequence FROM control_events) GROUP BY node, epoch`,
    );
    epochs = ledger.map((row) => storeEpoch(row, counts, spool));
    for (const inSpool of spool.epochs) {
      if (!epochs.some((one) => one.node === inSpool.node && one.epoch === inSpool.epoch)) epochs.push(absent(inSpool));
    }
    if (epochs.every((epoch) => epoch.ok)) break;
    await sleep(300);
  }
  return { checked: true, reason: null, epochs, ok: epochs.every((epoch) => epoch.ok) };
}

function storeEpoch(row: LedgerRow, counts: readonly CountRow[], spool: VerifyReport): StoreEpoch {
  const { node, epoch } = row;
  const same = (one: { node: string; epoch: string }): boolean => one.node === node && one.epoch === epoch;
  const [first, last, ledger] = [Number(row.low), Number(row.high), Number(row.ledger)];
  const found = Number(counts.find(same)?.rows ?? 0);
  const inSpool = spool.epochs.find(same);
  const spoolLast = inSpool === undefined ? null : Number(inSpool.last);
  const missing = last - first + 1 - ledger;
  const ok = missing === 0 && found === ledger && (spoolLast === null || last >= spoolLast);
  return { node, epoch, first, last, ledger, rows: found, missing, spool_last: spoolLast, ok };
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
    spool_last: Number(last),
    ok: false,
  };
}
