import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { StatusDocument } from '../../src/api/status.js';
import type { Verification } from '../../src/api/verification.js';
import { KafkaFailure } from '../../src/sink/kafka/failure.js';
import type { KafkaSink } from '../../src/sink/kafka/sink.js';
import { type Mark, type ProducerState, readState, STATE_FILE, writeState } from '../../src/sink/kafka/state.js';
import type { Sink } from '../../src/sink/sink.js';
import { bodyName } from '../../src/spool/layout.js';
import type { Segment } from '../../src/spool/segment.js';
import { KafkaBroker } from '../support/kafka/broker.js';
import { clientOf, makeTopics, readTopic, sinkWith } from '../support/kafka/topics.js';
import { BROKERS } from '../support/kafka/versions.js';
import { until } from '../support/patience.js';
import { bring, segmentOf, shortConnections } from './store-segments.js';
import { Vslog } from './support/vslog.js';

const EACH = 400;

/** As a backup does it: owners, modes and times stay. */
function copyFolder(from: string, to: string): void {
  expect(spawnSync('cp', ['-a', from, to], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
}

describe.each(BROKERS)('a state on disk that is not the last one (%s)', (version) => {
  let broker: KafkaBroker;
  let dir: string;
  const sinks: Sink[] = [];

  beforeAll(async () => {
    broker = await (await KafkaBroker.make({ version })).start();
  });
  afterAll(() => broker?.stop());
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'vslog-kafka-restore-'));
  });
  afterEach(async () => {
    for (const sink of sinks.splice(0)) await sink.close();
    rmSync(dir, { recursive: true, force: true });
  });

  function open(prefix: string, more: object = {}): KafkaSink {
    const sink = sinkWith(dir, { 'kafka.brokers': broker.brokers, 'kafka.topic_prefix': prefix, ...more });
    sinks.push(sink);
    return sink;
  }

  /** Segment `id` with so many events after the first `from` of their epoch. */
  function cut(id: number, from: number, count = EACH, epoch = 'boot-1'): Segment {
    const events = shortConnections(count / 2, from / 2);
    return segmentOf(dir, events, [{ first: BigInt(from + 1), last: BigInt(from + count) }], { id, node: 'lb-1', epoch });
  }

  const row = (first: number, last: number): Segment[] =>
    Array.from({ length: last - first + 1 }, (_, i) => cut(first + i, (first + i - 1) * EACH));

  const state = (): string => join(dir, 'cursors', STATE_FILE);

  async function bringAll(sink: Sink, segments: readonly Segment[]): Promise<void> {
    for (const segment of segments) await bring(sink, segment);
  }

  /** How often the topic has each sequence of an epoch: those that it has not once. */
  async function wrong(prefix: string, last: number, epoch = 'boot-1'): Promise<{ lost: number; doubled: number }> {
    const times = new Map<number, number>();
    for (const { headers } of await readTopic(broker.brokers, `${prefix}.conn.v1`)) {
      if (headers.epoch !== epoch) continue;
      for (let i = 0; i < Number(headers.count); i++) times.set(Number(headers.first) + i, (times.get(Number(headers.first) + i) ?? 0) + 1);
    }
    let [lost, doubled] = [0, 0];
    for (let sequence = 1; sequence <= last; sequence++) {
      const found = times.get(sequence) ?? 0;
      if (found === 0) lost++;
      doubled += Math.max(0, found - 1);
    }
    expect(Math.max(...times.keys())).toBe(last);
    return { lost, doubled };
  }
  const RIGHT = { lost: 0, doubled: 0 };

  describe.each(['batch', 'event'] as const)('framing %s', (framing) => {
    const more = { 'kafka.framing': framing };

    it('cursor removed: every segment is looked up, not only the first', async () => {
      const prefix = `removed-${framing}`;
      await makeTopics(broker.brokers, prefix, 2);
      await bringAll(open(prefix, more), row(1, 6));
      const again = open(prefix, more);
      await again.start(false);
      await bringAll(again, row(1, 8));
      expect(await wrong(prefix, 8 * EACH)).toEqual(RIGHT);
    });

    it('cursor set back, of which nobody tells: the segment is one of before, so each is looked up, also after a restart', async () => {
      const prefix = `cursor-${framing}`;
      await makeTopics(broker.brokers, prefix, 2);
      await bringAll(open(prefix, more), row(1, 6));
      await bringAll(open(prefix, more), row(2, 3));
      await bringAll(open(prefix, more), row(4, 8));
      expect(await wrong(prefix, 8 * EACH)).toEqual(RIGHT);
    });

    it('cursor and state of the producer set back', async () => {
      const prefix = `both-${framing}`;
      await makeTopics(broker.brokers, prefix, 2);
      const sink = open(prefix, more);
      await bringAll(sink, row(1, 3));
      copyFileSync(state(), join(dir, 'copy'));
      await bringAll(sink, row(4, 9));
      for (const from of [2, 4, 5]) {
        copyFileSync(join(dir, 'copy'), state());
        await bringAll(open(prefix, more), row(from, 9));
      }
      await bringAll(open(prefix, more), row(10, 11));
      expect(await wrong(prefix, 11 * EACH)).toEqual(RIGHT);
    });

    it('a copy of before is put back, and the numbers of segments are given again to other events', async () => {
      const prefix = `copy-${framing}`;
      await makeTopics(broker.brokers, prefix, 2);
      const sink = open(prefix, more);
      await bringAll(sink, row(1, 3));
      copyFileSync(state(), join(dir, 'copy'));
      await bringAll(sink, row(4, 6));
      copyFileSync(join(dir, 'copy'), state());
      // What came after the copy is in the topic alone, but for the last of it, which nobody had acknowledged.
      const at = 6 * EACH;
      await bringAll(open(prefix, more), [cut(4, at - 100, 200), cut(5, at + 100), cut(6, at + 100 + EACH)]);
      await bringAll(open(prefix, more), [cut(7, at + 100 + 2 * EACH), cut(8, 0, EACH, 'boot-2')]);
      expect(await wrong(prefix, at + 100 + 3 * EACH)).toEqual(RIGHT);
      expect(await wrong(prefix, EACH, 'boot-2')).toEqual(RIGHT);
    });
  });

  it('frozen while a replay brings what it lacks, and tried again: that is not there twice', async () => {
    await makeTopics(broker.brokers, 'again', 1);
    const sink = open('again', { 'kafka.timeout': 1000, 'kafka.message_bytes': 4096, 'kafka.compression': 'none' });
    const admin = clientOf(broker.brokers).admin();
    await admin.connect();
    const end = async (): Promise<number> => Number((await admin.fetchTopicOffsets('again.conn.v1'))[0]?.high ?? 0);
    let struck = 0;
    let id = 0;
    while (struck < 3 && id < 12) {
      id++;
      const segment = cut(id, (id - 1) * 8000, 8000);
      const before = await end();
      let over = false;
      let failed = 0;
      const restored = until('a replay that works', async () => {
        try {
          expect(await sink.restore(segment)).toBe(8000);
          return true;
        } catch (error) {
          if (!(error instanceof KafkaFailure)) throw error;
          failed++;
          return false;
        }
      }).finally(() => {
        over = true;
      });
      restored.catch(() => undefined); // told below
      await until('the middle of a segment', async () => over || (await end()) > before + 3, { everyMs: 1 });
      await broker.freeze();
      await until('an attempt that was given up', () => over || failed > 0).finally(() => broker.thaw());
      await restored;
      if (failed > 0) struck++;
    }
    await admin.disconnect();
    expect(struck).toBe(3);
    expect(await wrong('again', id * 8000)).toEqual(RIGHT);
  });

  it('a damaged state with a cursor of before, and a state that never was', async () => {
    await makeTopics(broker.brokers, 'damaged', 1);
    await bringAll(open('damaged'), row(1, 5));
    writeFileSync(state(), '{"version":2,"clus');
    await bringAll(open('damaged'), row(2, 4));
    rmSync(state());
    await bringAll(open('damaged'), row(1, 6));
    expect(await wrong('damaged', 6 * EACH)).toEqual(RIGHT);
  });

  it('takes nothing for delivered that the broker took for a batch of before', async () => {
    await makeTopics(broker.brokers, 'silent', 1);
    const sink = open('silent');
    await bringAll(sink, row(1, 3));
    const before = (await readState(dir)) as ProducerState;
    await bringAll(sink, row(4, 4));
    const { marks } = (await readState(dir)) as ProducerState;
    // A state that nothing in the topic speaks against, whose next sequence was given already.
    const { offset } = marks['silent.conn.v1/0'] as Mark;
    await writeState(dir, { ...before, marks: { 'silent.conn.v1/0': { offset } } });
    await bringAll(open('silent'), [cut(4, 4 * EACH), cut(5, 5 * EACH)]);
    expect(await wrong('silent', 6 * EACH)).toEqual(RIGHT);
  });

  it('the topic was made anew: what comes is there once, what was in the old one is told of', async () => {
    await makeTopics(broker.brokers, 'anew', 1);
    const sink = open('anew');
    await bringAll(sink, row(1, 4));
    const admin = clientOf(broker.brokers).admin();
    await admin.connect();
    await admin.deleteTopics({ topics: ['anew.conn.v1'] });
    await until('a topic that is gone', async () => !(await admin.listTopics()).includes('anew.conn.v1'));
    await makeTopics(broker.brokers, 'anew', 1);
    await admin.disconnect();
    // The same process, then another one.
    await bringAll(sink, row(5, 6));
    await sink.close();
    const next = open('anew');
    await bringAll(next, row(7, 8));
    const messages = await readTopic(broker.brokers, 'anew.conn.v1');
    expect(messages.map(({ headers }) => Number(headers.first))).toEqual([4, 5, 6, 7].map((n) => n * EACH + 1));
    // And with a copy of the state from before.
    const copy = open('anew');
    await bringAll(copy, row(5, 9));
    const after = await readTopic(broker.brokers, 'anew.conn.v1');
    expect(after.map(({ headers }) => Number(headers.first))).toEqual([4, 5, 6, 7, 8].map((n) => n * EACH + 1));
  });

  it('made anew while nothing ran, and grown beyond what it was: the copy of the state is known for what it is', async () => {
    await makeTopics(broker.brokers, 'grown', 1);
    await bringAll(open('grown'), row(1, 2));
    copyFileSync(state(), join(dir, 'copy'));
    const admin = clientOf(broker.brokers).admin();
    await admin.connect();
    await admin.deleteTopics({ topics: ['grown.conn.v1'] });
    await until('a topic that is gone', async () => !(await admin.listTopics()).includes('grown.conn.v1'));
    await makeTopics(broker.brokers, 'grown', 1);
    await admin.disconnect();
    await bringAll(open('grown'), row(3, 7));
    copyFileSync(join(dir, 'copy'), state());
    const sink = open('grown');
    await bringAll(sink, row(3, 8));
    const messages = await readTopic(broker.brokers, 'grown.conn.v1');
    expect(messages.map(({ headers }) => Number(headers.first))).toEqual([2, 3, 4, 5, 6, 7].map((n) => n * EACH + 1));
    expect(sink.notes?.().sentences.join('\n')).toMatch(/Topic grown\.conn\.v1 .*made anew.*vslog replay --sink kafka/s);
  });

  it('what would prove it is deleted: nothing is lost, and what may be there twice is counted and told', async () => {
    await makeTopics(broker.brokers, 'deleted', 1);
    const sink = open('deleted');
    await bringAll(sink, row(1, 2));
    copyFileSync(state(), join(dir, 'copy'));
    await bringAll(sink, row(3, 6));
    const admin = clientOf(broker.brokers).admin();
    await admin.connect();
    await admin.fetchTopicOffsets('deleted.conn.v1'); // kafkajs looks for the leader only then
    await admin.deleteTopicRecords({ topic: 'deleted.conn.v1', partitions: [{ partition: 0, offset: '4' }] });
    await admin.disconnect();
    copyFileSync(join(dir, 'copy'), state());
    // As the spool has them.
    for (let id = 3; id <= 8; id++) writeFileSync(join(dir, bodyName(id, 'conn')), '');
    const again = open('deleted');
    await bringAll(again, row(3, 8));
    const messages = await readTopic(broker.brokers, 'deleted.conn.v1');
    // 5 and 6 are there still; 3 and 4 are not, and nobody can tell that they ever were.
    expect(messages.map(({ headers }) => (Number(headers.first) - 1) / EACH)).toEqual([4, 5, 2, 3, 6, 7]);
    expect(again.notes?.()).toMatchObject({ unproven: 2 * EACH });
    expect(again.notes?.().sentences.join('\n')).toMatch(/deleted\.conn\.v1.*has deleted.*800 events/s);
  });

  it('a replay counts and tells it, too', async () => {
    await makeTopics(broker.brokers, 'replayed', 1);
    await bringAll(open('replayed'), row(1, 4));
    const admin = clientOf(broker.brokers).admin();
    await admin.connect();
    await admin.fetchTopicOffsets('replayed.conn.v1'); // kafkajs looks for the leader only then
    await admin.deleteTopicRecords({ topic: 'replayed.conn.v1', partitions: [{ partition: 0, offset: '2' }] });
    await admin.disconnect();
    const sink = open('replayed');
    const absent: number[] = [];
    for (const segment of row(1, 5)) absent.push(await sink.restore(segment));
    expect(absent).toEqual([EACH, EACH, 0, 0, EACH]);
    expect(sink.notes?.()).toMatchObject({ unproven: 2 * EACH });
    expect(sink.notes?.().sentences.join('\n')).toMatch(/replayed\.conn\.v1.*has deleted.*800 events/s);
  });
});

