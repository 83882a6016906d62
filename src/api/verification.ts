import { setTimeout as sleep } from 'node:timers/promises';
import { SinkComparison, type SinkReport, type SinkToCompare, waitingOf } from '../sink/comparison.js';
import { listSealed } from '../spool/catalog.js';
import { listSegments } from '../spool/layout.js';
import type { SpoolMark } from '../spool/mark.js';
import type { Segment } from '../spool/segment.js';
import type { SealedSpan } from '../spool/state.js';
import { checkState, type StateReport, sealedSpans } from '../spool/state-check.js';
import { type DamagedSegment, type EpochReport, type SpoolPart, type VerifyReport, verifySpool } from '../spool/verify.js';
import { sentenceOf } from '../wire/errors.js';
import { dueOf } from './due.js';
import { type ErasedReport, erasedReport } from './erased.js';
import { excusable } from './excused.js';
import { type Losses, lossesInSpool, lossesInStore, quarantinedBefore, type RecordedLoss } from './losses.js';
import { type Proof, proofOf } from './proof.js';
import { type GoneSpan, goneSpans } from './sealed-spans.js';
import type { SqlStore } from './sql-store.js';
import { compareStore, type StoreReport } from './store-comparison.js';

/** How often it is looked whether a sink has taken more, ms. */
const LOOK_MS = 50;

/** How far a verification is. */
export interface VerificationProgress {
  readonly segment: number;
  readonly segments: number;
  readonly bytes: number;
  /** Events that are waited for, of the sink that is furthest behind; 0 while the spool is read. */
  readonly waiting: number;
}

/** `complete`: proven. `on_the_way`: nothing is missing, but a sink has not been given all of it yet. `incomplete`: something is missing, or cannot be proven. */
export type Verdict = 'complete' | 'on_the_way' | 'incomplete';

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
  /** What the spool remembers of itself, against what is there, and against the store. */
  readonly state: StateReport & { readonly gone: readonly GoneSpan[] };
  /** From the asked time on. */
  readonly losses: readonly RecordedLoss[];
  /** Null: everything is judged. */
  readonly before: Before | null;
  readonly store: StoreReport;
  /** Each sink against what the spool still has of what it was given, the store among them. */
  readonly sinks: readonly SinkReport[];
  readonly erased: ErasedReport;
  /** What all this proves, and what it does not. */
  readonly proof: Proof;
  /** Events that are in the spool and that the sink furthest behind was not given yet. */
  readonly waiting: number;
  readonly verdict: Verdict;
  /**
   * Nothing is damaged, missing, there twice or recorded as lost, in the spool, in the store and in every sink, and nothing is on the way. What a sink refused counts
   * against that sink, not as lost.
   */
  readonly complete: boolean;
}

export interface VerifyOptions {
  readonly spoolDirectory: string;
  readonly store: SqlStore | undefined;
  /** Where the spool stands, by the collector that runs; without it nobody delivers, so nothing is waited for. */
  readonly mark?: () => SpoolMark;
  /** The sinks, as they stand when they are asked for. */
  readonly sinks?: () => Promise<readonly SinkToCompare[]>;
  /** How long no sink may have taken anything before what is on the way is not waited for any longer, ms. */
  readonly waitMs?: number;
  readonly onProgress?: (progress: VerificationProgress) => void;
  readonly signal?: AbortSignal;
  /** Losses before it are listed and not judged, ms since 1970. */
  readonly sinceMs?: number | undefined;
  /** The believed time, ms since 1970. Default: the wall clock. */
  readonly now?: (() => number) | undefined;
  /** Folder of the orders to erase somebody. */
  readonly eraseDirectory?: string | undefined;
}

