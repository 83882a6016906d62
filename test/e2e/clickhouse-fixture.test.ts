import { Readable } from 'node:stream';
import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClickHouseServer } from '../support/clickhouse/server.js';
import { WAIT_MS } from '../support/patience.js';

// The server that the tests of the sink write to: it must itself be what a ClickHouse server is.
let server: ClickHouseServer;
beforeAll(async () => {
  server = await (await ClickHouseServer.make({ user: 'writer', password: 'secret' })).start();
});
afterAll(() => server.stop());

const connect = (password = 'secret') =>
  createClient({ url: server.url, username: 'writer', password, log: { level: ClickHouseLogLevel.OFF }, request_timeout: WAIT_MS });

test('tables are made, and rows come in by every way of the client, also after a kill', async () => {
  const client = connect();
  try {
    expect(await client.ping()).toMatchObject({ success: true });
    await client.command({ query: 'CREATE DATABASE d' });
    await client.command({ query: 'CREATE TABLE d.t (n UInt32, s String) ENGINE = MergeTree ORDER BY n' });
    await client.insert({ table: 'd.t', values: [{ n: 1, s: 'one' }], format: 'JSONEachRow' });
    await client.command({ query: "INSERT INTO d.t VALUES (2, 'two')" });
    const bytes = Readable.from([Buffer.from('3\tth'), Buffer.from('ree\n4\tfour\n')]);
    const { stream } = await client.exec({
      query: "INSERT INTO d.t (n, s) SELECT n, upper(s) FROM input('n UInt32, s String') WHERE n > 3 FORMAT TabSeparated",
      values: bytes,
      clickhouse_settings: { async_insert: 0, wait_end_of_query: 1, insert_deduplication_token: 'x' },
    });
    expect(await new Response(Readable.toWeb(stream) as ReadableStream).text()).toBe('');
    await server.kill();
    await expect(client.query({ query: 'SELECT 1' })).rejects.toThrow(/ECONNREFUSED|hang up|ECONNRESET/);
    await server.start();
    const rows = await (await client.query({ query: 'SELECT n, s FROM d.t ORDER BY n', format: 'JSONEachRow' })).json();
    expect(rows).toEqual([
      { n: 1, s: 'one' },
      { n: 2, s: 'two' },
      { n: 4, s: 'FOUR' },
    ]);
    await expect(client.command({ query: 'CREATE TABLE d.t (n UInt8) ENGINE = Memory' })).rejects.toMatchObject({ code: '57' });
  } finally {
    await client.close();
  }
});

test('nobody gets in with another password', async () => {
  const client = connect('wrong');
  try {
    await expect(client.query({ query: 'SELECT 1' })).rejects.toMatchObject({ code: '516', type: 'AUTHENTICATION_FAILED' });
  } finally {
    await client.close();
  }
});