describe('a batch limit', () => {
  let broker: KafkaBroker | undefined;
  let dir: string | undefined;
  let sink: KafkaSink | undefined;
  afterEach(async () => {
    await sink?.close();
    if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
    await broker?.stop();
  });

  it('grows again when the topic takes more, without a restart', async () => {
    broker = await (await KafkaBroker.make()).start();
    dir = mkdtempSync(join(tmpdir(), 'vslog-kafka-limit-'));
    await makeTopics(broker.brokers, 'limit', 1);
    const admin = clientOf(broker.brokers).admin();
    await admin.connect();
    const most = (bytes: string): Promise<unknown> =>
      (admin as ReturnType<ReturnType<typeof clientOf>['admin']>).alterConfigs({
        validateOnly: false,
        resources: [{ type: 2, name: 'limit.conn.v1', configEntries: [{ name: 'max.message.bytes', value: bytes }] }],
      });
    await most('700');
    sink = sinkWith(dir, { 'kafka.brokers': broker.brokers, 'kafka.topic_prefix': 'limit', 'kafka.compression': 'none' });
    let id = 0;
    const next = async (): Promise<void> => {
      id++;
      const events = shortConnections(20, (id - 1) * 20);
      const ranges = [{ first: BigInt((id - 1) * 40 + 1), last: BigInt(id * 40) }];
      await bring(sink as KafkaSink, segmentOf(dir as string, events, ranges, { id, node: 'lb-1', epoch: 'boot-1' }));
    };
    await next();
    expect(sink.notes?.().messageBytes).toBeLessThan(700);
    await most('1048588');
    await until('the limit of the configuration', async () => {
      await next();
      return sink?.notes?.().messageBytes === 524_288;
    });
    const count = (await readTopic(broker.brokers, 'limit.conn.v1')).length;
    await next();
    const messages = await readTopic(broker.brokers, 'limit.conn.v1');
    expect(messages.length).toBe(count + 1);
    expect(messages.map(({ headers }) => Number(headers.count)).reduce((sum, each) => sum + each, 0)).toBe(id * 40);
    await admin.disconnect();
  });
});

