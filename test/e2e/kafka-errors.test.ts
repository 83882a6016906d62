import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Key } from '../../src/config/schema.js';
import type { KafkaSink } from '../../src/sink/kafka/sink.js';
import { SinkRejection } from '../../src/sink/sink.js';
import { nextEvent } from '../../src/wire/batch.js';
import { toLong, v1 } from '../../src/wire/proto.js';
import { expectDocument } from '../support/documents.js';
import { KafkaBroker } from '../support/kafka/broker.js';
import { clientOf, makeTopics, readTopic, sinkWith } from '../support/kafka/topics.js';
import { BROKERS } from '../support/kafka/versions.js';
import { until } from '../support/patience.js';
import { freePort } from '../support/ports.js';
import { collectorOf } from './collector-api.js';
import { bring, MIDNIGHT, segmentOf, shortConnections } from './store-segments.js';
import { type Ran, Vslog } from './support/vslog.js';

type Given = Partial<Record<Key, unknown>>;

/** A token that a broker without a validator of its own takes. */
function token(seconds: number): string {
  const now = Math.floor(Date.now() / 1000);
  const part = (content: object): string => Buffer.from(JSON.stringify(content)).toString('base64url');
  return `${part({ alg: 'none' })}.${part({ sub: 'vslog', iat: now, exp: now + seconds })}.`;
}

