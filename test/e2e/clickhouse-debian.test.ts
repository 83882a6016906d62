import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ServerClient } from '../../src/store/server/client.js';
import type { ServerOptions } from '../../src/store/server/options.js';
import { createServerStore } from '../../src/store/server/store.js';
import { DebianServer } from '../support/clickhouse/debian-server.js';
import { pause, until, WAIT_MS } from '../support/patience.js';

// A real server and a real network, though too old for our tables: what the connection does when the other side does not do its part.
let server: DebianServer;
const clients: ServerClient[] = [];
const optionsFor = (more: Partial<ServerOptions> = {}): ServerOptions => ({
  url: server.url,
  user: 'vslog',
  password: 'secret',
  placement: { database: 'vslog', cluster: undefined },
  timeoutMs: WAIT_MS,
  gzip: false,
  ...more,
});
function connect(more: Partial<ServerOptions> = {}): ServerClient {
  const client = new ServerClient(optionsFor(more));
  clients.push(client);
  return client;
}
const sentence = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'it worked',
    (error: unknown) => (error as Error).message,
  );

beforeAll(async () => {
  server = await (await DebianServer.make()).start();
  await connect().ask('CREATE DATABASE d', {});
});
beforeEach(async () => {
  await connect().ask('DROP TABLE IF EXISTS d.t', {});
  await connect().ask('CREATE TABLE d.t (n UInt64) ENGINE = MergeTree ORDER BY n', {});
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await server.stop();
});

const PART = 20_000;
const part = (first: number, count = PART): Buffer => Buffer.from(Array.from({ length: count }, (_, i) => `${first + i}\n`).join(''));

/** Rows 0 to `count` - 1. */
function rows(count: number): Readable {
  function* parts(): Generator<Buffer> {
    for (let at = 0; at < count; at += PART) yield part(at, Math.min(PART, count - at));
  }
  return Readable.from(parts(), { objectMode: false });
}

/** Rows from 0 on, slowly, until stop(), which tells how many. The server begins with a query when it has a megabyte of it. */
function goingOn(): { readonly rows: Readable; stop(): void; sent: number } {
  let going = true;
  async function* parts(): AsyncGenerator<Buffer> {
    for (; going; stream.sent += PART) {
      yield part(stream.sent);
      await pause(20, 'a server that is asked meanwhile shall not drown in rows');
    }
  }
  const stream = {
    rows: Readable.from(parts(), { objectMode: false }),
    stop: (): void => {
      going = false;
    },
    sent: 0,
  };
  return stream;
}
const INSERT = 'INSERT INTO d.t FORMAT TabSeparated';
const counted = (client: ServerClient): Promise<string> =>
  client.ask('SELECT count(), uniqExact(n) FROM d.t', {}).then((bytes) => bytes.toString().trim());

const running = async (client: ServerClient, which: string): Promise<number> =>
  Number((await client.ask(`SELECT count() FROM system.processes WHERE ${which}`, {})).toString());
const answers = (client: ServerClient): Promise<boolean> =>
  client.text('SELECT 1').then(
    (text) => text === '1',
    () => false,
  );

test('it is told to be too old, and nothing is made there', async () => {
  const store = createServerStore(optionsFor());
  try {
    expect(await sentence(store.start())).toBe(
      `The ClickHouse server at ${server.url} is version 18.16.1, which is too old: it must be at least 25.6.`,
    );
    expect(await store.check()).toMatchObject({ version: null, tables: 'wrong', problem: expect.stringMatching(/too old/) });
    expect((await connect().ask("SELECT count() FROM system.databases WHERE name = 'vslog'", {})).toString()).toBe('0\n');
  } finally {
    await store.close();
  }
});

