import type { CollectorStatus } from '../collector/collector.js';
import { SinkComparison, type SinkReport, type SinkToCompare } from '../sink/comparison.js';
import { listSealed } from '../spool/catalog.js';
import { listSegments } from '../spool/layout.js';
import type { Segment } from '../spool/segment.js';
import { type DamagedSegment, type EpochReport, type VerifyProgress, type VerifyReport, verifySpool } from '../spool/verify.js';
import { sentenceOf } from '../wire/errors.js';
import { caughtUp } from './caught-up.js';
import { excusable } from './excused.js';
import { type Losses, lossesInSpool, lossesInStore, quarantinedBefore, type RecordedLoss } from './losses.js';
import type { SqlStore } from './sql-store.js';
import { compareStore, type StoreReport } from './store-comparison.js';

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
  if (options.status !== undefined) {
    // An active segment keeps its number when it is sealed.
    const newest = Math.max(0, ...(await listSegments(spoolDirectory)).map(({ id }) => id));
    await caughtUp(newest, options.status, { signal: options.signal });
  }
  if (store === undefined) {
    report = { checked: false, reason: 'There is no store to compare with.', epochs: [], ok: true };
    losses = await lossesInSpool(spoolDirectory, sinceMs);
  } else {
    try {
      losses = await lossesInStore(store, sinceMs);
      report = await compareStore(store, spool, losses);
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

/** One after the other: each reads the whole of what it has. */
async function compareSinks({ sinks }: VerifyOptions, segments: readonly Segment[]): Promise<SinkReport[]> {
  if (sinks === undefined) return [];
  const wanted = await sinks();
  const comparison = new SinkComparison(segments);
  const reports: SinkReport[] = [];
  for (const one of wanted) reports.push(await comparison.compare(one));
  return reports;
}
