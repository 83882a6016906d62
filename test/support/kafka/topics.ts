import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import kafkajs from 'kafkajs';
import { type Key, keys, optionOf, type Values } from '../../../src/config/schema.js';
import { registerCodecs } from '../../../src/sink/kafka/codec.js';
import { prepareTopics } from '../../../src/sink/kafka/init.js';
import { kafkaOptions } from '../../../src/sink/kafka/options.js';
import { KafkaSink } from '../../../src/sink/kafka/sink.js';
import { COMMAND_MS, WAIT_MS } from '../patience.js';

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

/** A broker that lives answers some time, however busy the machine is; a test that has it hang gives a limit of its own. */
const PATIENT = { 'kafka.timeout': WAIT_MS };

/** A sink with these options; `spool` is where its state goes. */
export function sinkWith(spool: string, given: Partial<Record<Key, unknown>>): KafkaSink {
  return new KafkaSink(kafkaOptions(valuesWith({ ...PATIENT, ...given })), spool);
}

/** Makes the topics of a prefix. */
export async function makeTopics(brokers: string, prefix: string, partitions: number): Promise<void> {
  await prepareTopics(
    kafkaOptions(valuesWith({ ...PATIENT, 'kafka.brokers': brokers, 'kafka.topic_prefix': prefix })),
    { partitions },
    false,
  );
}

export function clientOf(brokers: string): kafkajs.Kafka {
  const { Kafka, logLevel } = kafkajs;
  const patient = { connectionTimeout: WAIT_MS, requestTimeout: WAIT_MS, authenticationTimeout: WAIT_MS };
  return new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING, ...patient, retry: { retries: 40, maxRetryTime: 500 } });
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
  // By place: a consumer that stood still for long is thrown out of its group, comes again, and gets some messages a second time.
  const found = new Map<string, ReadMessage>();
  if (wanted.size === 0) return [];
  const consumer = kafka.consumer({ groupId: `reader-${topic}-${randomUUID()}`, readUncommitted: true });
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
            found.set(`${partition} ${offset}`, {
              partition,
              offset,
              key: String(message.key),
              value: message.value ?? Buffer.alloc(0),
              headers,
            });
            if (offset + 1 >= (wanted.get(partition) ?? 0)) wanted.delete(partition);
            if (wanted.size === 0) resolve();
          },
        })
        .catch(reject);
    });
  } finally {
    await consumer.disconnect();
  }
  return [...found.values()].sort((a, b) => a.partition - b.partition || a.offset - b.offset);
}

/** What kcat says of a partition, from its beginning to its end, in a format of kcat's. */
export function kcat(brokers: string, topic: string, partition: number, format: string): Buffer {
  const args = ['-C', '-q', '-e', '-b', brokers, '-t', topic, '-p', String(partition), '-o', 'beginning', '-f', format];
  const { status, stdout, stderr } = spawnSync('kcat', args, { timeout: COMMAND_MS, maxBuffer: 1 << 30 });
  if (status !== 0) throw new Error(`kcat ${args.join(' ')}: ${stderr}`);
  return stdout;
}