describe.each(BROKERS)('a Kafka broker that asks who comes (%s)', (version) => {
  let broker: KafkaBroker;
  let dir: string;
  let sink: KafkaSink | undefined;

  beforeAll(async () => {
    broker = await KafkaBroker.make({ version, secure: true });
    await broker.start();
    await makeTopics(broker.brokers, 'vslog', 1);
  });
  afterAll(() => broker?.stop());
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'vslog-kafka-sink-'));
  });
  afterEach(async () => {
    await sink?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  function file(name: string, content: string): string {
    const path = join(dir, name);
    writeFileSync(path, `${content}\n`, { mode: 0o600 });
    return path;
  }

  /** Options by a word of what is tried. */
  function options(what: string): Given {
    const { secure, certificates } = broker;
    const tls = { 'kafka.tls': true, 'kafka.ca_file': certificates.ca, 'kafka.brokers': secure.tls };
    const login = { ...tls, 'kafka.brokers': secure.sasl, 'kafka.username': 'vslog', 'kafka.password_file': file('password', 'secret') };
    const own = { 'kafka.cert_file': certificates.clientCert, 'kafka.key_file': certificates.clientKey };
    const all: Record<string, Given> = {
      plainly: {},
      'the second of two addresses': { 'kafka.brokers': `127.0.0.1:1,${broker.brokers}` },
      TLS: tls,
      'TLS with a certificate of ours': { ...tls, ...own, 'kafka.brokers': secure.mutual },
      'TLS without it': { ...tls, 'kafka.brokers': secure.mutual },
      'an expired certificate': { ...tls, 'kafka.brokers': secure.expired },
      'an unknown authority': { ...tls, 'kafka.ca_file': certificates.otherCa },
      'no TLS where there is TLS': { 'kafka.brokers': secure.tls },
      'TLS where there is none': { ...tls, 'kafka.brokers': broker.brokers },
      plain: { ...login, 'kafka.sasl': 'plain' },
      'scram-sha-256': { ...login, 'kafka.sasl': 'scram-sha-256' },
      'scram-sha-512': { ...login, 'kafka.sasl': 'scram-sha-512' },
      'plain, wrong password': { ...login, 'kafka.sasl': 'plain', 'kafka.password_file': file('wrong', 'wrong') },
      'scram-sha-512, wrong password': { ...login, 'kafka.sasl': 'scram-sha-512', 'kafka.password_file': file('wrong', 'wrong') },
      oauthbearer: { ...tls, 'kafka.brokers': secure.sasl, 'kafka.sasl': 'oauthbearer', 'kafka.token_file': file('token', token(3600)) },
      'oauthbearer, an old token': {
        ...tls,
        'kafka.brokers': secure.sasl,
        'kafka.sasl': 'oauthbearer',
        'kafka.token_file': file('old-token', token(-3600)),
      },
      'no login where there is one': { ...tls, 'kafka.brokers': secure.sasl },
      'a login where there is none': { ...login, 'kafka.brokers': secure.tls, 'kafka.sasl': 'plain' },
      'nobody there': { 'kafka.brokers': '127.0.0.1:1' },
      'a name that is none': { 'kafka.brokers': 'no.such.invalid:9092' },
      'a topic that is missing': { 'kafka.topic_prefix': 'nothing' },
    };
    return { 'kafka.brokers': broker.brokers, ...all[what] };
  }

  it.each([
    'plainly',
    'the second of two addresses',
    'TLS',
    'TLS with a certificate of ours',
    'plain',
    'scram-sha-256',
    'scram-sha-512',
    'oauthbearer',
  ])('lets in: %s', async (what) => {
    sink = sinkWith(dir, options(what));
    const before = (await readTopic(broker.brokers, 'vslog.conn.v1')).length;
    const segment = segmentOf(dir, shortConnections(5), [{ first: 1n, last: 10n }], { epoch: `${version} ${what}` });
    await bring(sink, segment);
    expect(await readTopic(broker.brokers, 'vslog.conn.v1')).toHaveLength(before + 1);
  });

  it.each([
    ['TLS without it', /asks for a certificate of ours that it trusts: give kafka\.cert_file and kafka\.key_file\.$/],
    ['an expired certificate', /cannot be trusted: its certificate has expired, so renew that\.$/],
    ['an unknown authority', /its certificate is of an unknown authority, so name that in kafka\.ca_file\.$/],
    ['no TLS where there is TLS', /ended the connection before it had answered: it went down, or it asks for TLS \(kafka\.tls\)/],
    ['TLS where there is none', /does not speak TLS there: leave kafka\.tls out, or give the port for TLS\.$/],
    ['plain, wrong password', /does not let us in: user vslog or its password is wrong, see kafka\.username and kafka\.password_file\.$/],
    ['scram-sha-512, wrong password', /does not let us in: user vslog or its password is wrong/],
    ['oauthbearer, an old token', /another token \(kafka\.token_file\)\.$/],
    ['no login where there is one', /it asks for a login \(kafka\.sasl\)\.$/],
    ['a login where there is none', /has no login at this port: leave kafka\.sasl out/],
    ['nobody there', /^Kafka at 127\.0\.0\.1:1 cannot be reached: nobody listens there, see kafka\.brokers\.$/],
    [
      'a name that is none',
      /^Kafka at no\.such\.invalid:9092 cannot be reached: its name has no address \(E[A-Z_]+\), see kafka\.brokers\.$/,
    ],
    ['a topic that is missing', /has no topic nothing\.conn\.v1: run "vslog sink kafka init"\.$/],
  ])('says in a sentence what is wrong: %s', async (what, sentence) => {
    sink = sinkWith(dir, options(what));
    const segment = segmentOf(dir, shortConnections(5), [{ first: 1n, last: 10n }]);
    await expect(sink.start()).rejects.toThrow(sentence);
    await expect(sink.deliver(segment)).rejects.toThrow(sentence);
    await expect(sink.tally([{ node: 'n', epoch: 'e', first: 1n, last: 2n }])).rejects.toThrow(sentence);
  });

  it('is silent: that is said after kafka.timeout', async () => {
    sink = sinkWith(dir, { 'kafka.brokers': broker.brokers, 'kafka.timeout': 1000 });
    const segment = segmentOf(dir, shortConnections(5), [{ first: 1n, last: 10n }]);
    // A busy broker may take longer than that, too.
    await bring(sink, segment);
    const next = segmentOf(dir, shortConnections(5), [{ first: 11n, last: 20n }], { id: 2 });
    await broker.freeze();
    try {
      await expect(sink.deliver(next)).rejects.toThrow(/was silent for 1000 ms: it hangs, or kafka\.timeout is too short\.$/);
    } finally {
      broker.thaw();
    }
    // The next test begins with a broker that is back.
    await bring(sink, next);
  });

  it('takes small messages only: they are made smaller; an event that is too large by itself is refused', async () => {
    await makeTopics(broker.brokers, 'small', 1);
    const admin = clientOf(broker.brokers).admin();
    await admin.connect();
    const most = (bytes: number): Promise<unknown> =>
      admin.alterConfigs({
        validateOnly: false,
        resources: ['small.conn.v1', 'small.control.v1'].map((name) => ({
          type: kafkajs.ConfigResourceTypes.TOPIC,
          name,
          configEntries: [{ name: 'max.message.bytes', value: String(bytes) }],
        })),
      });
    try {
      await most(4000);
      const given = {
        'kafka.brokers': broker.brokers,
        'kafka.topic_prefix': 'small',
        'kafka.compression': 'none',
      };
      sink = sinkWith(dir, given);
      const all = shortConnections(3000);
      const cut = (id: number, from: number): ReturnType<typeof segmentOf> =>
        segmentOf(dir, all.slice(from, from + 2000), [{ first: BigInt(from + 1), last: BigInt(from + 2000) }], { id });
      await bring(sink, cut(1, 0));
      // Now less than what the sink was told when it came.
      await most(1500);
      await bring(sink, cut(2, 2000));
      const messages = await readTopic(broker.brokers, 'small.conn.v1');
      expect(Buffer.concat(messages.map(({ value }) => value)).equals(Buffer.concat(all.slice(0, 4000)))).toBe(true);
      expect(Math.max(...messages.map(({ value }) => value.length))).toBeGreaterThan(1500);

      const event = (sequence: bigint, detail: string): Uint8Array =>
        v1.ControlEvent.encodeDelimited({
          kind: v1.ControlKind.Value.knob_changed,
          time_ns: toLong(MIDNIGHT),
          sequence: toLong(sequence),
          detail,
        }).finish();
      const control = [event(5001n, 'small'), event(5002n, 'x'.repeat(9000)), event(5003n, 'small')];
      const refused = segmentOf(dir, control, [{ first: 5001n, last: 5003n }], { id: 3, record: 'control' });
      const rejection = await bring(sink, refused).catch((error: unknown) => error);
      expect(rejection).toBeInstanceOf(SinkRejection);
      expect((rejection as Error).message).toMatch(
        /^Segment 3 has an event of 9\d\d\d bytes, which is too large by itself\. Kafka at .* takes no message of this size in topic small\.control\.v1: raise its max\.message\.bytes\.$/,
      );
      await bring(sink, cut(4, 4000));
      // Raised, and brought once more: what was there before the one that was too large is not there twice.
      await most(100_000);
      await sink.close();
      sink = sinkWith(dir, given);
      expect(await sink.restore(refused)).toBe(2);
      const told = await readTopic(broker.brokers, 'small.control.v1');
      expect(told.flatMap(({ headers }) => Array.from({ length: Number(headers.count) }, (_, i) => Number(headers.first) + i))).toEqual([
        5001, 5002, 5003,
      ]);
    } finally {
      await admin.disconnect();
    }
  });

  it('has topics of another version, or of somebody else: nothing is sent', async () => {
    for (const [prefix, headers, sentence] of [
      [
        'later',
        { schema: '2', node: 'n' },
        /^Topic later\.conn\.v1 has events of schema version 2, and this vslog writes version 1: choose another kafka\.topic_prefix/,
      ],
      ['foreign', {}, /^Topic foreign\.conn\.v1 has messages that are not of vslog: choose another kafka\.topic_prefix\.$/],
    ] as const) {
      await makeTopics(broker.brokers, prefix, 2);
      const producer = clientOf(broker.brokers).producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
      await producer.connect();
      await producer.send({ topic: `${prefix}.conn.v1`, messages: [{ partition: 1, value: 'x', headers }] });
      await producer.disconnect();
      const other = sinkWith(dir, { 'kafka.brokers': broker.brokers, 'kafka.topic_prefix': prefix });
      await expect(other.start()).rejects.toThrow(sentence);
      await other.close();
      expect(await readTopic(broker.brokers, `${prefix}.conn.v1`)).toHaveLength(1);
    }
  });

  // The command line knows no versions.
  if (version === 'newest')
    it('has topics that are made and checked by the command line', async () => {
      const { brokers } = broker;
      const vslog = new Vslog();
      try {
        const kafka = ['--kafka-brokers', brokers, '--kafka-topic-prefix', 'made', '--kafka-timeout', '10m'];
        const made = (...args: string[]): Promise<Ran> => vslog.ran('sink', 'kafka', ...args, ...kafka);
        const [absent, dry] = await Promise.all([made('check'), made('init', '--dry-run', '--partitions', '2')]);
        expect(absent).toMatchObject({
          code: 1,
          err: expect.stringContaining('There is no topic made.conn.v1: run "vslog sink kafka init".') as string,
        });
        expect(dry).toEqual({
          code: 0,
          out: 'made.conn.v1: would be made, 2 partitions, 1 copy of each\nmade.control.v1: would be made, 2 partitions, 1 copy of each\n',
          err: '',
        });
        const { code, out } = await made('init', '--partitions', '2', '--retention', '36h', '--json');
        expectDocument('kafka-topics', JSON.parse(out));
        expect([code, JSON.parse(out)]).toMatchObject([
          0,
          { ok: true, problem: null, topics: [{ topic: 'made.conn.v1', state: 'made', partitions: 2, replication: 1 }, { state: 'made' }] },
        ]);
        const [there, other, many, nobody, listed] = await Promise.all([
          made('init', '--retention', '36h'),
          made('init', '--partitions', '3', '--retention', '2d'),
          made('init', '--partitions', 'many'),
          vslog.ran('sink', 'kafka', 'check', '--kafka-brokers', '127.0.0.1:1'),
          vslog.ran('sink', 'ls', '--json', ...kafka),
        ]);
        expect(there).toMatchObject({
          code: 0,
          out: 'made.conn.v1: is there, 2 partitions, 1 copy of each, messages kept for 36 h\nmade.control.v1: is there, 2 partitions, 1 copy of each, messages kept for 36 h\n',
        });
        expect(other).toMatchObject({
          code: 1,
          err: [
            'vslog: Topic made.conn.v1 has 2 partitions instead of 3.',
            'vslog: Topic made.conn.v1 keeps messages for 129600000 ms (retention.ms) instead of 172800000.',
            'vslog: Topic made.control.v1 has 2 partitions instead of 3.',
            'vslog: Topic made.control.v1 keeps messages for 129600000 ms (retention.ms) instead of 172800000.\n',
          ].join('\n'),
        });
        expect(many).toMatchObject({ code: 2 });
        expect(nobody).toMatchObject({
          code: 3,
          err: 'vslog: Kafka at 127.0.0.1:1 cannot be reached: nobody listens there, see kafka.brokers.\n',
        });
        expect(JSON.parse(listed.out)).toEqual([
          { name: 'embedded', place: 'the embedded ClickHouse' },
          { name: 'kafka', place: brokers },
        ]);
      } finally {
        vslog.clean();
      }
    });
});

