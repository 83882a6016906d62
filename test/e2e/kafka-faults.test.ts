import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { KafkaSink } from '../../src/sink/kafka/sink.js';
import { STATE_FILE } from '../../src/sink/kafka/state.js';
import type { Sink } from '../../src/sink/sink.js';
import type { Segment } from '../../src/spool/segment.js';
import { KafkaBroker } from '../support/kafka/broker.js';
import { makeTopics, readTopic, sinkWith } from '../support/kafka/topics.js';
import { segmentOf, shortConnections } from './store-segments.js';
import { until, Vslog } from './support/vslog.js';

const END_MS = 60_000;

describe.each(['newest', 'last3'] as const)('delivery to a broker that dies (%s)', (version) => {
  let broker: KafkaBroker;
  let dir: string;
  const sinks: Sink[] = [];

  beforeAll(async () => {
    broker = await (await KafkaBroker.make({ version })).start();
  });
  afterAll(() => broker?.stop());
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'vslog-kafka-sink-'));
  });
  afterEach(async () => {
    for (const sink of sinks.splice(0)) await sink.close();
    rmSync(dir, { recursive: true, force: true });
  });

  function open(prefix: string, more: object = {}): KafkaSink {
    const sink = sinkWith(dir, {
      'kafka.brokers': broker.brokers,
      'kafka.topic_prefix': prefix,
      'kafka.message_bytes': 8 * 1024,
      'kafka.timeout': 5000,
      ...more,
    });
    sinks.push(sink);
    return sink;
  }

  /** `count` segments of 4000 events. */
  function segments(count: number, firstId = 1): Segment[] {
    const events = shortConnections((count + firstId - 1) * 2000);
    return Array.from({ length: count }, (_, i) => {
      const from = (i + firstId - 1) * 4000;
      const ranges = [{ first: BigInt(from + 1), last: BigInt(from + 4000) }];
      return segmentOf(dir, events.slice(from, from + 4000), ranges, { id: i + firstId, node: 'lb-1', epoch: 'boot-1' });
    });
  }

  /** As the pump does: until it works. */
  async function insist(sink: Sink, segment: Segment): Promise<void> {
    const end = Date.now() + END_MS;
    for (;;) {
      try {
        return await sink.deliver(segment);
      } catch (error) {
        if (Date.now() > end) throw error;
        await sleep(50);
      }
    }
  }

  async function expectOnce(prefix: string, all: readonly Segment[]): Promise<void> {
    const messages = await readTopic(broker.brokers, `${prefix}.conn.v1`);
    const bytes = Buffer.concat(messages.map(({ value }) => value));
    const spool = Buffer.concat(all.map(({ path }) => readFileSync(path)));
    expect(messages.map(({ headers }) => Number(headers.count)).reduce((sum, count) => sum + count, 0)).toBe(all.length * 4000);
    expect(bytes.equals(spool)).toBe(true);
    expect(messages.map(({ offset }) => offset)).toEqual(messages.map((_, i) => i));
  }

  it('killed again and again in the middle: every event once, in order', async () => {
    await makeTopics(broker.brokers, 'killed', 1);
    const sink = open('killed');
    const all = segments(4);
    let delivered = 0;
    const delivering = (async () => {
      for (const segment of all) {
        await insist(sink, segment);
        delivered++;
      }
    })();
    for (let round = 0; round < 2; round++) {
      const before = delivered;
      await until('a segment is delivered', () => (delivered > before || delivered === all.length ? true : undefined));
      await sleep(7 * round);
      await broker.kill();
      await broker.start();
    }
    await delivering;
    await expectOnce('killed', all);
  });

  it('frozen for longer than it is waited for: what was on its way is not there twice', async () => {
    await makeTopics(broker.brokers, 'frozen', 1);
    const sink = open('frozen', { 'kafka.timeout': 1000 });
    const all = segments(5);
    await insist(sink, all[0] as Segment);
    for (const segment of all.slice(1)) {
      const delivered = insist(sink, segment);
      await sleep(3);
      broker.freeze();
      await sleep(1300);
      broker.thaw();
      await delivered;
    }
    await expectOnce('frozen', all);
  });

  it('goes on in another process where an earlier one was ended, without reading the topic', async () => {
    await makeTopics(broker.brokers, 'ended', 1);
    const all = segments(6);
    for (const segment of all) {
      // Ended at another moment each time; the state that it leaves is what the next one has.
      const sink = open('ended');
      await sink.start();
      const ended = sink.deliver(segment).catch(() => undefined);
      await sleep(segment.id * 4);
      await sink.close();
      await ended;
      await insist(open('ended'), segment);
    }
    await expectOnce('ended', all);
  });

  it('asks the topic when the state is lost in the middle, and sends the rest', async () => {
    await makeTopics(broker.brokers, 'lost', 1);
    const all = segments(3);
    await insist(open('lost'), all[0] as Segment);
    const middle = all[1] as Segment;
    const first = open('lost');
    await first.start();
    const ended = first.deliver(middle).catch(() => undefined);
    await until('a part of it is there', async () => ((await readTopic(broker.brokers, 'lost.conn.v1')).length > 60 ? true : undefined));
    await first.close();
    await ended;
    rmSync(join(dir, 'cursors', STATE_FILE), { force: true });
    // Another size makes other batches: the earlier sequences must not be taken for theirs.
    await insist(open('lost', { 'kafka.message_bytes': 4096 }), middle);
    await insist(open('lost'), all[2] as Segment);
    await insist(open('lost'), all[2] as Segment);
    writeFileSync(join(dir, 'cursors', STATE_FILE), '{"version":1,"clus');
    await insist(open('lost'), all[2] as Segment);
    await expectOnce('lost', all);
  });

  it('restores what a topic lacks, counts what it has, and leaves the rest alone', async () => {
    await makeTopics(broker.brokers, 'restored', 2);
    const all = segments(4);
    const [one, two, three, four] = all as [Segment, Segment, Segment, Segment];
    const sink = open('restored');
    await sink.deliver(one);
    await sink.deliver(two);
    await sink.deliver(four);
    const spans = [{ node: 'lb-1', epoch: 'boot-1', first: 1n, last: 16_000n }];
    const sum = async (): Promise<[number, number]> => {
      const tallies = (await sink.tally(spans)).filter(({ record }) => record === 'conn');
      return [tallies.reduce((all, { events }) => all + events, 0), tallies.reduce((all, { distinct }) => all + distinct, 0)];
    };
    expect(await sum()).toEqual([12_000, 12_000]);
    const replay = open('restored');
    const absent: number[] = [];
    for (const segment of all) absent.push(await replay.restore(segment));
    expect(absent).toEqual([0, 0, 4000, 0]);
    expect(await replay.restore(three)).toBe(0);
    expect(await sum()).toEqual([16_000, 16_000]);
    const hours = await sink.tally([{ node: 'lb-1', epoch: 'boot-1', first: 101n, last: 200n }]);
    expect(hours.reduce((all, { events }) => all + events, 0)).toBe(100);
    expect(await sink.tally([{ node: 'lb-2', epoch: 'boot-1', first: 1n, last: 200n }])).toEqual([]);
    // A segment that the sink had never heard of goes on after a replay.
    const [more] = segments(1, 5) as [Segment];
    await insist(sink, more);
    expect(await replay.restore(more)).toBe(0);
    utimesSync(more.path, new Date(), new Date());
    const messages = await readTopic(broker.brokers, 'restored.conn.v1');
    const firsts = messages.map(({ headers }) => Number(headers.first));
    expect(new Set(firsts).size).toBe(firsts.length);
    expect(messages.reduce((sum, { headers }) => sum + Number(headers.count), 0)).toBe(20_000);
  });
});

