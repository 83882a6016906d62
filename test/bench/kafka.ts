import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { spansOf } from '../../src/sink/comparison.js';
import type { Compression } from '../../src/sink/kafka/codec.js';
import { STATE_FILE } from '../../src/sink/kafka/state.js';
import { listSealed } from '../../src/spool/catalog.js';
import { CursorFiles, readCursor } from '../../src/spool/cursors.js';
import { CURSORS } from '../../src/spool/layout.js';
import type { Segment } from '../../src/spool/segment.js';
import { STATE_FILE as SPOOL_STATE } from '../../src/spool/state.js';
import { KafkaBroker } from '../support/kafka/broker.js';
import { makeTopics, sinkWith } from '../support/kafka/topics.js';
import { kafkaPart } from '../support/kafka/versions.js';
import { pause, until } from '../support/patience.js';
import { cpuSeconds, Program, peakMegabytes } from './processes.js';
import { rounded, Setup } from './setup.js';

export interface KafkaBenchOptions {
  /** Connections whose events are sent; about two each. */
  readonly connections: number;
}

/** Bytes of a message. */
const MESSAGE = 512 * 1024;

interface Delivered {
  readonly eventsPerSecond: number;
  readonly megabytesPerSecond: number;
  readonly cpuMicroseconds: number;
  readonly brokerCpuMicroseconds: number;
  readonly rss: number;
  readonly distinct: number;
  readonly copies: number;
}

/** A spool of the engine's load → collector → Kafka, in batch framing; then Kafka's own producer with as many bytes in records of the same size. */
export async function kafka({ connections }: KafkaBenchOptions, say: (line: string) => void): Promise<Record<string, unknown>> {
  const setup = new Setup();
  let broker: KafkaBroker | undefined;
  try {
    const spool = join(setup.dir, 'data/spool');
    say(`filling a spool with the events of ${connections} connections`);
    const segments = await fillSpool(setup, spool, connections);
    const events = segments.reduce((sum, { count }) => sum + count, 0);
    const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
    broker = await (await KafkaBroker.make({ fast: true })).start();
    say(
      `sending ${events} events, ${Math.round(bytes / 1e6)} MB, to Kafka ${broker.version}: once so that everything is warm, then without compression, then with lz4`,
    );
    await deliver(setup, spool, broker, segments, 'warm', 'none');
    const plain = await deliver(setup, spool, broker, segments, 'plain', 'none');
    const packed = await deliver(setup, spool, broker, segments, 'packed', 'lz4');
    say("sending as many bytes by Kafka's own kafka-producer-perf-test");
    const peer = await perfTest(broker, bytes);
    return {
      events,
      bytes_per_event: rounded(bytes / events, 1),
      events_per_s: Math.round(plain.eventsPerSecond),
      mb_per_s: rounded(plain.megabytesPerSecond),
      perf_test_mb_per_s: rounded(peer),
      ratio: rounded(plain.megabytesPerSecond / peer, 3),
      lost: 2 * events - plain.distinct - packed.distinct,
      duplicates: plain.copies - plain.distinct + packed.copies - packed.distinct,
      cpu_us: { collector: rounded(plain.cpuMicroseconds, 3), broker: rounded(plain.brokerCpuMicroseconds, 3) },
      lz4: {
        events_per_s: Math.round(packed.eventsPerSecond),
        mb_per_s: rounded(packed.megabytesPerSecond),
        cpu_us: { collector: rounded(packed.cpuMicroseconds, 3), broker: rounded(packed.brokerCpuMicroseconds, 3) },
      },
      rss_mb: { collector: Math.round(Math.max(plain.rss, packed.rss)) },
    };
  } finally {
    await broker?.stop();
    await setup.end();
  }
}

async function fillSpool(setup: Setup, spool: string, connections: number): Promise<Segment[]> {
  await setup.startCollector({ VSLOG_STORE_KIND: 'none' });
  // A first capture makes the collector known to the journal, so that nothing is let go before it has it.
  const first = await setup.startCapture(['--source', 'scripted', '--scripted-events', '1', '--scripted-rate', '0']);
  await until('a segment', async () => (await listSealed(spool)).length > 0, { everyMs: 100 });
  await first.stop();
  const capture = await setup.startCapture([
    ...['--source', 'engine', '--load', '--load-rate', '0', '--load-connections', String(connections)],
  ]);
  const [, told] = await capture.saying(/the load is over: \d+ connections, (\d+) events of connections/);
  const spooled = async (): Promise<number> =>
    (await listSealed(spool)).reduce((sum, { count, record }) => sum + (record === 'conn' ? count : 0), 0);
  while ((await spooled()) < Number(told)) await pause(200, 'the spool is written');
  await setup.stopCapture();
  await setup.stopCollector();
  return listSealed(spool);
}

