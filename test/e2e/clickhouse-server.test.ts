import { createHash, randomInt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { SinkRejection } from '../../src/sink/sink.js';
import type { Segment } from '../../src/spool/segment.js';
import { createServerStore, type ServerStore, type ServerStoreOptions } from '../../src/store/server/store.js';
import { toLong, v1 } from '../../src/wire/proto.js';
import { ClickHouseServer } from '../support/clickhouse/server.js';
import { tlsFront } from '../support/clickhouse/tls.js';
import { makeCertificates } from '../support/kafka/certificates.js';
import { orNever, pause, until, WAIT_MS } from '../support/patience.js';
import { withDirectory } from '../unit/support/temporary.js';
import { ask, MIDNIGHT, segmentOf, shortConnections } from './store-segments.js';

const USER = { user: 'writer', password: 'pass word' };
let server: ClickHouseServer;
const stores: ServerStore[] = [];
let databases = 0;

beforeAll(async () => {
  server = await (await ClickHouseServer.make(USER)).start();
});
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
});
afterAll(() => server.stop());

/** A store in a database of its own. */
function make(more: Partial<ServerStoreOptions> = {}): ServerStore {
  const placement = { database: `test_${++databases}`, cluster: undefined };
  const store = createServerStore({ url: server.url, ...USER, placement, timeoutMs: WAIT_MS, gzip: false, maxQuerySeconds: 3600, ...more });
  stores.push(store);
  return store;
}

/** For tests that leave the tables as they are: making them takes a hundred statements. Each has a node of its own. */
const SHARED = { placement: { database: 'shared', cluster: undefined } };

const admin = () =>
  createClient({
    url: server.url,
    username: USER.user,
    password: USER.password,
    log: { level: ClickHouseLogLevel.OFF },
    request_timeout: WAIT_MS,
  });
async function command(...statements: string[]): Promise<void> {
  const client = admin();
  try {
    for (const query of statements) await client.command({ query });
  } finally {
    await client.close();
  }
}

const sentence = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'it worked',
    (error: unknown) => (error as Error).message,
  );

/** Does what the pump does: tries until it is done. */
async function persist(what: string, action: () => Promise<unknown>): Promise<void> {
  let last = '';
  const done = (): Promise<boolean> =>
    action().then(
      () => true,
      (error: unknown) => {
        if (error instanceof SinkRejection) throw error;
        last = (error as Error).message;
        return false;
      },
    );
  await until(what, done, { detail: () => last });
}

test.each([false, true])('segments of both kinds arrive once, and a repetition changes nothing (compressed: %s)', (gzip) =>
  withDirectory(async (dir) => {
    const store = make({ gzip });
    await store.start();
    const pairs = 2000;
    const conn = segmentOf(dir, shortConnections(pairs), [{ first: 1n, last: BigInt(2 * pairs) }]);
    const event = v1.ControlEvent.encodeDelimited({
      kind: v1.ControlKind.Value.knob_changed,
      time_ns: toLong(MIDNIGHT),
      sequence: toLong(BigInt(2 * pairs + 1)),
      name: "it's",
    }).finish();
    const control = segmentOf(dir, [event], [{ first: 4001n, last: 4001n }], { id: 2, record: 'control' });
    for (let i = 0; i < 2; i++) {
      await store.deliver(conn);
      await store.deliver(control);
      await store.start();
    }
    expect(store.status()).toMatchObject({ kind: 'server', place: server.url, segments: 2, events: 4001, lastError: null });
    expect(await ask(store, 'SELECT count(), uniqExact(sequence), uniqExact(toDate(time_ns)) FROM conn_events')).toBe('4000\t4000\t2');
    expect(await ask(store, "SELECT count(), countIf(is_open), countIf(reason = 'timeout') FROM connections")).toBe('2000\t0\t2000');
    expect(await ask(store, 'SELECT name FROM control_events')).toBe("it\\'s");
    expect(await ask(store, 'SELECT count(), sum(count) FROM batches FINAL')).toBe('2\t4001');
    const tally = await store.tally?.([{ node: 'n', epoch: 'e', first: 1n, last: 5000n }]);
    const hour = Number(MIDNIGHT / 1_000_000_000n);
    expect(tally?.sort((a, b) => a.hour - b.hour || a.record.localeCompare(b.record))).toEqual([
      { node: 'n', epoch: 'e', record: 'conn', hour: hour - 3600, events: 2000, distinct: 2000 },
      { node: 'n', epoch: 'e', record: 'conn', hour, events: 2000, distinct: 2000 },
      { node: 'n', epoch: 'e', record: 'control', hour, events: 1, distinct: 1 },
    ]);
    expect(await store.tally?.([{ node: 'n', epoch: 'e', first: 11n, last: 20n }])).toMatchObject([{ events: 10, distinct: 10 }]);
  }),
);