describe('a Kafka that nobody reaches', () => {
  let vslog: Vslog | undefined;
  afterEach(() => vslog?.clean());

  it('is told in status, while the other sinks go on and the spool keeps what it lacks', async () => {
    vslog = new Vslog();
    const files = join(vslog.dir, 'files');
    const port = await freePort();
    const capture = vslog.start('capture', '--source', 'scripted', '--scripted-events', '2000', '--scripted-rate', '0');
    await capture.says(/ready/);
    const collector = vslog.start(
      ...['collect', '--store', 'none', '--file-dir', files, '--file-format', 'protobuf', '--file-compression', 'none'],
      ...['--segment-age', '50ms', '--kafka-brokers', `127.0.0.1:${port}`, '--drain', '0s'],
    );
    await collector.says(/ready/);
    const api = collectorOf(vslog);
    const { sinks } = await until('the files have everything, and Kafka was tried', async () => {
      const now = await api.status();
      const [file, kafka] = ['file', 'kafka'].map((name) => now.sinks.find((sink) => sink.name === name));
      const whole = now.counters.events > 2000 && now.spool.active_events === 0 && file?.lag_events === 0;
      return whole && kafka?.error !== null && now;
    });
    const events = readdirSync(files)
      .filter((name) => /^(conn|control)-/.test(name))
      .reduce((count, name) => count + countOf(readFileSync(join(files, name))), 0);
    expect(events).toBeGreaterThanOrEqual(2000);
    const kafka = sinks.find(({ name }) => name === 'kafka');
    expect(kafka).toMatchObject({ error: `Kafka at 127.0.0.1:${port} cannot be reached: nobody listens there, see kafka.brokers.` });
    expect(kafka?.lag_events).toBeGreaterThanOrEqual(2000);
    await collector.end('SIGKILL');
    await capture.end('SIGTERM');
  });
});

/** Events of a length-delimited stream. */
function countOf(body: Buffer): number {
  let count = 0;
  for (let at = 0; at < body.length; at = nextEvent(body, at).end) count++;
  return count;
}
