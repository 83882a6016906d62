import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { KafkaBroker } from '../support/kafka/broker.js';
import { clientOf, makeTopics, readTopic, sinkWith } from '../support/kafka/topics.js';
import { until } from '../support/patience.js';
import { bring, segmentOf, shortConnections } from './store-segments.js';

const ROOT = join(import.meta.dirname, '../..');

let broker: KafkaBroker;
let dir: string;
const children = new Set<ChildProcess>();

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'vslog-kafka-consumer-'));
  broker = await KafkaBroker.make();
  await broker.start();
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
  await broker?.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** The example as its reader would run it: with the built package. */
class Example {
  out = '';
  err = '';
  private readonly child: ChildProcess;
  private readonly ended: Promise<number | null>;

  constructor(...args: string[]) {
    this.child = spawn(process.execPath, ['examples/kafka/print.mjs', ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    children.add(this.child);
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.out += text));
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.err += text));
    this.ended = new Promise((resolve) => this.child.once('close', resolve));
  }

  get sequences(): number[] {
    const whole = this.out.slice(0, this.out.lastIndexOf('\n') + 1);
    return whole
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => (JSON.parse(line) as { sequence: number }).sequence);
  }

  async has(count: number): Promise<void> {
    await until(`${count} events are printed; ${this.err}`, () => {
      if (this.child.exitCode !== null) throw new Error(`The example ended: ${this.err}`);
      return this.sequences.length >= count;
    });
  }

  async end(): Promise<number | null> {
    this.child.kill('SIGTERM');
    return this.ended;
  }
}

/** Waits until a group is past all that a topic has now: it commits what it has let through. */
async function hasRead(brokers: string, groupId: string, topic: string): Promise<void> {
  const admin = clientOf(brokers).admin();
  await admin.connect();
  try {
    const ends = await admin.fetchTopicOffsets(topic);
    await until(`${groupId} has read all of ${topic}`, async () => {
      const read = (await admin.fetchOffsets({ groupId, topics: [topic] })).flatMap(({ partitions }) => partitions);
      const at = new Map(read.map(({ partition, offset }) => [partition, Number(offset)]));
      return ends.every(({ partition, high }) => high === '0' || (at.get(partition) ?? -1) >= Number(high));
    });
  } finally {
    await admin.disconnect();
  }
}

it('the example prints every event once, also those that Kafka has or brings twice, and says what is missing', async () => {
  if (!existsSync(join(ROOT, 'dist/consumer/index.js'))) throw new Error('dist/consumer is missing: run "npm run build".');
  const { brokers } = broker;
  await makeTopics(brokers, 'vslog', 2);
  const all = shortConnections(3000);
  const sink = sinkWith(dir, { 'kafka.brokers': brokers, 'kafka.message_bytes': 16 * 1024 });
  const cut = (id: number, from: number, to: number): ReturnType<typeof segmentOf> =>
    segmentOf(dir, all.slice(from, to), [{ first: BigInt(from + 1), last: BigInt(to) }], { id });
  await bring(sink, cut(1, 0, 2000));
  // The event 2001 is lost.
  await bring(sink, cut(2, 2001, 4000));
  await sink.close();
  const messages = await readTopic(brokers, 'vslog.conn.v1');
  const again = messages[3];
  if (again === undefined) throw new Error('There are too few messages.');
  const producer = clientOf(brokers).producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  const twice = (): Promise<unknown> =>
    producer.send({
      topic: 'vslog.conn.v1',
      messages: [{ partition: again.partition, key: again.key, value: again.value, headers: again.headers }],
    });
  await twice();

  const file = join(dir, 'seen.json');
  const first = new Example(brokers, 'print', file);
  await first.has(3999);
  // The copy comes last in its partition: it was seen, and not printed.
  await hasRead(brokers, 'print', 'vslog.conn.v1');
  expect(await first.end()).toBe(0);
  expect(first.sequences).toEqual([...Array.from({ length: 2000 }, (_, i) => i + 1), ...Array.from({ length: 1999 }, (_, i) => i + 2002)]);
  // kafkajs tells of its own troubles there, too: of a group that a pause of the machine broke up.
  expect(first.err.split('\n').filter((line) => line.startsWith('missing'))).toEqual(['missing: 2001 to 2001 of n, epoch e']);
  expect(JSON.parse(first.out.split('\n')[0] ?? '')).toMatchObject({
    node: 'n',
    epoch: 'e',
    record: 'conn',
    kind: 'create',
    client_addr: '10.0.0.9',
  });

  // Another group gets everything once more; what was printed before is known.
  await twice();
  const later = sinkWith(dir, { 'kafka.brokers': brokers });
  await bring(later, cut(3, 4000, 6000));
  await later.close();
  const second = new Example(brokers, 'print-2', file);
  await second.has(2000);
  await hasRead(brokers, 'print-2', 'vslog.conn.v1');
  expect(await second.end()).toBe(0);
  expect(second.sequences).toEqual(Array.from({ length: 2000 }, (_, i) => i + 4001));
  await producer.disconnect();
});