test('what is there in part is completed, and what is there twice is told', () =>
  withDirectory(async (dir) => {
    const store = make();
    const database = `test_${databases}`;
    await store.start();
    const segment = segmentOf(dir, shortConnections(500), [{ first: 1n, last: 1000n }]);
    await store.deliver(segment);
    await command(
      `DELETE FROM ${database}.conn_events WHERE sequence > 333`,
      `TRUNCATE TABLE ${database}.batches`,
      `TRUNCATE TABLE ${database}.connections_ended`,
    );
    await store.deliver(segment);
    expect(await ask(store, 'SELECT count(), uniqExact(sequence) FROM conn_events')).toBe('1000\t1000');
    expect(await ask(store, 'SELECT count() FROM connections')).toBe('500');
    await command(`INSERT INTO ${database}.conn_events SELECT * FROM ${database}.conn_events WHERE sequence <= 7`);
    const tally = (await store.tally?.([{ node: 'n', epoch: 'e', first: 1n, last: 1000n }])) ?? [];
    expect(tally.reduce((sum, { events, distinct }) => [(sum[0] ?? 0) + events, (sum[1] ?? 0) + distinct], [0, 0])).toEqual([1007, 1000]);
  }));

/** The segment of connections that comes after `before` such segments. */
function pairsAsSegment(dir: string, pairs: number, before: number): Segment {
  const first = BigInt(before * 2 * pairs + 1);
  const ranges = [{ first, last: first + BigInt(2 * pairs - 1) }];
  return segmentOf(dir, shortConnections(pairs, before * pairs), ranges, { id: before + 1 });
}

test('segment after segment, the server killed in the middle again and again: every event is there once', () =>
  withDirectory(async (dir) => {
    const store = make();
    await persist('tables', () => store.start());
    const pairs = 200;
    let killing = true;
    const kills = (async () => {
      for (let kill = 0; kill < 6; kill++) {
        await pause(randomInt(50, 700), 'another moment of a delivery each time');
        await server.kill();
        await server.start();
      }
      killing = false;
    })();
    let count = 0;
    for (; killing || count < 20; count++) {
      const segment = pairsAsSegment(dir, pairs, count);
      await persist(`segment ${count + 1} in the tables`, () => store.deliver(segment));
      if (count % 10 === 0) await store.deliver(segment).catch(() => undefined);
    }
    await kills;
    const all = 2 * pairs * count;
    const tally = (await store.tally?.([{ node: 'n', epoch: 'e', first: 1n, last: BigInt(all) }])) ?? [];
    expect(tally.reduce((sum, { events, distinct }) => [(sum[0] ?? 0) + events, (sum[1] ?? 0) + distinct], [0, 0])).toEqual([all, all]);
    expect(await ask(store, 'SELECT count(), countIf(is_open) FROM connections')).toBe(`${pairs * count}\t0`);
    expect(await ask(store, 'SELECT count(), sum(count) FROM batches FINAL')).toBe(`${count}\t${all}`);
  }));

test('a server that hangs is given up and tried again; what it does in the end is not done twice', () =>
  withDirectory(async (dir) => {
    const store = make();
    const hasty = make({ placement: { database: `test_${databases}`, cluster: undefined }, timeoutMs: 1000 });
    await store.start();
    const pairs = 5000;
    for (let i = 0; i < 5; i++) {
      const segment = pairsAsSegment(dir, pairs, i);
      const delivery = hasty.deliver(segment).then(
        () => 'it is there',
        (error: Error) => error.message,
      );
      // The first delivery gets nothing done.
      if (i > 0) await pause(i * 25, 'another moment of a delivery each time');
      await server.freeze();
      expect(await orNever(delivery)).toMatch(i === 0 ? /was silent for 1000 ms/ : /it is there|was silent for 1000 ms/);
      server.thaw();
      await persist(`segment ${i + 1} in the tables`, () => store.deliver(segment));
    }
    const tally = (await store.tally?.([{ node: 'n', epoch: 'e', first: 1n, last: BigInt(10 * pairs) }])) ?? [];
    expect(tally.reduce((sum, { events, distinct }) => [(sum[0] ?? 0) + events, (sum[1] ?? 0) + distinct], [0, 0])).toEqual([
      10 * pairs,
      10 * pairs,
    ]);
  }));