async function deliver(
  setup: Setup,
  spool: string,
  broker: KafkaBroker,
  segments: readonly Segment[],
  prefix: string,
  compression: Compression,
): Promise<Delivered> {
  for (const path of [join(CURSORS, STATE_FILE), SPOOL_STATE]) rmSync(join(spool, path), { force: true });
  // At the beginning, and believed: a new sink on an old spool would look for each segment in the topic first.
  const cursors = new CursorFiles(spool);
  await cursors.remove('kafka');
  await cursors.write('kafka', { delivered: 0, chain: '', generation: 0, doubtUntil: 0, lacks: undefined });
  await cursors.close();
  await makeTopics(broker.brokers, prefix, 1);
  const total = segments.reduce((sum, { count }) => sum + count, 0);
  const brokerPid = broker.pid ?? 0;
  await setup.startCollector({
    VSLOG_STORE_KIND: 'none',
    VSLOG_KAFKA_BROKERS: broker.brokers,
    VSLOG_KAFKA_TOPIC_PREFIX: prefix,
    VSLOG_KAFKA_COMPRESSION: compression,
    VSLOG_KAFKA_MESSAGE_BYTES: String(MESSAGE),
  });
  const started = performance.now();
  // Measured from the first segment that is delivered to the last: the start of a process is not what is asked about. With all delivered at the first look it is in.
  const delivered = async (): Promise<number> => {
    const reading = await readCursor(spool, 'kafka');
    const id = reading.state === 'whole' ? reading.cursor.delivered : 0;
    return segments.reduce((sum, segment) => sum + (segment.id <= id ? segment.count : 0), 0);
  };
  let before = 0;
  for (; before === 0; before = await delivered()) await pause(2, 'the next look');
  let begin = performance.now();
  if (before === total) [before, begin] = [0, started];
  const cpu = { collector: cpuSeconds(setup.collector.pid), broker: cpuSeconds(brokerPid) };
  while ((await delivered()) < total) await pause(20, 'the next look');
  const seconds = (performance.now() - begin) / 1000;
  const sent = total - before;
  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0) * (sent / total);
  const each = (now: number, then: number): number => ((now - then) * 1e6) / sent;
  const figures = {
    eventsPerSecond: sent / seconds,
    megabytesPerSecond: bytes / 1e6 / seconds,
    cpuMicroseconds: each(cpuSeconds(setup.collector.pid), cpu.collector),
    brokerCpuMicroseconds: each(cpuSeconds(brokerPid), cpu.broker),
    rss: peakMegabytes(setup.collector.pid),
  };
  await setup.stopCollector();
  // The topic is read back as `vslog verify` reads it.
  const sink = sinkWith(spool, { 'kafka.brokers': broker.brokers, 'kafka.topic_prefix': prefix });
  const tallies = await sink.tally(spansOf(segments));
  await sink.close();
  const sum = (count: (one: (typeof tallies)[number]) => number): number => tallies.reduce((all, one) => all + count(one), 0);
  return { ...figures, distinct: sum(({ distinct }) => distinct), copies: sum(({ events }) => events) };
}

/** Bytes a second of kafka-producer-perf-test, in MB: idempotent, all replicas, no compression, as ours. */
async function perfTest(broker: KafkaBroker, bytes: number): Promise<number> {
  await makeTopics(broker.brokers, 'peer', 1);
  const run = async (records: number): Promise<number> => {
    const program = new Program('java', [
      ...['-Xmx512m', '-Dorg.slf4j.simpleLogger.defaultLogLevel=error', '-cp', `${kafkaPart('tools').libs}/*`],
      ...['org.apache.kafka.tools.ProducerPerformance', '--topic', 'peer.conn.v1', '--throughput', '-1'],
      ...['--num-records', String(records), '--record-size', String(MESSAGE)],
      ...['--producer-props', `bootstrap.servers=${broker.brokers}`, 'acks=all', 'enable.idempotence=true', 'compression.type=none'],
    ]);
    if ((await program.exit()) !== 0) throw new Error(`kafka-producer-perf-test failed: ${program.said}`);
    // "... records sent, 123.4 records/sec (58.84 MB/sec), ...": its MB are of 2^20 bytes. The last such line is the sum.
    const rates = [...program.said.matchAll(/records sent, [\d.]+ records\/sec \(([\d.]+) MB\/sec\)/g)];
    return (Number(rates.at(-1)?.[1]) * 1_048_576) / 1e6;
  };
  await run(Math.ceil(bytes / MESSAGE / 10));
  return run(Math.ceil(bytes / MESSAGE));
}
