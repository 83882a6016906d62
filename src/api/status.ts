import { BelievedClock } from '../clock/believed-clock.js';
import { ACCEPT_ADVICE, aheadText } from '../collector/clock-record.js';
import type { ClockStatus, CollectorStatus } from '../collector/collector.js';
import { type LackReport, lackReport } from '../sink/lack.js';
import { durationText } from '../text/format.js';
import { timeOf, timeOfNs } from '../text/rfc3339.js';
import type { SourceStatus } from '../wire/client.js';
import { toBigInt } from '../wire/proto.js';
import { count } from './json.js';

/** Of the capture's own account. */
export interface CaptureAccount {
  readonly source: string;
  readonly state: string;
  readonly epoch: string;
  readonly next_sequence: number;
  readonly events: number;
  readonly connections: number;
  readonly journal: { readonly bytes: number; readonly used: number };
  readonly ring: { readonly bytes: number; readonly used: number };
  readonly durable: readonly {
    readonly name: string;
    readonly acknowledged: number;
    readonly connected: boolean;
    /** uid; null: nobody's yet. */
    readonly owner: number | null;
    readonly away_ns: number;
  }[];
  readonly live: number;
  readonly losses: readonly { readonly where: string; readonly lost: number }[];
  readonly malformed: number;
  /** What the sessions on the capture's socket hold. */
  readonly session_bytes: number;
  /** Processor time that the capture spent on anything else between two looks at the source, at most in the last minute or two. */
  readonly longest_away_ns: number;
  /** Events that the full journal had no room for and that nobody waited with. */
  readonly unlogged: number;
  readonly pid: number;
  readonly rss_bytes: number;
  readonly cpu_ns: number;
  /** RFC 3339 with nanoseconds. */
  readonly started: string;
}

/** How many virtual services and real servers have series of their own in /metrics. */
export interface MetricsAccount {
  /** So many of each may. */
  readonly limit: number;
  readonly services: { readonly own: number; readonly other: number };
  readonly servers: { readonly own: number; readonly other: number };
}

/** The embedded store on its disk. */
export interface StoreState {
  /** Room on the disk, and how much of it is to stay free; null: not known. */
  readonly disk: { readonly free_bytes: number; readonly keep_free_bytes: number } | null;
  /** What was damaged and set aside, or found to be gone. */
  readonly set_aside: readonly {
    /** RFC 3339. */
    readonly at: string;
    /** A sentence. */
    readonly what: string;
    /** Where it is now; null: there was nothing to move. */
    readonly place: string | null;
  }[];
}

/** What the collector does not know itself. */
export interface StatusAbout {
  readonly version: string;
  readonly store: Pick<StatusDocument['store'], 'kind' | 'dir'>;
  /** How the embedded store is on its disk; undefined: there is none. */
  readonly storeState?: () => StoreState | undefined;
  readonly metrics?: () => MetricsAccount | undefined;
}

