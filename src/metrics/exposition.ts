import { Counter, Gauge, Registry } from 'prom-client';
import type { StatusDocument } from '../api/status.js';
import { v1 } from '../wire/proto.js';

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [value: number, labels?: Labels];

/** The circuit of a sink as a number: what an alert can compare. */
const CIRCUIT: Readonly<Record<string, number>> = { closed: 0, half_open: 1, open: 2 };

/** Places of losses that the collector tells of itself. */
const PLACES = ['journal', 'spool', 'sink'];

/** What is known of collector and capture as Prometheus's metrics. Names follow its conventions; labels are sinks and places of loss only, so there are few series. */
export async function exposition(status: StatusDocument): Promise<string> {
  const registry = new Registry();
  const names = (samples: readonly Sample[]): string[] => Object.keys(samples[0]?.[1] ?? {});
  const gauge = (name: string, help: string, ...samples: readonly Sample[]): void => {
    const metric = new Gauge({ name: `vslog_${name}`, help, labelNames: names(samples), registers: [registry] });
    for (const [value, labels = {}] of samples) metric.set(labels, value);
  };
  const counter = (name: string, help: string, ...samples: readonly Sample[]): void => {
    const metric = new Counter({ name: `vslog_${name}_total`, help, labelNames: names(samples), registers: [registry] });
    for (const [value, labels = {}] of samples) metric.inc(labels, value);
  };
  ofCollector(status, gauge, counter);
  ofSinks(status, gauge, counter);
  ofCapture(status, gauge, counter);
  return registry.metrics();
}

type Add = (name: string, help: string, ...samples: readonly Sample[]) => void;

function ofCollector({ version, started, rss_bytes, counters, spool, store, clock }: StatusDocument, gauge: Add, counter: Add): void {
  gauge('build_info', 'Always 1; what runs is in its labels.', [1, { version, store: store.kind }]);
  gauge('collector_start_time_seconds', 'When the collector started, unix time.', [Date.parse(started) / 1000]);
  gauge('collector_resident_memory_bytes', 'Memory of the collector, its store apart.', [rss_bytes]);
  counter('collector_events', 'Events that came from the capture and are on disk.', [counters.events]);
  counter('collector_batches', 'Batches that came from the capture and are on disk.', [counters.batches]);
  counter('collector_received_bytes', 'Bytes of those batches.', [counters.bytes]);
  counter('collector_duplicate_batches', 'Batches that came again after a reconnection and were passed over.', [counters.duplicates]);
  counter('collector_lost_events', 'Events that never came from the capture and were written down as lost.', [counters.lost]);
  gauge('spool_bytes', 'Bytes of the spool.', [spool.bytes]);
  gauge('spool_segments', 'Sealed segments of the spool.', [spool.segments]);
  gauge('spool_waiting_bytes', 'Bytes of sealed segments that some sink has not.', [spool.waiting_bytes]);
  gauge('spool_backlog_bytes', 'Bytes received and not yet written.', [spool.backlog_bytes]);
  gauge('spool_quarantined_segments', 'Damaged segments that were set aside.', [spool.quarantined]);
  const lost = new Map(spool.losses.map((one) => [one.where, one.lost]));
  counter(
    'spool_lost_events',
    'Events that the spool ever told as lost, by the place.',
    ...PLACES.map((place) => [lost.get(place) ?? 0, { place }] as const),
  );
  gauge(
    'clock_believed',
    '1: the collector’s clock is believed; 0: it is more than a day from where it must be, and nothing is removed from the store for its age.',
    [clock.believed ? 1 : 0],
  );
  gauge('clock_ahead_seconds', 'How far the collector’s clock is ahead of the time that is believed.', [
    (Date.parse(clock.shows) - Date.parse(clock.time)) / 1000,
  ]);
  gauge('clock_doubted_nodes', 'Nodes whose events have times more than a day from the collector’s clock.', [clock.nodes.length]);
  gauge('spool_healthy', '1: events are taken; 0: the disk is full, cannot be written, or too much waits for a sink.', [
    spool.state === 'running' ? 1 : 0,
  ]);
}