describe('a data directory that is put back from a copy', () => {
  let broker: KafkaBroker | undefined;
  let vslog: Vslog | undefined;
  afterEach(async () => {
    vslog?.clean();
    await broker?.stop();
  });

  it('while events came: each sequence that the capture made is in the topics once', async () => {
    broker = await (await KafkaBroker.make()).start();
    vslog = new Vslog();
    const here = vslog;
    const kafka = ['--kafka-brokers', broker.brokers];
    expect(here.run('sink', 'kafka', 'init', '--partitions', '2', ...kafka)).toMatchObject({ code: 0 });
    const collect = ['collect', '--store', 'none', '--segment-age', '200ms', '--drain', '1h', ...kafka];
    const capture = here.start('capture', '--source', 'scripted', '--scripted-rate', '500');
    await capture.says(/ready/);
    const data = join(here.dir, 'data');
    const copy = join(here.dir, 'copy');
    const status = (): StatusDocument => JSON.parse(here.run('status', '--json').out) as StatusDocument;
    const sequence = async (): Promise<number> => {
      let found = 0;
      await until('a sequence', () => {
        found = status().spool.sequence ?? 0;
        return found > 0;
      });
      return found;
    };
    const grow = async (): Promise<void> => {
      const from = await sequence();
      await until('more events in Kafka', () => {
        const { spool, sinks } = status();
        return (spool.sequence ?? 0) > from + 400 && sinks.every(({ lag_events }) => lag_events < 400);
      });
    };
    const first = here.start(...collect);
    await first.says(/ready/);
    await grow();
    expect(await first.end('SIGTERM')).toBe(0);
    copyFolder(data, copy);
    const second = here.start(...collect);
    await second.says(/ready/);
    await grow();
    await grow();
    // It ends when Kafka has all that it has taken.
    expect(await second.end('SIGTERM')).toBe(0);
    rmSync(data, { recursive: true });
    copyFolder(copy, data);
    const third = here.start(...collect);
    await third.says(/ready/);
    await grow();
    expect(await capture.end('SIGTERM')).toBe(0);
    await until('everything is in Kafka', () => {
      const { sinks, spool } = status();
      return spool.active_events === 0 && spool.backlog_bytes === 0 && sinks.every(({ lag_events }) => lag_events === 0);
    });
    const { epoch, sequence: last } = status().spool;
    const times = new Map<number, number>();
    for (const record of ['conn', 'control'])
      for (const { headers } of await readTopic(broker.brokers, `vslog.${record}.v1`)) {
        if (headers.epoch !== epoch) continue;
        for (let i = 0; i < Number(headers.count); i++)
          times.set(Number(headers.first) + i, (times.get(Number(headers.first) + i) ?? 0) + 1);
      }
    const lost = Array.from({ length: last ?? 0 }, (_, i) => i + 1).filter((one) => !times.has(one));
    expect(lost).toEqual([]);
    expect([...times.values()].filter((count) => count > 1)).toEqual([]);
    const report = JSON.parse(here.run('verify', ...kafka, '--json').out) as Verification;
    expect(report.sinks).toContainEqual(expect.objectContaining({ name: 'kafka', checked: true, ok: true, missing: 0, duplicates: 0 }));
    expect(await third.end('SIGTERM')).toBe(0);
    expect(existsSync(join(data, 'spool/cursors', STATE_FILE))).toBe(true);
  });
});