/** The answer of GET /v1/status. */
export interface StatusDocument {
  readonly version: string;
  readonly pid: number;
  /** RFC 3339. */
  readonly started: string;
  readonly rss_bytes: number;
  readonly capture: {
    readonly connected: boolean;
    readonly socket: string;
    readonly node: string;
    readonly epoch: string;
    readonly source: string;
    readonly software: string;
    readonly connections: number;
    readonly error: string | null;
    readonly account: CaptureAccount | null;
  };
  /** Events that the capture has and that are not yet durable here; null when the capture does not answer. */
  readonly lag_events: number | null;
  readonly spool: {
    readonly directory: string;
    readonly state: string;
    readonly bytes: number;
    readonly segments: number;
    readonly active_events: number;
    readonly backlog_bytes: number;
    readonly quarantined: number;
    /** What it ever told as lost, by place; its sinks may have got some of it since, by a replay. */
    readonly losses: readonly { readonly where: string; readonly lost: number; readonly unknown: boolean }[];
    /** Of sealed segments that some sink has not. */
    readonly waiting_bytes: number;
    readonly sequence: number | null;
    readonly epoch: string | null;
  };
  readonly sinks: readonly {
    readonly name: string;
    readonly state: string;
    /** closed: deliveries go through; open: left alone until next_try; half_open: a try is under way. */
    readonly circuit: string;
    /** Failed tries since the last that worked. */
    readonly failures: number;
    /** When the next try is made, RFC 3339; null: now, or there is none to make. */
    readonly next_try: string | null;
    readonly delivered_segment: number;
    readonly delivered_events: number;
    readonly lag_segments: number;
    readonly lag_events: number;
    readonly refused: number;
    /** Why its cursor is not believed, and what is done, sentences; null: it is. */
    readonly doubt: string | null;
    readonly lacks: LackReport | null;
    readonly error: string | null;
    /** What it does more slowly than usual, and what it cannot prove; sentences. */
    readonly notes: readonly string[];
    /** Most bytes of a message that it makes now; null: it makes none. */
    readonly message_bytes: number | null;
    /** Events that it was given since the collector started and that may have been there before, where nobody can tell any more. */
    readonly unproven_events: number;
  }[];
  /** Sinks that are not configured and that segments are held back for until `vslog sink forget`. */
  readonly idle_sinks: readonly {
    readonly name: string;
    readonly delivered_segment: number;
    readonly lag_segments: number;
    readonly lag_events: number;
    /** Of the segments that are held back. */
    readonly lag_bytes: number;
    /** Why its cursor cannot be read, a sentence; null: it can. */
    readonly error: string | null;
  }[];
  readonly store: { readonly kind: string; readonly dir: string | null } & StoreState;
  readonly clock: {
    /** What is too old is removed by it; false: it is more than a day from where it must be. */
    readonly believed: boolean;
    /** The time that is believed, and the time that the clock shows, RFC 3339. */
    readonly time: string;
    readonly shows: string;
    /** What is wrong with it, or why what is too old is not removed, a sentence; null: nothing. */
    readonly problem: string | null;
    /** Nodes whose events have times more than a day from it, and how far they are ahead, s; negative: behind. */
    readonly nodes: readonly { readonly node: string; readonly ahead_s: number }[];
  };
  /** Who has series of their own in /metrics, and how many have not; null: nobody asked for any. */
  readonly metrics: MetricsAccount | null;
  readonly counters: {
    readonly events: number;
    readonly batches: number;
    readonly bytes: number;
    readonly duplicates: number;
    readonly lost: number;
  };
}