test('a segment that is not what it says is refused for good and leaves nothing', () =>
  withDirectory(async (dir) => {
    const store = make(SHARED);
    await store.start();
    const events = shortConnections(10);
    const short = segmentOf(dir, events.slice(0, 19), [{ first: 1n, last: 20n }], { node: 'wrong', count: 20 });
    await expect(store.deliver(short)).rejects.toBeInstanceOf(SinkRejection);
    const torn = segmentOf(dir, events, [{ first: 1n, last: 20n }], { node: 'wrong', id: 2 });
    writeFileSync(torn.path, Buffer.concat(events).subarray(0, -5));
    await expect(store.deliver(torn)).rejects.toBeInstanceOf(SinkRejection);
    const left = "SELECT (SELECT count() FROM conn_events WHERE node = 'wrong'), (SELECT count() FROM batches WHERE node = 'wrong')";
    expect(await ask(store, left)).toBe('0\t0');
  }));

test('tables that somebody changed get nothing', async () => {
  const store = make();
  const database = `test_${databases}`;
  await store.start();
  for (const [change, said, undo] of [
    [
      'ALTER TABLE DB.conn_events MODIFY COLUMN flags UInt64',
      'column flags of table DB.conn_events is UInt64 and should be UInt32',
      'ALTER TABLE DB.conn_events MODIFY COLUMN flags UInt32',
    ],
    [
      'ALTER TABLE DB.control_events DROP COLUMN parent_pid',
      'table DB.control_events has no column parent_pid',
      'ALTER TABLE DB.control_events ADD COLUMN parent_pid UInt32',
    ],
    ['DROP VIEW DB.connections', 'there is no DB.connections', 'SELECT 1'],
    ['DROP TABLE DB.batches', 'there is no DB.batches', 'SELECT 1'],
  ] as const) {
    await command(change.replaceAll('DB', database));
    expect(await sentence(store.start())).toBe(
      `The tables were changed by somebody: ${said.replaceAll('DB', database)}; nothing is inserted until that is put right, or until clickhouse.database is another than ${database}.`,
    );
    expect(store.status().lastError).toMatch(/changed by somebody/);
    await command(undo.replaceAll('DB', database));
  }
});

test('a column that somebody added does no harm', () =>
  withDirectory(async (dir) => {
    const store = make();
    await store.start();
    await command(`ALTER TABLE test_${databases}.conn_events ADD COLUMN mine String DEFAULT 'x'`);
    await store.start();
    await store.deliver(segmentOf(dir, shortConnections(5), [{ first: 1n, last: 10n }]));
    expect(await ask(store, 'SELECT count(), max(mine) FROM conn_events')).toBe('10\tx');
  }));