describe('a collector with the Kafka sink', () => {
  let broker: KafkaBroker | undefined;
  let vslog: Vslog | undefined;
  afterEach(async () => {
    vslog?.clean();
    await broker?.stop();
  });

  it('is killed under load, as the broker is: every event once; verify proves it', async () => {
    broker = await (await KafkaBroker.make()).start();
    vslog = new Vslog();
    const events = 24_000;
    const kafka = ['--kafka-brokers', broker.brokers];
    expect(vslog.run('sink', 'kafka', 'init', '--partitions', '2', ...kafka)).toMatchObject({ code: 0 });
    const collect = [
      'collect',
      '--store',
      'none',
      '--spool-max-bytes',
      '1T',
      '--segment-age',
      '60ms',
      '--drain',
      '60s',
      ...kafka,
      '--kafka-message-bytes',
      '4K',
    ];
    const capture = vslog.start('capture', '--source', 'scripted', '--scripted-events', String(events), '--scripted-rate', '4000');
    await capture.says(/ready/);
    for (let round = 0; round < 3; round++) {
      const collector = vslog.start(...collect);
      await collector.says(/ready/);
      await sleep(600 + 150 * round); // another moment each time; nothing is decided by it
      if (round % 2 === 1) {
        await broker.kill();
        await collector.end('SIGKILL');
        await broker.start();
      } else await collector.end('SIGKILL');
    }
    const collector = vslog.start(...collect);
    await collector.says(/ready/);
    const { brokers } = broker;
    const behind = (): number => {
      const status = JSON.parse((vslog as Vslog).run('status', '--json').out) as { sinks: { lag_events: number }[] };
      return status.sinks[0]?.lag_events ?? -1;
    };
    await until('everything is in Kafka', async () => {
      if (behind() !== 0) return undefined;
      const messages = [...(await readTopic(brokers, 'vslog.conn.v1')), ...(await readTopic(brokers, 'vslog.control.v1'))];
      return messages.reduce((sum, { headers }) => sum + Number(headers.count), 0) >= events ? true : undefined;
    });
    const verified = vslog.run('verify', ...kafka, '--json');
    expect(JSON.parse(verified.out)).toMatchObject({
      complete: true,
      sinks: [{ name: 'kafka', checked: true, ok: true, missing: 0, duplicates: 0 }],
    });
    expect(verified.code).toBe(0);
    expect(await collector.end('SIGTERM')).toBe(0);
    await capture.end('SIGTERM');
  });
});