export function statusDocument(status: CollectorStatus, about: StatusAbout): StatusDocument {
  const { capture, spool, counters } = status;
  const durable = spool.lastDurable;
  const account = capture.status === undefined ? null : accountOf(capture.status);
  return {
    version: about.version,
    pid: process.pid,
    started: timeOf(status.startedMs),
    rss_bytes: process.memoryUsage.rss(),
    capture: {
      connected: capture.state === 'connected',
      socket: capture.socket,
      node: capture.node,
      epoch: capture.epoch,
      source: capture.source,
      software: capture.software,
      connections: capture.connections,
      error: capture.lastError ?? null,
      account,
    },
    lag_events:
      account === null ? null : Math.max(0, account.next_sequence - 1 - (durable?.epoch === account.epoch ? Number(durable.sequence) : 0)),
    spool: {
      directory: spool.directory,
      state: spool.state,
      bytes: spool.bytes,
      segments: spool.segments,
      active_events: spool.activeEvents,
      backlog_bytes: spool.backlogBytes,
      quarantined: spool.quarantined,
      losses: spool.losses.map(({ where, lost, unknown }) => ({ where, lost: Number(lost), unknown })),
      waiting_bytes: spool.waitingBytes,
      sequence: durable === undefined ? null : Number(durable.sequence),
      epoch: durable?.epoch ?? null,
    },
    sinks: status.sinks.map((sink) => ({
      name: sink.sink,
      state: sink.state,
      circuit: sink.circuit,
      failures: sink.failures,
      next_try: sink.retryAtMs === undefined ? null : timeOf(sink.retryAtMs),
      delivered_segment: sink.delivered,
      delivered_events: sink.deliveredEvents,
      lag_segments: sink.lagSegments,
      lag_events: sink.lagEvents,
      refused: sink.refused.length,
      doubt: sink.doubt ?? null,
      lacks: lackReport(sink.lacks),
      error: sink.lastError ?? null,
      notes: sink.notes?.sentences ?? [],
      message_bytes: sink.notes?.messageBytes ?? null,
      unproven_events: sink.notes?.unproven ?? 0,
    })),
    idle_sinks: spool.idle.map(({ name, delivered, segments, events, bytes, trouble }) => ({
      ...{ name, delivered_segment: delivered, lag_segments: segments, lag_events: events, lag_bytes: bytes, error: trouble ?? null },
    })),
    store: { ...about.store, ...(about.storeState?.() ?? { disk: null, set_aside: [] }) },
    clock: clockOf(status.clock),
    metrics: about.metrics?.() ?? null,
    counters: { ...counters, lost: Number(counters.lost) },
  };
}

function clockOf({ believedMs, wallMs, doubt, isSet, problem, nodes }: ClockStatus): StatusDocument['clock'] {
  return {
    believed: doubt === undefined && isSet,
    time: timeOf(believedMs),
    shows: timeOf(wallMs),
    problem: clockProblem(believedMs, wallMs, doubt, isSet) ?? problem ?? null,
    nodes: nodes.map(({ node, aheadMs }) => ({ node, ahead_s: Math.round(aheadMs / 1000) })),
  };
}

/** What is wrong with a clock, a sentence; undefined: it is believed. */
export function clockProblem(believedMs: number, wallMs: number, doubt: ClockStatus['doubt'], isSet: boolean): string | undefined {
  if (!isSet) return `The clock shows ${timeOf(wallMs)}: it was never set. Nothing is removed from the store for its age until it is.`;
  if (doubt === undefined) return undefined;
  const left = BelievedClock.probation(doubt.aheadMs) - doubt.steadyMs;
  const soon = Number.isFinite(left)
    ? ` After ${durationText(Math.max(0, left) / 1000)} more without another step it is believed by itself.`
    : '';
  return `The clock shows ${timeOf(wallMs)}, ${aheadText(doubt.aheadMs)} the time that is believed, ${timeOf(believedMs)}: nothing is removed from the store for its age until it is believed. ${ACCEPT_ADVICE}${soon}`;
}

function accountOf(status: SourceStatus): CaptureAccount {
  return {
    source: status.source,
    state: status.state,
    epoch: status.epoch,
    next_sequence: count(status.next_sequence),
    events: count(status.events),
    connections: count(status.connections),
    journal: { bytes: count(status.journal_bytes), used: count(status.journal_used) },
    ring: { bytes: count(status.ring_bytes), used: count(status.ring_used) },
    durable: status.durable.map((one) => ({
      name: one.name ?? '',
      acknowledged: count(one.acknowledged),
      connected: one.connected ?? false,
      owner: one.owner ?? null,
      away_ns: count(one.away_ns),
    })),
    live: status.live,
    losses: status.losses.map((loss) => ({ where: loss.where ?? '', lost: count(loss.lost) })),
    malformed: count(status.malformed),
    session_bytes: count(status.session_bytes),
    longest_away_ns: count(status.longest_away_ns),
    unlogged: count(status.unlogged),
    pid: status.pid,
    rss_bytes: count(status.rss_bytes),
    cpu_ns: count(status.cpu_ns),
    started: timeOfNs(toBigInt(status.started_ns)),
  };
}
