import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ClickHouseServer } from '../support/clickhouse/server.js';
import { expectDocument } from '../support/documents.js';
import { until } from '../support/patience.js';
import { Vslog } from './support/vslog.js';

let server: ClickHouseServer;
let vslog: Vslog;
const USER = { user: 'vslog', password: 'secret' };
beforeAll(async () => {
  server = await (await ClickHouseServer.make(USER)).start();
});
afterEach(() => vslog.clean());
afterAll(() => server.stop());

/** A clean end lets the stores have everything, however slow they are. */
const SCRIPTED = ['--source', 'scripted', '--scripted-rate', '500', '--drain', '1h'];

function serverFlags(database: string): string[] {
  const file = vslog.secret('password', `${USER.password}\n`);
  return [
    '--clickhouse-url',
    server.url,
    '--clickhouse-user',
    USER.user,
    '--clickhouse-password-file',
    file,
    '--clickhouse-database',
    database,
  ];
}

async function rows(query: string): Promise<number[]> {
  const client = createClient({ url: server.url, username: USER.user, password: USER.password, log: { level: ClickHouseLogLevel.OFF } });
  try {
    const [row = []] = await (await client.query({ query, format: 'JSONCompactEachRow' })).json<(string | number)[]>();
    return row.map(Number);
  } finally {
    await client.close();
  }
}

test('a server is the store: sql, reports and verify ask it, and there is no embedded engine', async () => {
  vslog = new Vslog();
  const up = vslog.up(...SCRIPTED, '--store', 'server', ...serverFlags('only'));
  await up.says(/ready: /);
  await until('events can be asked for', () => {
    const { code, out } = vslog.run('sql', '-f', 'tsv', 'SELECT count() FROM conn_events');
    return code === 0 && Number(out.split('\n')[1]) > 1000;
  });
  const status = JSON.parse(vslog.run('status', '--json').out) as { store: object; sinks: { name: string }[] };
  expect(status.store).toEqual({ kind: 'server', dir: null, disk: null, set_aside: [] });
  expect(status.sinks.map(({ name }) => name)).toEqual(['clickhouse']);
  expect(vslog.run('report', 'changes', '--json').code).toBe(0);
  // The server has the function for networks, too.
  const network = vslog.run('sql', '-f', 'tsv', "SELECT count() > 0 FROM conn_events WHERE inNetwork(client_addr, '0.0.0.0/0')");
  expect([network.code, network.out.split('\n')[1]]).toEqual([0, '1']);
  const verification = vslog.run('verify', '--json');
  expect(JSON.parse(verification.out)).toMatchObject({ store: { checked: true, ok: true } });
  expect(await up.end()).toBe(0);
  const [count, distinct, ledger] = await rows(
    'SELECT (SELECT count() FROM only.conn_events) + (SELECT count() FROM only.control_events), (SELECT uniqExact(epoch, sequence) FROM (SELECT epoch, sequence FROM only.conn_events UNION ALL SELECT epoch, sequence FROM only.control_events)), (SELECT sum(count) FROM only.batches FINAL)',
  );
  expect([count, distinct]).toEqual([ledger, ledger]);
  expect(count).toBeGreaterThan(1000);
});

test('embedded store and server both get everything, and one that is away does not hold up the other', async () => {
  vslog = new Vslog();
  const up = vslog.up(...SCRIPTED, ...serverFlags('both'));
  await up.says(/ready: /);
  const counts = (): number => vslog.sql<{ n: string }>('SELECT count() AS n FROM conn_events').map(({ n }) => Number(n))[0] ?? 0;
  // Its tables may not be there yet.
  const onServer = async (): Promise<number> => (await rows('SELECT count() FROM both.conn_events').catch(() => []))[0] ?? 0;
  await until('both have events', async () => counts() > 500 && (await onServer()) > 500);
  await server.kill();
  const before = counts();
  await until('the embedded store goes on', () => counts() > before + 1000);
  await until('the status says why', () => {
    const { sinks } = JSON.parse(vslog.run('status', '--json').out) as { sinks: { name: string; error: string | null }[] };
    return /cannot be reached: nobody listens there/.test(sinks.find(({ name }) => name === 'clickhouse')?.error ?? '');
  });
  await server.start();
  const then = counts();
  await until('the server has caught up', async () => (await onServer()) > then);
  expect(await up.end()).toBe(0);
  // After a clean end both have all of it.
  const [there] = await rows('SELECT sum(count) FROM both.batches FINAL');
  const [copies] = await rows('SELECT (SELECT count() FROM both.conn_events) + (SELECT count() FROM both.control_events)');
  const again = vslog.start('collect');
  await again.says(/ready: /);
  const [here] = vslog.sql<{ n: string }>('SELECT sum(count) AS n FROM batches FINAL');
  expect([there, copies]).toEqual([Number(here?.n), Number(here?.n)]);
  expect(await again.end()).toBe(0);
});

test('the server as the store needs an address', () => {
  vslog = new Vslog();
  const { code, err } = vslog.run('collect', '--store', 'server');
  expect([code, err]).toEqual([
    2,
    'vslog: store.kind is server, but there is no clickhouse.url: give the address of the server, or choose another store.\n',
  ]);
});

test('sink clickhouse check says how a server is, and ddl prints what makes it ready', async () => {
  vslog = new Vslog();
  const flags = serverFlags('made');
  const check = (...more: string[]): { code: number | null; out: string; err: string } =>
    vslog.run('sink', 'clickhouse', 'check', ...flags, ...more);
  expect(check()).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^ClickHouse [\d.]+ at http:\S+: the tables are not there yet; .*\n$/),
  });
  const { out } = vslog.run('sink', 'clickhouse', 'ddl', ...flags);
  expect(out).toMatch(/^-- Made by: vslog sink clickhouse ddl --clickhouse-database made\n/);
  const client = createClient({ url: server.url, username: USER.user, password: USER.password, log: { level: ClickHouseLogLevel.OFF } });
  try {
    for (const query of out.split(/;\n/).filter((sql) => sql.trim() !== '')) await client.command({ query });
    const ready = check('--json');
    expectDocument('clickhouse-check', JSON.parse(ready.out));
    expect([ready.code, JSON.parse(ready.out)]).toMatchObject([0, { ok: true, tables: 'ready', problem: null }]);
    await client.command({ query: 'ALTER TABLE made.control_events DROP COLUMN parent_pid' });
  } finally {
    await client.close();
  }
  expect(check()).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^vslog: The tables were changed by somebody: table made\.control_events has no column parent_pid; .*\.\n$/),
  });
  expect(check('--clickhouse-url', 'http://127.0.0.1:1')).toMatchObject({
    code: 3,
    err: expect.stringMatching(/nobody listens there\.\n$/),
  });
  expect(vslog.run('sink', 'clickhouse', 'check')).toMatchObject({
    code: 2,
    err: expect.stringMatching(/^vslog: There is no ClickHouse server: give its address, clickhouse\.url/),
  });
  expect(vslog.run('sink', 'clickhouse', 'ddl', '--kafka-brokers', 'kafka')).toMatchObject({
    code: 2,
    err: expect.stringMatching(/flag --kafka-brokers: kafka\.brokers is "kafka"/),
  });
});
