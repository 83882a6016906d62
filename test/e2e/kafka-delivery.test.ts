import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { COMPRESSIONS } from '../../src/sink/kafka/codec.js';
import { partitionOf } from '../../src/sink/kafka/frame.js';
import type { KafkaSink } from '../../src/sink/kafka/sink.js';
import type { Segment } from '../../src/spool/segment.js';
import { nextEvent } from '../../src/wire/batch.js';
import { toBigInt, toLong, v1 } from '../../src/wire/proto.js';
import { KafkaBroker } from '../support/kafka/broker.js';
import { kcat, makeTopics, type ReadMessage, readTopic, sinkWith } from '../support/kafka/topics.js';
import { bring, MIDNIGHT, segmentOf, shortConnections } from './store-segments.js';

const PARTITIONS = 3;

describe.each(['newest', 'last3'] as const)('a Kafka broker (%s)', (version) => {
  let broker: KafkaBroker;
  let dir: string;
  let sink: KafkaSink | undefined;

  beforeAll(async () => {
    broker = await KafkaBroker.make({ version });
    await broker.start();
  });
  afterAll(() => broker?.stop());
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'vslog-kafka-sink-'));
  });
  afterEach(async () => {
    await sink?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  /** Three segments of connections, with the gaps that control records leave, and one of control records. */
  function segments(): Segment[] {
    const events = shortConnections(12_000);
    const cut = (id: number, from: number, to: number, hole: number): Segment => {
      const own = events.slice(from, to);
      own.splice(hole - from, 1);
      const ranges = [
        { first: BigInt(from + 1), last: BigInt(hole) },
        { first: BigInt(hole + 2), last: BigInt(to) },
      ];
      return segmentOf(dir, own, ranges, { id, node: 'lb-1', epoch: 'boot-1' });
    };
    const control = [1000, 9000, 20_000].map((at) =>
      v1.ControlEvent.encodeDelimited({
        kind: v1.ControlKind.Value.knob_changed,
        time_ns: toLong(MIDNIGHT),
        sequence: toLong(BigInt(at + 1)),
        name: 'expire_nodest_conn',
      }).finish(),
    );
    const ranges = [1000, 9000, 20_000].map((at) => ({ first: BigInt(at + 1), last: BigInt(at + 1) }));
    return [
      cut(1, 0, 8000, 1000),
      cut(2, 8000, 16_000, 9000),
      segmentOf(dir, control, ranges, { id: 3, record: 'control', node: 'lb-1', epoch: 'boot-1' }),
      cut(4, 16_000, 24_000, 20_000),
    ];
  }

  function expectContiguous(messages: readonly ReadMessage[]): void {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const offsets = messages.filter((message) => message.partition === partition).map(({ offset }) => offset);
      expect(offsets).toEqual(offsets.map((_, i) => i));
    }
  }

  it.each(COMPRESSIONS)('gets the bytes of the spool in batches (%s), the same to kafkajs and to kcat', async (compression) => {
    const prefix = `batch-${compression}`;
    await makeTopics(broker.brokers, prefix, PARTITIONS);
    sink = sinkWith(dir, {
      'kafka.brokers': broker.brokers,
      'kafka.topic_prefix': prefix,
      'kafka.compression': compression,
      'kafka.message_bytes': 64 * 1024,
    });
    const all = segments();
    for (const segment of all) await bring(sink, segment);
    for (const record of ['conn', 'control'] as const) {
      const topic = `${prefix}.${record}.v1`;
      const spool = Buffer.concat(all.filter((segment) => segment.record === record).map(({ path }) => readFileSync(path)));
      const messages = await readTopic(broker.brokers, topic);
      expectContiguous(messages);
      const partition = partitionOf('lb-1', PARTITIONS);
      expect(new Set(messages.map((message) => message.partition))).toEqual(new Set([partition]));
      expect(Buffer.concat(messages.map(({ value }) => value)).equals(spool)).toBe(true);
      expect(kcat(broker.brokers, topic, partition, '%s').equals(spool)).toBe(true);
      expect(kcat(broker.brokers, topic, partition, '%o\n').toString()).toBe(messages.map(({ offset }) => `${offset}\n`).join(''));
      for (const { key, value, headers } of messages) expectHeaders(record, key, value, headers);
      if (record === 'conn') expect(messages.length).toBeGreaterThan(20);
    }
  });

  it('gets an event a message, keyed by connection', async () => {
    const prefix = 'event';
    await makeTopics(broker.brokers, prefix, PARTITIONS);
    sink = sinkWith(dir, {
      'kafka.brokers': broker.brokers,
      'kafka.topic_prefix': prefix,
      'kafka.framing': 'event',
    });
    const all = segments();
    for (const segment of all) await bring(sink, segment);
    const messages = await readTopic(broker.brokers, `${prefix}.conn.v1`);
    expectContiguous(messages);
    const expected = new Map<number, Buffer>();
    for (const { path } of all.filter(({ record }) => record === 'conn')) {
      const body = readFileSync(path);
      for (let at = 0; at < body.length; ) {
        const { start, end } = nextEvent(body, at);
        const event = body.subarray(start, end);
        expected.set(Number(toBigInt(v1.ConnEvent.decode(event).sequence)), event);
        at = end;
      }
    }
    expect(messages.length).toBe(expected.size);
    const places = new Map<string, number>();
    for (const { key, value, headers, partition } of messages) {
      expect(expected.get(Number(headers.first))?.equals(value)).toBe(true);
      expected.delete(Number(headers.first));
      expect(key).toBe(String(toBigInt(v1.ConnEvent.decode(value).conn_id)));
      expect(places.get(key) ?? partition).toBe(partition);
      places.set(key, partition);
    }
    expect(new Set(places.values()).size).toBe(PARTITIONS);
    // A connection's events are in order.
    const last = new Map<string, number>();
    for (const { key, headers } of messages) {
      expect(Number(headers.first)).toBeGreaterThan(last.get(key) ?? 0);
      last.set(key, Number(headers.first));
    }
    const control = await readTopic(broker.brokers, `${prefix}.control.v1`);
    expect(control.map(({ headers }) => headers.first)).toEqual(['1001', '9001', '20001']);
    const [one] = control;
    expect([...kcat(broker.brokers, `${prefix}.control.v1`, one?.partition ?? 0, '%s')]).toEqual([
      ...Buffer.concat(control.map(({ value }) => value)),
    ]);
  });
});

function expectHeaders(record: 'conn' | 'control', key: string, value: Buffer, headers: Readonly<Record<string, string>>): void {
  const type = record === 'conn' ? v1.ConnEvent : v1.ControlEvent;
  const sequences: number[] = [];
  for (let at = 0; at < value.length; ) {
    const { start, end } = nextEvent(value, at);
    sequences.push(Number(toBigInt(type.decode(value.subarray(start, end)).sequence)));
    at = end;
  }
  const first = sequences[0] ?? 0;
  expect(sequences).toEqual(sequences.map((_, i) => first + i));
  expect(headers).toEqual({
    node: 'lb-1',
    epoch: 'boot-1',
    record,
    first: String(first),
    count: String(sequences.length),
    schema: '1',
    message: record === 'conn' ? 'vslog.v1.ConnEvent' : 'vslog.v1.ControlEvent',
    framing: 'batch',
  });
  expect(key).toBe(`lb-1/boot-1/${first}`);
}
