import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { StatusDocument } from '../../src/api/status.js';
import type { Verification } from '../../src/api/verification.js';
import type { KafkaSink } from '../../src/sink/kafka/sink.js';
import { type ProducerState, STATE_FILE } from '../../src/sink/kafka/state.js';
import type { Sink } from '../../src/sink/sink.js';
import type { Segment } from '../../src/spool/segment.js';
import { KafkaBroker } from '../support/kafka/broker.js';
import { makeTopics, readTopic, sinkWith } from '../support/kafka/topics.js';
import { BROKERS } from '../support/kafka/versions.js';
import { pause, until } from '../support/patience.js';
import { segmentOf, shortConnections } from './store-segments.js';
import { Vslog } from './support/vslog.js';

/** Segments that are tried at most until enough of them were interrupted. */
const TRIES = 14;

function stateOf(spool: string): ProducerState {
  return JSON.parse(readFileSync(join(spool, 'cursors', STATE_FILE), 'utf8')) as ProducerState;
}

/** Whether a part of a segment is confirmed, and another is not: then a request is on its way, or would be next. `id`: of this segment. */
function inMiddle(spool: string, id?: number): boolean {
  try {
    const { segment, position, whole } = stateOf(spool);
    return !whole && position.events > 0 && (id === undefined || segment.id === id);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

describe.each(BROKERS)('delivery to a broker that dies (%s)', (version) => {
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

  /** As the pump does: until it works. Resolves to how often it failed; `onFailure` hears of each. */
  async function insist(sink: Sink, segment: Segment, onFailure: () => void = () => undefined): Promise<number> {
    let failed = 0;
    let last: unknown;
    const once = async (): Promise<boolean> => {
      try {
        await sink.deliver(segment);
        return true;
      } catch (error) {
        failed++;
        last = error;
        onFailure();
        return false;
      }
    };
    await until('a delivery that works', once, { detail: () => String(last) });
    return failed;
  }

  /** Delivers a segment and does something to the broker in the middle of it; `shaken` tells when that was noticed, or the delivery is over. False: it was over before. */
  async function struck(sink: Sink, segment: Segment, strike: (shaken: () => boolean) => Promise<void>): Promise<boolean> {
    let over = false;
    let failed = false;
    const delivering = insist(sink, segment, () => {
      failed = true;
    }).finally(() => {
      over = true;
    });
    delivering.catch(() => undefined); // told below
    await until('the middle of a segment', () => over || inMiddle(dir, segment.id), { everyMs: 1 });
    await strike(() => over || failed);
    return (await delivering) > 0;
  }

  /** Delivers one segment after the other until so many were struck in the middle. Resolves to those that were delivered. */
  async function strikeSome(sink: Sink, wanted: number, strike: (shaken: () => boolean) => Promise<void>): Promise<Segment[]> {
    const delivered: Segment[] = [];
    let count = 0;
    for (const segment of segments(TRIES)) {
      delivered.push(segment);
      if (await struck(sink, segment, strike)) count++;
      if (count === wanted) return delivered;
    }
    throw new Error(`Only ${count} of ${TRIES} deliveries were interrupted.`);
  }

  /** Until the sink has given up waiting. */
  const freeze = async (shaken: () => boolean): Promise<void> => {
    await broker.freeze();
    await until('an attempt that was given up', shaken).finally(() => broker.thaw());
  };

  /** Waits until the broker has done what it was asked for last: a request of a sink that was closed may still be on its way. */
  async function settled(topic: string): Promise<void> {
    let [had, same] = [-1, 0];
    await until('a topic that stays as it is', async () => {
      const { length } = await readTopic(broker.brokers, topic);
      same = length === had ? same + 1 : 0;
      had = length;
      return same === 3;
    });
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
    const all = await strikeSome(open('killed'), 2, async () => {
      await broker.kill();
      await broker.start();
    });
    await expectOnce('killed', all);
  });

  it('frozen for longer than it is waited for: what was on its way is not there twice', async () => {
    await makeTopics(broker.brokers, 'frozen', 1);
    const all = await strikeSome(open('frozen', { 'kafka.timeout': 1000 }), 4, freeze);
    await expectOnce('frozen', all);
  });

  it('frozen while it gets what it lacks of a segment: that is not there twice either', async () => {
    await makeTopics(broker.brokers, 'patched', 1);
    const all: Segment[] = [];
    let count = 0;
    for (const segment of segments(TRIES)) {
      all.push(segment);
      const first = open('patched');
      await first.start();
      let over = false;
      const ended = first
        .deliver(segment)
        .catch(() => undefined)
        .finally(() => {
          over = true;
        });
      await until('the middle of a segment', () => over || inMiddle(dir, segment.id), { everyMs: 1 });
      await first.close();
      await ended;
      // Without the state nothing tells its last request from another.
      await settled('patched.conn.v1');
      rmSync(join(dir, 'cursors', STATE_FILE), { force: true });
      let before: ProducerState | undefined;
      const interrupted = await struck(open('patched', { 'kafka.timeout': 1000 }), segment, async (shaken) => {
        before = stateOf(dir);
        await freeze(shaken);
      });
      // Under the same identity: however late the request is carried out, the broker knows it.
      expect(stateOf(dir).identity).toEqual(before?.identity);
      if (interrupted && before?.absent !== undefined) count++;
      if (count === 2) break;
    }
    expect(count).toBe(2);
    await expectOnce('patched', all);
  });

  it('goes on in another process where an earlier one was ended, without reading the topic', async () => {
    await makeTopics(broker.brokers, 'ended', 1);
    const all = segments(6);
    let count = 0;
    for (const segment of all) {
      // Ended at another moment each time; the state that it leaves is what the next one has.
      const sink = open('ended');
      await sink.start();
      let over = false;
      const ended = sink.deliver(segment).then(
        () => true,
        () => false,
      );
      void ended.then(() => {
        over = true;
      });
      await until('the middle of a segment', () => over || inMiddle(dir, segment.id), { everyMs: 1 });
      await pause(segment.id, 'another moment each time');
      await sink.close();
      if (!(await ended) && inMiddle(dir, segment.id)) count++;
      await insist(open('ended'), segment);
    }
    expect(count).toBeGreaterThan(0);
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
    await until('a part of it is there', async () => (await readTopic(broker.brokers, 'lost.conn.v1')).length > 60);
    await first.close();
    await ended;
    await settled('lost.conn.v1');
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
    const kafka = ['--kafka-brokers', broker.brokers];
    expect(vslog.run('sink', 'kafka', 'init', '--partitions', '2', ...kafka)).toMatchObject({ code: 0 });
    const collect = [
      'collect',
      '--store',
      'none',
      '--spool-max-bytes',
      '1T',
      '--segment-age',
      '500ms',
      '--drain',
      '1h',
      ...kafka,
      '--kafka-message-bytes',
      '4K',
    ];
    // It goes on until every kill was in the middle of a segment.
    const capture = vslog.start('capture', '--source', 'scripted', '--scripted-rate', '2000');
    await capture.says(/ready/);
    const spool = join(vslog.dir, 'data/spool');
    let count = 0;
    for (let round = 0; count < 3; round++) {
      if (round === TRIES) throw new Error(`Only ${count} of ${TRIES} kills were in the middle of a segment.`);
      const collector = vslog.start(...collect);
      await collector.says(/ready/);
      await pause(100 * (round % 4), 'another moment each time');
      await until('the middle of a segment', () => inMiddle(spool), { everyMs: 1, detail: () => collector.said });
      if (count === 1) await broker.kill();
      await collector.end('SIGKILL');
      if (count === 1) await broker.start();
      if (inMiddle(spool)) count++;
    }
    const collector = vslog.start(...collect);
    await collector.says(/ready/);
    // It ends when the collector has all of it.
    expect(await capture.end('SIGTERM')).toBe(0);
    const { brokers } = broker;
    const isBehind = (): boolean => {
      const { sinks, spool } = JSON.parse((vslog as Vslog).run('status', '--json').out) as StatusDocument;
      return spool.active_events > 0 || spool.backlog_bytes > 0 || sinks.some(({ lag_events }) => lag_events > 0);
    };
    await until('everything is in Kafka', () => !isBehind());
    const verified = vslog.run('verify', ...kafka, '--json');
    const report = JSON.parse(verified.out) as Verification;
    expect(report).toMatchObject({
      complete: true,
      spool: { epochs: [{ first: 1, gaps: [], duplicates: [] }] },
      sinks: [{ name: 'kafka', checked: true, ok: true, missing: 0, duplicates: 0 }],
    });
    const messages = [...(await readTopic(brokers, 'vslog.conn.v1')), ...(await readTopic(brokers, 'vslog.control.v1'))];
    expect(messages.reduce((sum, { headers }) => sum + Number(headers.count), 0)).toBe(report.spool.events);
    expect(verified.code).toBe(0);
    expect(await collector.end('SIGTERM')).toBe(0);
  });
});