test('a wrong password and a user who may only read: one sentence each', async () => {
  expect(await sentence(connect({ password: 'wrong' }).text('SELECT 1'))).toBe(
    `The ClickHouse server at ${server.url} does not let user vslog in: check clickhouse.user and clickhouse.password_file.`,
  );
  expect(await sentence(connect({ user: 'nobody' }).text('SELECT 1'))).toMatch(/does not let user nobody in/);
  expect(await sentence(connect({ user: 'reader' }).ask('CREATE DATABASE e', {}))).toMatch(
    /^User reader may not do what is needed at http:[^;]*; grant it, or have the tables made by somebody who may \("vslog sink clickhouse ddl"\): .*readonly mode \(ClickHouse 164\)\.$/,
  );
  expect(await sentence(connect({ user: 'reader' }).send(INSERT, rows(10), 'r', {}))).toMatch(/^User reader may not/);
});

test.each([false, true])('a stream of rows arrives whole (compressed: %s)', async (gzip) => {
  const client = connect({ gzip });
  await client.send(INSERT, rows(200_000), 'whole', gzip ? { enable_http_compression: 1 } : {});
  expect(await counted(client)).toBe('200000\t200000');
});

test('killed in the middle of an insert, it is told so, and the same connection’s client goes on after its restart', async () => {
  const client = connect();
  for (let round = 0; round < 3; round++) {
    const sending = sentence(client.send(INSERT, goingOn().rows, `killed-${round}`, {}));
    await until('an insert that runs', async () => (await running(client, "query LIKE 'INSERT INTO d.t%'")) === 1);
    await server.kill();
    expect(await sending).toMatch(
      /^The ClickHouse server at .* (ended the connection before it had answered|cannot be reached: nobody listens there)\.$/,
    );
    expect(await sentence(client.text('SELECT 1'))).toMatch(
      /^The ClickHouse server at .* (ended the connection before it had answered|cannot be reached: nobody listens there)\.$/,
    );
    await server.start();
    await until('an answer', () => answers(client));
  }
  await client.ask('DROP TABLE d.t', {});
  await client.ask('CREATE TABLE d.t (n UInt64) ENGINE = MergeTree ORDER BY n', {});
  await client.send(INSERT, rows(5000), 'after', {});
  expect(await counted(client)).toBe('5000\t5000');
});

test('frozen, it is given up after the time-out, and asked again when it lives', async () => {
  const client = connect({ timeoutMs: 1000 });
  await until('an answer', () => answers(client));
  await server.freeze();
  try {
    expect(await sentence(client.text('SELECT 2'))).toBe(
      `The ClickHouse server at ${server.url} was silent for 1000 ms: it hangs, or clickhouse.timeout is too short.`,
    );
    expect(await sentence(client.send(INSERT, rows(10), 'frozen', {}))).toMatch(/was silent for 1000 ms/);
  } finally {
    server.thaw();
  }
  await until('an answer', () => answers(client));
});

test('an insert that still runs keeps its repetition out', async () => {
  const client = connect();
  const insert = goingOn();
  const first = client.send(INSERT, insert.rows, 'same', {});
  await until('an insert that runs', async () => (await running(client, "query_id = 'same'")) === 1);
  expect(await sentence(client.send(INSERT, rows(10), 'same', {}))).toBe(
    `The ClickHouse server at ${server.url} is still at an earlier attempt of this delivery: it is waited for.`,
  );
  insert.stop();
  await first;
  expect(await counted(client)).toBe(`${insert.sent}\t${insert.sent}`);
});

test('what it refuses is told in its words', async () => {
  const client = connect();
  expect(await sentence(client.send('INSERT INTO d.nothing FORMAT TabSeparated', rows(10), 'x', {}))).toMatch(
    /^Table d\.nothing doesn't exist.*\(ClickHouse 60\)\.$/,
  );
  expect(await sentence(client.send(INSERT, Readable.from([Buffer.from('no number\n')]), 'y', {}))).toMatch(
    /^Cannot parse.*\(ClickHouse 27\)\.$/s,
  );
});