function ofSinks({ sinks }: StatusDocument, gauge: Add, counter: Add): void {
  if (sinks.length === 0) return;
  const each = (value: (sink: StatusDocument['sinks'][number]) => number): Sample[] =>
    sinks.map((sink) => [value(sink), { sink: sink.name }] as const);
  counter('sink_delivered_events', 'Events that the sink took since the collector started.', ...each((sink) => sink.delivered_events));
  gauge('sink_lag_events', 'Events in the spool that the sink has not.', ...each((sink) => sink.lag_events));
  gauge('sink_lag_segments', 'Segments in the spool that the sink has not.', ...each((sink) => sink.lag_segments));
  gauge(
    'sink_refused_segments',
    'Segments that the sink refused for their content and that are set aside.',
    ...each((sink) => sink.refused),
  );
  counter(
    'sink_unproven_events',
    'Events that the sink was given since the collector started and that may have been there before, where nobody can tell any more.',
    ...each((sink) => sink.unproven_events),
  );
  const framed = sinks.flatMap(({ name, message_bytes }) => (message_bytes === null ? [] : [[message_bytes, { sink: name }] as const]));
  if (framed.length > 0) gauge('sink_message_bytes', 'Most bytes of a message that the sink makes now.', ...framed);
  gauge('sink_failures', 'Failed tries since the last that worked.', ...each((sink) => sink.failures));
  gauge(
    'sink_circuit_state',
    '0: closed, deliveries go through; 1: half open, a try is under way; 2: open, left alone for a while.',
    ...each((sink) => CIRCUIT[sink.circuit] ?? 2),
  );
}

function ofCapture({ capture, lag_events }: StatusDocument, gauge: Add, counter: Add): void {
  gauge('capture_connected', '1 while the collector has a session with the capture.', [capture.connected ? 1 : 0]);
  counter('capture_sessions', 'Sessions with the capture since the collector started.', [capture.connections]);
  if (lag_events !== null) gauge('capture_lag_events', 'Events that the capture has and that are not on disk yet.', [lag_events]);
  const { account } = capture;
  if (account === null) return;
  gauge('capture_info', 'Always 1; what the capture watches is in its labels.', [1, { node: capture.node, source: account.source }]);
  counter('capture_events', 'Events that the capture made since it started.', [account.events]);
  gauge('capture_connections', 'Connections that are live now.', [account.connections]);
  gauge('capture_sequence', 'The last sequence of the log.', [account.next_sequence - 1]);
  gauge('capture_journal_bytes', 'Size of the journal.', [account.journal.bytes]);
  gauge('capture_journal_used_bytes', 'Bytes in the journal that a subscriber has not acknowledged.', [account.journal.used]);
  gauge('capture_ring_bytes', 'Size of the kernel’s ring; 0: there is none.', [account.ring.bytes]);
  gauge('capture_ring_used_bytes', 'Bytes in the kernel’s ring.', [account.ring.used]);
  gauge('capture_live_subscribers', 'Who watches live.', [account.live]);
  gauge('capture_session_bytes', 'Memory that the sessions on the capture’s socket hold.', [account.session_bytes]);
  gauge(
    'capture_longest_away_seconds',
    'Longest time, of its processor time, that the capture was away from its source in the last minute or two.',
    [account.longest_away_ns / 1e9],
  );
  counter('capture_malformed_records', 'Records of the kernel that could not be read.', [account.malformed]);
  // Every place from the beginning: what was never there does not increase.
  const lost = new Map(account.losses.map(({ where, lost: count }) => [where, count]));
  const places = Object.keys(v1.LossPlace.Value).filter((place) => place !== 'none');
  counter(
    'capture_lost_events',
    'Events that were lost, by the place.',
    ...places.map((place) => [lost.get(place) ?? 0, { place }] as const),
  );
  gauge('capture_resident_memory_bytes', 'Memory of the capture.', [account.rss_bytes]);
  counter('capture_cpu_seconds', 'Processor time of the capture.', [account.cpu_ns / 1e9]);
  gauge('capture_start_time_seconds', 'When the capture started, unix time.', [Date.parse(account.started) / 1000]);
}

/** What keeps the collector from doing its work, a sentence each; none: it is ready. */
export function unready({ capture, spool, sinks }: StatusDocument): string[] {
  const reasons: string[] = [];
  if (!capture.connected) reasons.push(capture.error ?? 'There is no connection to the capture.');
  if (spool.state !== 'running') reasons.push(spool.state);
  for (const { name, circuit, error } of sinks)
    if (circuit !== 'closed') reasons.push(`Sink ${name}: ${error ?? 'it failed several times in a row.'}`);
  return reasons;
}
