import { createServer } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { until } from '../support/patience.js';
import { freePort, listen } from '../support/ports.js';
import { NetworkNamespace } from './support/network-namespace.js';
import { unprivileged, Vslog } from './support/vslog.js';

let vslog: Vslog;
afterEach(() => vslog.clean());

test('a running collector answers ClickHouse clients', async () => {
  vslog = new Vslog();
  const port = await freePort();
  const collector = vslog.start('collect', '--clickhouse-http-listen', `127.0.0.1:${port}`);
  await collector.says(/ready: /);
  const at = `http://127.0.0.1:${port}/?query=SHOW%20TABLES`;
  expect((await fetch(at)).status).toBe(401);
  expect(await (await fetch(at, { headers: vslog.bearer() })).text()).toMatch(/conn_events/);
  const basic = `Basic ${Buffer.from(`default:${vslog.token()}`).toString('base64')}`;
  expect((await fetch(at, { headers: { authorization: basic } })).status).toBe(200);
  expect((await fetch(`${at}&password=${vslog.token()}`)).status).toBe(200);
  expect(await collector.end()).toBe(0);
});

test('vslog sql asks it, too', async () => {
  vslog = new Vslog();
  const port = await freePort();
  const listen = ['--clickhouse-http-listen', `127.0.0.1:${port}`];
  const collector = vslog.start('collect', ...listen);
  await collector.says(/ready: /);
  const url = `http://127.0.0.1:${port}`;
  const token = vslog.secret('token', `${vslog.token()}\n`);
  const [here, named, wrong, limit, nobody] = await Promise.all([
    vslog.ran('sql', '--http', url, 'SELECT 1 + 1', '--format', 'TSV'),
    vslog.ran('sql', '--http', url, '--token-file', token, '--json', 'SELECT 2 AS n'),
    vslog.ran('sql', '--http', url, 'SELECT n'),
    vslog.ran('sql', '--http', url, '--max-rows', '10', 'SELECT number FROM system.numbers'),
    vslog.ran('sql', '--http', 'http://127.0.0.1:1', 'SELECT 1'),
  ]);
  expect(here).toEqual({ code: 0, out: 'plus(1, 1)\n2\n', err: '' });
  expect(JSON.parse(named.out)).toEqual([{ n: 2 }]);
  expect([wrong.code, wrong.err]).toEqual([
    1,
    expect.stringMatching(/^vslog: .*\(ClickHouse 47, UNKNOWN_IDENTIFIER\)\n {2}SELECT n\n {9}\^\n$/),
  ]);
  expect([limit.code, limit.err]).toEqual([1, expect.stringMatching(/raise --max-rows/)]);
  expect([nobody.code, nobody.err]).toEqual([3, 'vslog: http://127.0.0.1:1 cannot be asked: nobody listens there.\n']);
  expect(await collector.end()).toBe(0);
});

test('an address that is taken is an end with a sentence when it was asked for', async () => {
  vslog = new Vslog();
  const other = createServer();
  const port = await listen(other);
  try {
    const { code, err } = vslog.run('collect', '--clickhouse-http-listen', `127.0.0.1:${port}`);
    expect(code).toBe(1);
    expect(err).toMatch(/^vslog: 127\.0\.0\.1:\d+ cannot be listened at for ClickHouse clients: it is in use; choose another[^\n]*\.\n$/);
  } finally {
    other.close();
  }
});

test('a default address that is taken is told, and the collector goes on without', async () => {
  // In a network of its own, where nobody else has it.
  const namespace = await NetworkNamespace.make({ as: unprivileged() });
  vslog = new Vslog(namespace, { VSLOG_CLICKHOUSE_HTTP_LISTEN: undefined });
  try {
    namespace.start('socat', 'TCP4-LISTEN:8123,bind=127.0.0.1', 'PIPE');
    await until('somebody at port 8123', () => namespace.procNet('tcp').includes('0100007F:1FBB '));
    const collector = vslog.start('collect');
    await collector.says(/127\.0\.0\.1:8123 cannot be listened at for ClickHouse clients: it is in use; .*The collector goes on without\./);
    await collector.says(/ready: /);
    expect(await collector.end()).toBe(0);
  } finally {
    vslog.clean();
    await namespace.end();
  }
});

test.each([
  [['--clickhouse-http-listen', '0.0.0.0:8123'], /which others can reach: name a clickhouse_http\.password_file/],
  [['--clickhouse-http-listen', 'nowhere'], /clickhouse_http\.listen is "nowhere": it must be like 127\.0\.0\.1:8123/],
  [
    ['--clickhouse-http-listen', '127.0.0.1:8123', '--clickhouse-http-password-file', '/nonexistent'],
    /password_file names \/nonexistent, but there is no such file\./,
  ],
  [['--clickhouse-url', 'server:9000'], /clickhouse\.url is "server:9000": it must be like http:\/\/HOST:8123/],
  [['--clickhouse-database', 'a b'], /clickhouse\.database is "a b": it must be letters/],
])('%j is refused in a sentence', (flags, sentence) => {
  vslog = new Vslog();
  const { code, err } = vslog.run('collect', ...flags);
  expect([code, err]).toEqual([2, expect.stringMatching(sentence)]);
  expect(err.trim().split('\n')).toHaveLength(1);
});

test('others can reach it with a password', async () => {
  vslog = new Vslog();
  const port = await freePort();
  const file = vslog.secret('password', 'secret\n');
  const flags = [
    '--clickhouse-http-listen',
    `0.0.0.0:${port}`,
    '--clickhouse-http-password-file',
    file,
    '--clickhouse-http-user',
    'grafana',
  ];
  const collector = vslog.start('collect', ...flags);
  await collector.says(/ready: /);
  const at = `http://127.0.0.1:${port}/?query=SELECT%201`;
  expect((await fetch(at)).status).toBe(401);
  expect((await fetch(at, { headers: { 'X-ClickHouse-User': 'grafana', 'X-ClickHouse-Key': 'secret' } })).status).toBe(200);
  expect((await fetch(at, { headers: { 'X-ClickHouse-User': 'grafana', 'X-ClickHouse-Key': vslog.token() } })).status).toBe(200);
  expect(await collector.end()).toBe(0);
});
