import { setTimeout as sleep } from 'node:timers/promises';
import type { RecordName } from '../../spool/segment.js';
import { KafkaConnection } from './connection.js';
import { KafkaFailure } from './failure.js';
import { RECORDS, topicName } from './message.js';
import type { KafkaOptions } from './options.js';
import { checkSchema, largestBatch } from './topics.js';

/** What is asked of the topics; undefined: vslog's own choice for a new topic, and anything for one that is there. */
export interface TopicWishes {
  readonly partitions?: number | undefined;
  /** Copies of each partition. */
  readonly replication?: number | undefined;
  readonly retentionMs?: number | undefined;
}

/** How a topic was found, or made. */
export interface TopicReport {
  readonly topic: string;
  readonly record: RecordName;
  /** `absent`: it is not there, and was not to be made. */
  readonly state: 'made' | 'there' | 'absent';
  readonly partitions: number;
  /** Null: the brokers' default. */
  readonly replication: number | null;
  readonly settings: Readonly<Record<string, string>>;
  /** What must be put right, sentences. */
  readonly problems: readonly string[];
  /** What is worth knowing, sentences. */
  readonly notes: readonly string[];
}

const PARTITIONS = 6;
const SETTINGS = [
  'cleanup.policy',
  'retention.ms',
  'retention.bytes',
  'max.message.bytes',
  'min.insync.replicas',
  'compression.type',
  'message.timestamp.type',
];
/** How long a topic that was made may take to be known everywhere, ms. */
const KNOWN_MS = 120_000;

/** Makes the topics that are not there, unless `dryRun`, and looks at those that are. Rejects with KafkaFailure when the cluster cannot be asked. */
export async function prepareTopics(options: KafkaOptions, wishes: TopicWishes, dryRun: boolean): Promise<TopicReport[]> {
  const connection = await KafkaConnection.open(options.connection, []);
  try {
    const reports: TopicReport[] = [];
    for (const record of RECORDS) {
      const topic = topicName(options.topicPrefix, record);
      if (await connection.has(topic)) reports.push(await look(connection, options, wishes, record, topic));
      else reports.push(await make(connection, wishes, record, topic, dryRun));
    }
    return reports;
  } finally {
    connection.disconnect();
  }
}

async function make(
  connection: KafkaConnection,
  wishes: TopicWishes,
  record: RecordName,
  topic: string,
  dryRun: boolean,
): Promise<TopicReport> {
  const partitions = wishes.partitions ?? PARTITIONS;
  const replication = wishes.replication ?? Math.min(3, connection.brokers);
  const settings: Record<string, string> = {
    'cleanup.policy': 'delete',
    'compression.type': 'producer',
    'message.timestamp.type': 'CreateTime',
    // One broker may be down, and what was confirmed is still on two.
    'min.insync.replicas': replication >= 3 ? '2' : '1',
    ...(wishes.retentionMs !== undefined && { 'retention.ms': String(wishes.retentionMs) }),
  };
  const report: TopicReport = { topic, record, state: 'absent', partitions, replication, settings, problems: [], notes: [] };
  if (dryRun) return report;
  await connection.create({ topic, partitions, replication, config: settings });
  const end = performance.now() + KNOWN_MS;
  while (!(await connection.has(topic))) {
    if (performance.now() > end)
      throw new KafkaFailure('later', `Topic ${topic} was made, but is not there after ${KNOWN_MS} ms: look at the brokers' logs.`);
    await sleep(100);
  }
  return { ...report, state: 'made' };
}

async function look(
  connection: KafkaConnection,
  { messageBytes }: KafkaOptions,
  wishes: TopicWishes,
  record: RecordName,
  topic: string,
): Promise<TopicReport> {
  const [partitions, replication] = [connection.partitions(topic), connection.replicas(topic)];
  const problems: string[] = [];
  const notes: string[] = [];
  if (wishes.partitions !== undefined && wishes.partitions !== partitions)
    problems.push(`Topic ${topic} has ${partitions} partitions instead of ${wishes.partitions}.`);
  if (wishes.replication !== undefined && wishes.replication !== replication)
    problems.push(`Topic ${topic} has ${replication} replicas of each partition instead of ${wishes.replication}.`);
  let settings: Record<string, string> = {};
  try {
    settings = Object.fromEntries(await connection.config(topic, SETTINGS));
    if (settings['cleanup.policy']?.includes('compact') === true)
      problems.push(
        `Topic ${topic} is compacted (cleanup.policy = ${settings['cleanup.policy']}), which removes events: set it to delete.`,
      );
    if (Number(settings['min.insync.replicas']) > replication)
      problems.push(
        `Topic ${topic} wants ${settings['min.insync.replicas']} replicas in sync (min.insync.replicas), but has ${replication}: nothing can be written.`,
      );
    else if (replication >= 3 && settings['min.insync.replicas'] === '1')
      notes.push(
        `Topic ${topic} takes one replica in sync for enough (min.insync.replicas = 1): what is confirmed may be lost with one broker.`,
      );
    if (wishes.retentionMs !== undefined && settings['retention.ms'] !== String(wishes.retentionMs))
      problems.push(`Topic ${topic} keeps messages for ${settings['retention.ms']} ms (retention.ms) instead of ${wishes.retentionMs}.`);
    const most = await largestBatch(connection, topic);
    if (most < messageBytes)
      notes.push(
        `Topic ${topic} takes batches of ${settings['max.message.bytes']} bytes (max.message.bytes), so messages have at most ${most} instead of kafka.message_bytes.`,
      );
  } catch (error) {
    if (!(error instanceof KafkaFailure) || error.kind !== 'forbidden') throw error;
    notes.push(`The settings of topic ${topic} cannot be seen: grant DescribeConfigs to have them checked.`);
  }
  try {
    await checkSchema(connection, topic);
  } catch (error) {
    if (!(error instanceof KafkaFailure) || error.kind === 'unreachable') throw error;
    problems.push(error.message);
  }
  return { topic, record, state: 'there', partitions, replication, settings, problems, notes };
}