test('tables of a newer vslog are left alone', async () => {
  const store = make();
  await store.start();
  await command(`INSERT INTO test_${databases}.schema_migrations (version, name, sha256) VALUES (999, 'x', 'y')`);
  expect(await sentence(store.start())).toMatch(/^The store's tables were made by a newer vslog \(migration 999, .*\.$/);
});

test('several collectors that start at one time make the tables once', async () => {
  const first = make();
  const placement = { database: `test_${databases}`, cluster: undefined };
  const all = [first, ...[1, 2, 3].map(() => make({ placement }))];
  await Promise.all(all.map((store) => persist('tables', () => store.start())));
  expect(await ask(first, "SELECT count() = max(version), countIf(name = '001_events.sql') FROM schema_migrations")).toBe('1\t1');
  expect(await ask(first, 'EXISTS TABLE schema_lock')).toBe('0');
});

test('questions only read', async () => {
  const store = make(SHARED);
  await store.start();
  for (const sql of [
    'DROP TABLE conn_events',
    "SELECT * FROM file('/etc/passwd')",
    'SET readonly = 0',
    'SELECT 1 SETTINGS readonly = 0',
    "INSERT INTO conn_events (node) VALUES ('x')",
  ])
    expect(await sentence(store.query(sql, { format: 'TSV' })), sql).toMatch(/^(Only SELECT|"file"|SETTINGS).*\.$/);
  expect(Buffer.from(await store.query('SELECT 1 AS x', { format: 'JSONEachRow' })).toString()).toBe('{"x":1}\n');
  expect(await sentence(store.query('SELECT nothing', { format: 'TSV' }))).toMatch(
    /^Unknown expression identifier .*\(ClickHouse 47, UNKNOWN_IDENTIFIER\)\.$/,
  );
});

test('a wrong password, nobody there, a name without address: one sentence each', async () => {
  expect(await sentence(make({ password: 'wrong' }).start())).toBe(
    `The ClickHouse server at ${server.url} does not let user writer in: check clickhouse.user and clickhouse.password_file.`,
  );
  expect(await sentence(make({ url: 'http://127.0.0.1:1' }).start())).toBe(
    'The ClickHouse server at http://127.0.0.1:1 cannot be reached: nobody listens there.',
  );
  expect(await sentence(make({ url: 'http://clickhouse.invalid:8123' }).start())).toMatch(
    /^The ClickHouse server at .* cannot be reached: its name has no address \(\w+\)\.$/,
  );
  expect(await sentence(make({ url: server.url.replace('http:', 'https:') }).start())).toMatch(
    /^The ClickHouse server at https:.* cannot be reached: it does not speak TLS there: .*\.$/,
  );
});

test('the same bytes arrive as were sent', () =>
  withDirectory(async (dir) => {
    const store = make(SHARED);
    await store.start();
    const segment = segmentOf(dir, shortConnections(100), [{ first: 1n, last: 200n }], { node: 'same' });
    await store.deliver(segment);
    const rows = await ask(
      store,
      "SELECT hex(client_addr), client_port, toUnixTimestamp64Nano(time_ns), duration_ns FROM conn_events WHERE node = 'same' AND sequence IN (1, 200) ORDER BY sequence",
    );
    expect(rows).toBe(
      `00000000000000000000FFFF0A000009\t1024\t${MIDNIGHT - 100_000n}\t0\n00000000000000000000FFFF0A000009\t1123\t${MIDNIGHT + 98_500n}\t500`,
    );
    expect(await ask(store, "SELECT sha256 FROM batches WHERE node = 'same'")).toBe(
      createHash('sha256')
        .update(Buffer.concat(shortConnections(100)))
        .digest('hex'),
    );
    expect(join(dir, '1-200.pb')).toBe(segment.path);
  }));

test('by TLS: whom it trusts, and who is trusted', () =>
  withDirectory(async (dir) => {
    const certificates = makeCertificates(dir);
    const ca_cert = readFileSync(certificates.ca);
    const client = { cert: readFileSync(certificates.clientCert), key: readFileSync(certificates.clientKey) };
    const own = certificates.server;
    const plain = await tlsFront(server.port, { own });
    const elsewhere = await tlsFront(server.port, { own, host: '127.0.0.2' });
    const mutual = await tlsFront(server.port, { own, clientsOf: certificates.ca });
    const expired = await tlsFront(server.port, { own: certificates.expired });
    try {
      const store = make({ ...SHARED, url: plain.url, tls: { ca_cert } });
      await store.start();
      await store.deliver(segmentOf(dir, shortConnections(100), [{ first: 1n, last: 200n }], { node: 'tls' }));
      expect(await ask(store, "SELECT count() FROM conn_events WHERE node = 'tls'")).toBe('200');
      expect(await sentence(make({ url: plain.url }).start())).toBe(
        `The ClickHouse server at ${plain.url} cannot be trusted, since its certificate is of an unknown authority: name that in clickhouse.ca_file.`,
      );
      expect(await sentence(make({ url: elsewhere.url, tls: { ca_cert } }).start())).toMatch(
        /cannot be trusted, since its certificate is for another name: put that into clickhouse\.url\.$/,
      );
      expect(await sentence(make({ url: expired.url, tls: { ca_cert } }).start())).toMatch(
        /cannot be trusted, since its certificate has expired: renew it\.$/,
      );
      await make({ ...SHARED, url: mutual.url, tls: { ca_cert, ...client } }).start();
      expect(mutual.clients).toContain('client');
      expect(await sentence(make({ url: mutual.url, tls: { ca_cert } }).start())).toMatch(
        /asks for a certificate of ours that it trusts: give clickhouse\.cert_file and clickhouse\.key_file\.$/,
      );
    } finally {
      await Promise.all([plain.close(), elsewhere.close(), mutual.close(), expired.close()]);
    }
  }));
