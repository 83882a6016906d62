import { spawnSync } from 'node:child_process';
import kafkajs from 'kafkajs';
import { type Key, keys, optionOf, type Values } from '../../../src/config/schema.js';
import { registerCodecs } from '../../../src/sink/kafka/codec.js';
import { prepareTopics } from '../../../src/sink/kafka/init.js';
import { kafkaOptions } from '../../../src/sink/kafka/options.js';
import { KafkaSink } from '../../../src/sink/kafka/sink.js';

/** A message as some client has read it. */
export interface ReadMessage {
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** The defaults of the configuration, and these. */
export function valuesWith(given: Partial<Record<Key, unknown>>): Values {
  const machine = { root: false, uid: 1, home: '/nonexistent', env: {} };
  return Object.fromEntries(keys.map((key) => [key, given[key] ?? optionOf(key).default(machine)])) as Values;
}

/** A sink with these options; `spool` is where its state goes. */
export function sinkWith(spool: string, given: Partial<Record<Key, unknown>>): KafkaSink {
  return new KafkaSink(kafkaOptions(valuesWith(given)), spool);
}

/** Makes the topics of a prefix. */
export async function makeTopics(brokers: string, prefix: string, partitions: number): Promise<void> {
  await prepareTopics(kafkaOptions(valuesWith({ 'kafka.brokers': brokers, 'kafka.topic_prefix': prefix })), { partitions }, false);
}

export function clientOf(brokers: string): kafkajs.Kafka {
  const { Kafka, logLevel } = kafkajs;
  return new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING, retry: { retries: 10, maxRetryTime: 500 } });
}

/** All messages of a topic, by kafkajs's own consumer, in the order of partitions and offsets. */
export async function readTopic(brokers: string, topic: string): Promise<ReadMessage[]> {
  registerCodecs();
  const kafka = clientOf(brokers);
  const admin = kafka.admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  const wanted = new Map(ends.filter(({ low, high }) => low !== high).map(({ partition, high }) => [partition, Number(high)]));
  const found: ReadMessage[] = [];
  if (wanted.size === 0) return found;
  const consumer = kafka.consumer({ groupId: `reader-${topic}-${process.pid}-${Date.now()}`, readUncommitted: true });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  try {
    await new Promise<void>((resolve, reject) => {
      // A group's first member may be told to come again.
      consumer.on(consumer.events.CRASH, ({ payload }) => (payload.restart ? undefined : reject(payload.error)));
      consumer
        .run({
          eachMessage: async ({ partition, message }) => {
            const headers = Object.fromEntries(Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]));
            const offset = Number(message.offset);
            found.push({ partition, offset, key: String(message.key), value: message.value ?? Buffer.alloc(0), headers });
            if (offset + 1 >= (wanted.get(partition) ?? 0)) wanted.delete(partition);
            if (wanted.size === 0) resolve();
          },
        })
        .catch(reject);
    });
  } finally {
    await consumer.disconnect();
  }
  return found.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
}

/** What kcat says of a partition, from its beginning to its end, in a format of kcat's. */
export function kcat(brokers: string, topic: string, partition: number, format: string): Buffer {
  const args = ['-C', '-q', '-e', '-b', brokers, '-t', topic, '-p', String(partition), '-o', 'beginning', '-f', format];
  const { status, stdout, stderr } = spawnSync('kcat', args, { timeout: 60_000, maxBuffer: 1 << 30 });
  if (status !== 0) throw new Error(`kcat ${args.join(' ')}: ${stderr}`);
  return stdout;
}
