import type { CollectorStatus } from '../collector/collector.js';
import { type LackReport, lackReport } from '../sink/lack.js';
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

/** What the collector does not know itself. */
export interface StatusAbout {
  readonly version: string;
  readonly store: StatusDocument['store'];
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
  readonly store: { readonly kind: string; readonly dir: string | null };
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
    store: about.store,
    metrics: about.metrics?.() ?? null,
    counters: { ...counters, lost: Number(counters.lost) },
  };
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