/** Checks the spool byte by byte as it stands when the question comes, waits until the sinks were given that, and compares. */
export async function verifyAll(options: VerifyOptions): Promise<Verification> {
  const { store, spoolDirectory, sinceMs, onProgress } = options;
  // Before the mark: what is sealed after that is not looked at.
  const spans = await sealedSpans(spoolDirectory);
  const mark = options.mark?.();
  const { parts: read, ...spool } = await verifySpool(spoolDirectory, {
    onProgress: (progress) => onProgress?.({ ...progress, waiting: 0 }),
    mark,
  });
  if (mark !== undefined) await untilGiven(options, read, spool.bytes);
  const sinks = (await options.sinks?.()) ?? [];
  // What was given up meanwhile by `spool.when_full` does not wait: it is missing, and recorded as lost.
  const there = new Set((await listSegments(spoolDirectory)).map(({ id }) => id));
  const toGive = (delivered: number): SpoolPart[] =>
    read.map((part) => (part.id > delivered && !there.has(part.id) ? { ...part, id: 0 } : part));
  // What a damaged one held is told above; it cannot be compared.
  const damaged = new Set(spool.damaged.map(({ id }) => id));
  const sealed = (await listSealed(spoolDirectory)).filter(({ id }) => !damaged.has(id));
  const segments = sealed.filter(({ id }) => mark === undefined || id < mark.next);
  let report: StoreReport;
  let losses: Losses;
  if (store === undefined) {
    report = { checked: false, reason: 'There is no store to compare with.', epochs: [], ok: true };
    losses = await lossesInSpool(spoolDirectory, sinceMs);
  } else {
    const delivered = sinks.find(({ sink }) => sink === (store as unknown))?.delivered ?? Number.POSITIVE_INFINITY;
    try {
      losses = await lossesInStore(store, sinceMs);
      report = await compareStore(store, dueOf(toGive(delivered), delivered), losses, options.now?.());
    } catch (error) {
      report = { checked: false, reason: `The store could not be asked: ${sentenceOf(error)}`, epochs: [], ok: false };
      losses = await lossesInSpool(spoolDirectory, sinceMs);
    }
  }
  const erased = await erasedReport(spool.erased, report.checked ? store : undefined, options.eraseDirectory);
  const reports = await compareSinks(
    sinks,
    segments,
    read.filter(({ id }) => there.has(id)),
    sinceMs,
  );
  const state = await stateOf(options, sinks, spans, spool.epochs, report, losses);
  const before = sinceMs === undefined ? null : await beforeOf(spool, losses, sinceMs);
  const waiting = Math.max(0, ...reports.map((one) => one.waiting));
  const right =
    spoolComplete(spool, before) &&
    state.ok &&
    report.ok &&
    erased.ok &&
    reports.every(({ ok }) => ok) &&
    losses.judged.every(({ where }) => where === 'sink') &&
    // What is being erased is on its way; without an order nobody erases.
    (erased.orders > 0 || reports.every(({ content }) => (content?.erasing ?? 0) === 0));
  const verdict = !right ? 'incomplete' : waiting > 0 || erased.orders > 0 ? 'on_the_way' : 'complete';
  return {
    spool,
    state,
    losses: losses.judged,
    before,
    store: report,
    sinks: reports,
    erased,
    proof: proofOf(reports),
    waiting,
    verdict,
    complete: verdict === 'complete',
  };
}

/** What was sealed and is gone. */
async function stateOf(
  { spoolDirectory, store }: VerifyOptions,
  sinks: readonly SinkToCompare[],
  spans: readonly SealedSpan[],
  epochs: readonly EpochReport[],
  report: StoreReport,
  { spoolBefore }: Losses,
): Promise<Verification['state']> {
  const delivered = new Map(sinks.map((one) => [one.sink.name, one.delivered]));
  const state = await checkState(spoolDirectory, delivered);
  const lackedTo = sinks.find(({ sink }) => sink === (store as unknown))?.lacks?.last ?? 0;
  const gone = report.checked ? goneSpans(spans, epochs, report.epochs, lackedTo, spoolBefore) : [];
  return { ...state, gone, ok: state.ok && gone.every(({ excused }) => excused) };
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
async function compareSinks(
  wanted: readonly SinkToCompare[],
  segments: readonly Segment[],
  parts: readonly SpoolPart[],
  sinceMs: number | undefined,
): Promise<SinkReport[]> {
  const comparison = new SinkComparison(segments, parts);
  const reports: SinkReport[] = [];
  for (const one of wanted) reports.push(await comparison.compare(one, { sinceMs }));
  return reports;
}

/** Waits until every sink was given what was read of the spool, for as long as one of them goes on. A sink that takes nothing is not waited for. */
async function untilGiven(
  { sinks, waitMs = 0, onProgress, signal }: VerifyOptions,
  parts: readonly SpoolPart[],
  bytes: number,
): Promise<void> {
  let given = -1;
  let end = 0;
  for (;;) {
    const behind = ((await sinks?.()) ?? []).filter(({ away, delivered }) => away === undefined && waitingOf(parts, delivered) > 0);
    if (behind.length === 0 || signal?.aborted === true) return;
    const sum = behind.reduce((total, { delivered }) => total + delivered, 0);
    if (sum !== given) end = performance.now() + waitMs;
    given = sum;
    if (performance.now() >= end) return;
    const waiting = Math.max(...behind.map(({ delivered }) => waitingOf(parts, delivered)));
    onProgress?.({ segment: parts.length, segments: parts.length, bytes, waiting });
    await sleep(LOOK_MS);
  }
}
