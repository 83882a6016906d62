import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EmbeddedBackend } from '../../src/clickhouse-http/embedded-backend.js';
import { ClickHouseHttpServer } from '../../src/clickhouse-http/server.js';
import { createEmbeddedStore, type EmbeddedStore } from '../../src/store/index.js';
import { sqlAccess } from '../support/guards.js';
import { until, WAIT_MS } from '../support/patience.js';
import { segmentOf, shortConnections } from './store-segments.js';

const PAIRS = 50;
/** Longest time of a query, s: longer than one takes on any machine. */
const LIMIT_S = 3600;
const dir = mkdtempSync(join(tmpdir(), 'vslog-http-'));
let store: EmbeddedStore;
let server: ClickHouseHttpServer;
let url = '';

beforeAll(async () => {
  store = createEmbeddedStore({ dir: join(dir, 'ch'), maxQuerySeconds: LIMIT_S });
  await store.deliver(segmentOf(dir, shortConnections(PAIRS), [{ first: 1n, last: BigInt(2 * PAIRS) }]));
  server = new ClickHouseHttpServer({ backend: new EmbeddedBackend(store), access: sqlAccess() });
  const port = await server.listen(0, '127.0.0.1');
  url = `http://127.0.0.1:${port}`;
});

afterAll(async () => {
  await server.close();
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

const get = (parameters: Record<string, string>, init: RequestInit = {}): Promise<Response> =>
  fetch(`${url}/?${new URLSearchParams(parameters)}`, init);
const post = (body: string, parameters: Record<string, string> = {}): Promise<Response> =>
  fetch(`${url}/?${new URLSearchParams(parameters)}`, { method: 'POST', body });
const client = () => createClient({ url, log: { level: ClickHouseLogLevel.OFF }, request_timeout: WAIT_MS });

async function withClient<T>(action: (one: ReturnType<typeof client>) => Promise<T>): Promise<T> {
  const one = client();
  try {
    return await action(one);
  } finally {
    await one.close();
  }
}

test('health checks, and what there is not', async () => {
  for (const path of ['/ping', '/replicas_status', '/']) {
    const answer = await fetch(url + path);
    expect([answer.status, await answer.text(), answer.headers.get('connection')]).toEqual([200, 'Ok.\n', 'keep-alive']);
  }
  expect((await fetch(`${url}/play`)).status).toBe(404);
  expect((await fetch(url, { method: 'DELETE' })).status).toBe(405);
  expect((await fetch(`${url}/ping`, { method: 'HEAD' })).headers.get('content-length')).toBe('4');
});

test('a query comes as a parameter, as a body, or as both', async () => {
  expect(await (await get({ query: 'SELECT count() FROM conn_events' })).text()).toBe(`${2 * PAIRS}\n`);
  expect(await (await post('SELECT count() FROM vslog.conn_events')).text()).toBe(`${2 * PAIRS}\n`);
  expect(await (await post('FROM numbers(3)', { query: 'SELECT sum(number)' })).text()).toBe('3\n');
  const answer = await get({ query: "SELECT 1 AS one, 'x' AS text", default_format: 'JSONEachRow', query_id: 'mine' });
  expect(await answer.json()).toEqual({ one: 1, text: 'x' });
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    'x-clickhouse-format': 'JSONEachRow',
    'x-clickhouse-query-id': 'mine',
    'x-clickhouse-timezone': expect.stringMatching(/^[A-Za-z]/),
    'x-clickhouse-server-display-name': expect.stringMatching(/./),
    'x-clickhouse-summary': expect.stringMatching(/"result_rows":"1"/),
    'content-type': 'application/x-ndjson; charset=UTF-8',
    connection: 'keep-alive',
  });
  const formatted = await get({ query: 'SELECT 1 FORMAT CSV', default_format: 'JSON' });
  expect([formatted.headers.get('x-clickhouse-format'), await formatted.text()]).toEqual(['CSV', '1\n']);
  const byHeader = await get(
    { query: 'SELECT 1 AS x' },
    { headers: { 'X-ClickHouse-Format': 'TSVWithNames', 'X-ClickHouse-Database': 'system' } },
  );
  expect(await byHeader.text()).toBe('x\n1\n');
  const head = await get({ query: 'SELECT 1' }, { method: 'HEAD' });
  expect([head.status, head.headers.get('x-clickhouse-format'), await head.text()]).toEqual([200, 'TabSeparated', '']);
  for (const query of ['SHOW TABLES', 'DESCRIBE connections', 'EXPLAIN SELECT 1', 'EXPLAIN AST SELECT 1', 'EXISTS TABLE batches'])
    expect((await (await get({ query })).text()).length, query).toBeGreaterThan(1);
});

test('parameters are values and never SQL', async () => {
  const value = "it's `\\`; DROP";
  const answer = await get({
    query: 'SELECT {text:String}, {n:UInt8} + 1, {list:Array(UInt8)}',
    param_text: 'a\\tb',
    param_n: '4',
    param_list: '[1,2]',
  });
  expect(await answer.text()).toBe('a\\tb\t5\t[1,2]\n');
  await withClient(async (one) => {
    const rows = await one.query({
      query: 'SELECT {text:String} AS text, count() AS n FROM {table:Identifier} WHERE real_port = {port:UInt32}',
      query_params: { text: value, table: 'conn_events', port: 0 },
      format: 'JSONEachRow',
    });
    expect(await rows.json()).toEqual([{ text: value, n: 2 * PAIRS }]);
    const long = await one.query({
      query: 'SELECT length({text:String}) AS n',
      query_params: { text: 'x'.repeat(200_000) },
      use_multipart_params: true,
    });
    expect(await long.json()).toMatchObject({ data: [{ n: 200_000 }] });
  });
});

test("the client's own calls: ping, query in several formats, stream, exec, abort", async () => {
  await withClient(async (one) => {
    expect(await one.ping()).toEqual({ success: true });
    expect(await one.ping({ select: true })).toEqual({ success: true });
    const query = 'SELECT number AS n FROM numbers(3)';
    expect(await (await one.query({ query, format: 'JSON' })).json()).toMatchObject({ rows: 3, meta: [{ name: 'n', type: 'UInt64' }] });
    expect(await (await one.query({ query, format: 'JSONCompactEachRow' })).json()).toEqual(
      [['0'], ['1'], ['2']].map(([n]) => [Number(n)]),
    );
    expect(await (await one.query({ query, format: 'CSVWithNames' })).text()).toBe('"n"\n0\n1\n2\n');
    let rows = 0;
    const large = await one.query({ query: 'SELECT number FROM numbers(500000)', format: 'JSONEachRow' });
    for await (const chunk of large.stream()) rows += chunk.length;
    expect(rows).toBe(500_000);
    const { stream } = await one.exec({ query: "SELECT 'a', 2 FORMAT TabSeparated" });
    let text = '';
    for await (const chunk of stream) text += String(chunk);
    expect(text).toBe('a\t2\n');
    await expect(one.query({ query: 'SELECT nothing' })).rejects.toMatchObject({ code: '47', type: 'UNKNOWN_IDENTIFIER' });
    await expect(one.command({ query: 'DROP TABLE conn_events' })).rejects.toMatchObject({ code: '164', type: 'READONLY' });
    await expect(one.insert({ table: 'conn_events', values: [{ node: 'x' }], format: 'JSONEachRow' })).rejects.toMatchObject({
      code: '164',
    });
  });
});

const ENDLESS = 'SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 4711';
/** How many of it run. */
const endless = async (): Promise<number> => {
  const query = "SELECT count() FROM system.processes WHERE query LIKE '%sipHash64(number) = 4711%' AND query NOT LIKE '%processes%'";
  return Number(await (await get({ query })).text());
};

test('a query whose client went away ends', async () => {
  await withClient(async (one) => {
    const abort = new AbortController();
    const asked = one.query({ query: ENDLESS, abort_signal: abort.signal });
    const failed = expect(asked).rejects.toThrow(/abort/);
    await until('a query that runs', async () => (await endless()) === 1);
    abort.abort();
    await failed;
    await until('the end of the query', async () => (await endless()) === 0);
  });
  await until('no file of an answer', () => readdirSync(join(dir, 'ch', 'answers')).every((name) => name.startsWith('pipe-')));
});

test('answers are compressed when they are asked to be', async () => {
  const query = 'SELECT number FROM numbers(20000)';
  const raw = await new Promise<{ encoding: string | undefined; body: Buffer }>((resolve, reject) => {
    request(
      `${url}/?${new URLSearchParams({ query, enable_http_compression: '1' })}`,
      { headers: { 'Accept-Encoding': 'gzip' } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => resolve({ encoding: response.headers['content-encoding'], body: Buffer.concat(chunks) }));
      },
    )
      .on('error', reject)
      .end();
  });
  expect(raw.encoding).toBe('gzip');
  expect(gunzipSync(raw.body).toString().split('\n')).toHaveLength(20_001);
  // fetch() offers gzip by itself; without the setting nothing is compressed.
  expect((await get({ query })).headers.get('content-encoding')).toBeNull();
  expect((await get({ query, enable_http_compression: '1' })).headers.get('content-encoding')).toBe('gzip');
  const compressed = createClient({ url, compression: { response: true, request: true } });
  try {
    expect(await (await compressed.query({ query: 'SELECT 7 AS x', format: 'JSONEachRow' })).json()).toEqual([{ x: 7 }]);
  } finally {
    await compressed.close();
  }
});

test('settings that shape the answer are taken, and limits can only be lowered', async () => {
  const value = async (settings: Record<string, string>, name: string): Promise<string> =>
    (await (await get({ query: `SELECT value FROM system.settings WHERE name = '${name}'`, ...settings })).text()).trim();
  const quoted = await get({
    query: 'SELECT toUInt64(1) AS x',
    default_format: 'JSONEachRow',
    output_format_json_quote_64bit_integers: '1',
  });
  expect(await quoted.text()).toBe('{"x":"1"}\n');
  expect(await value({ max_threads: '1' }, 'max_threads')).toBe('1');
  expect(await value({}, 'max_execution_time')).toBe(String(LIMIT_S));
  expect(await value({ max_execution_time: '3000' }, 'max_execution_time')).toBe('3000');
  expect(await value({ max_execution_time: '0' }, 'max_execution_time')).toBe(String(LIMIT_S));
  expect(await value({ max_execution_time: '4000' }, 'max_execution_time')).toBe(String(LIMIT_S));
  expect(await value({ readonly: '2', wait_end_of_query: '1' }, 'readonly')).toBe('1');
  const slow = await get({ query: 'SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1', max_execution_time: '1' });
  expect([slow.status, slow.headers.get('x-clickhouse-exception-code')]).toEqual([408, '159']);
});

const out = join(dir, 'outfile');
test.each<[string, Record<string, string>, number, string]>([
  ['a table is not dropped', { query: 'DROP TABLE conn_events' }, 500, '164'],
  ['nothing is inserted', { query: 'INSERT INTO conn_events (node) VALUES (1)' }, 500, '164'],
  ['nothing is set', { query: 'SET readonly=0' }, 500, '164'],
  ['nothing is set in a statement', { query: 'SELECT 1 SETTINGS readonly=0' }, 500, '164'],
  ['nothing is set by a parameter', { query: 'SELECT 1', readonly: '0' }, 500, '164'],
  ['no setting that names a file', { query: 'SELECT 1', format_schema: '/etc/passwd' }, 500, '164'],
  ['no setting that writes a file', { query: 'SELECT 1', output_format_schema: out }, 500, '164'],
  ['no template from a file', { query: 'SELECT 1', format_template_resultset: '/etc/passwd' }, 500, '164'],
  ['no setting that opens more', { query: 'SELECT 1', allow_introspection_functions: '1' }, 500, '164'],
  ['no setting that there is not', { query: 'SELECT 1', nonsense: '1' }, 500, '164'],
  ['no other name of a setting', { query: 'SELECT 1', 'max_threads`=1, `readonly': '0' }, 404, '115'],
  ['no files', { query: "SELECT * FROM file('/etc/passwd', 'LineAsString')" }, 500, '164'],
  ['no urls', { query: "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')" }, 500, '164'],
  ['no outfile', { query: `SELECT 1 INTO OUTFILE '${out}'` }, 500, '164'],
  ['no file by a table name', { query: 'SELECT * FROM `/etc/passwd`' }, 404, '60'],
  ['no file by a parameter', { query: 'SELECT * FROM {t:Identifier}', param_t: '/etc/passwd' }, 404, '60'],
  ['no other database', { query: 'SELECT 1', database: '/etc' }, 404, '81'],
  ['no second statement', { query: 'SELECT 1; DROP TABLE conn_events' }, 400, '62'],
  ['no unknown format', { query: 'SELECT 1', default_format: 'Nonsense' }, 404, '73'],
  ['no other name of a format', { query: 'SELECT 1', default_format: "CSV INTO OUTFILE 'x'" }, 404, '73'],
  ['a missing parameter is named', { query: 'SELECT {x:String}' }, 500, '456'],
  ['no empty query', { query: ' ' }, 400, '62'],
  ["no block compression of ClickHouse's own", { query: 'SELECT 1', compress: '1' }, 501, '48'],
])('%s', async (_what, parameters, status, code) => {
  const answer = await get(parameters);
  const text = await answer.text();
  expect([answer.status, answer.headers.get('x-clickhouse-exception-code')], text).toEqual([status, code]);
  expect(text).toMatch(new RegExp(`^Code: ${code}\\. DB::Exception: [^]+ \\([A-Z_]+\\) \\(version \\d+\\.[^)]+\\(vslog\\)\\)\n$`));
  expect(text).not.toMatch(/root:/);
  expect(existsSync(out)).toBe(false);
});

test('a body that is too large is refused, however much too large, and the next request is answered', async () => {
  const huge = await post(`SELECT '${'x'.repeat(30 * 1024 * 1024)}'`);
  expect([huge.status, huge.headers.get('x-clickhouse-exception-code')]).toEqual([413, '229']);
  const answer = await post(`SELECT '${'x'.repeat(1024 * 1024)}'`);
  expect([answer.status, answer.headers.get('x-clickhouse-exception-code')]).toEqual([413, '229']);
  expect((await fetch(`${url}/ping`)).status).toBe(200);
});

/** A request with headers that fetch() would not let us send. */
function raw(
  headers: Record<string, string>,
  path = '/?query=SELECT%201',
): Promise<{ status: number; cors: string | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    request(url + path, { headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, cors: response.headers['access-control-allow-origin'], text }));
    })
      .on('error', reject)
      .end();
  });
}

test('pages of other sites get nothing, by whatever name', async () => {
  for (const headers of [
    { Host: 'evil.example' },
    { Host: 'evil.example:8123' },
    { Origin: 'http://evil.example' },
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'same-site' },
  ]) {
    const answer = await raw(headers as Record<string, string>);
    expect([answer.status, answer.cors]).toEqual([403, undefined]);
    expect(answer.text).toMatch(/^[^\n]+\.\n$/);
  }
  for (const host of ['localhost', 'localhost:1', '127.0.0.1', '127.9.9.9:8123', '[::1]:8123', 'LOCALHOST'])
    expect([host, (await raw({ Host: host })).status]).toEqual([host, 200]);
});

test('with a password nobody gets in without it', async () => {
  const guarded = new ClickHouseHttpServer({
    backend: new EmbeddedBackend(store),
    access: sqlAccess({ user: 'reader', password: 'pass:word' }),
  });
  const port = await guarded.listen(0, '127.0.0.1');
  const at = `http://127.0.0.1:${port}/?query=SELECT%201`;
  const status = async (headers: Record<string, string>, more = ''): Promise<number> => (await fetch(at + more, { headers })).status;
  const basic = (text: string) => ({ Authorization: `Basic ${Buffer.from(text).toString('base64')}` });
  try {
    expect(await status({ 'X-ClickHouse-User': 'reader', 'X-ClickHouse-Key': 'pass:word' })).toBe(200);
    expect(await status(basic('reader:pass:word'))).toBe(200);
    expect(await status({}, '&user=reader&password=pass%3Aword')).toBe(200);
    expect(await status({})).toBe(401);
    expect(await status(basic('reader:wrong'))).toBe(403);
    expect(await status(basic('default:pass:word'))).toBe(403);
    expect(await status({ 'X-ClickHouse-Key': 'pass:word' })).toBe(403);
    expect(await status({ Authorization: 'Bearer x' })).toBe(403);
    expect(await status({ ...basic('reader:pass:word'), 'X-ClickHouse-User': 'reader' })).toBe(403);
    const answer = await fetch(at);
    expect(await answer.text()).toMatch(/^Code: 194\. DB::Exception: default: Authentication failed: a password is asked for/);
    expect(answer.headers.get('www-authenticate')).toMatch(/^Basic /);
    expect((await fetch(`http://127.0.0.1:${port}/ping`)).status).toBe(200);
  } finally {
    await guarded.close();
  }
});

test('more queries than may run at one time are told to come again', async () => {
  const narrow = new ClickHouseHttpServer({ backend: new EmbeddedBackend(store), access: sqlAccess(), maxQueries: 2 });
  const port = await narrow.listen(0, '127.0.0.1');
  const ask = (query: string, signal?: AbortSignal): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}/?${new URLSearchParams({ query })}`, signal === undefined ? {} : { signal });
  try {
    const abort = new AbortController();
    const two = [1, 2].map(() => expect(ask(ENDLESS, abort.signal)).rejects.toThrow(/abort/));
    await until('two queries that run', async () => (await endless()) === 2);
    const third = await ask('SELECT 1');
    expect([third.status, third.headers.get('x-clickhouse-exception-code')]).toEqual([503, '202']);
    abort.abort();
    await Promise.all(two);
    await until('room for a query', async () => (await ask('SELECT 1')).status === 200);
  } finally {
    await narrow.close();
  }
});

test('clients of newer revisions get format Native as they know it', async () => {
  // One row: one block, whatever parts and threads it comes from.
  const query = 'SELECT * FROM connections ORDER BY conn_id LIMIT 1';
  const native = async (more: Record<string, string>): Promise<Buffer> =>
    Buffer.from(await (await get({ query, default_format: 'Native', ...more })).arrayBuffer());
  const columns = Object.keys((await (await get({ query, default_format: 'JSONEachRow' })).json()) as object).length;
  const [old, now] = [await native({}), await native({ client_protocol_version: '54460' })];
  expect(columns).toBeGreaterThan(30);
  expect(now.subarray(0, 8)).toEqual(Buffer.from([1, 0, 2, 255, 255, 255, 255, 0]));
  expect([now[8], now[9]]).toEqual([columns, 1]);
  // One block: what it begins with, and a byte a column.
  expect(now.length).toBe(old.length + 8 + columns);
});

test('curl', async () => {
  const curl = promisify(execFile);
  const { stdout } = await curl('curl', ['-sS', url, '--data-binary', 'SELECT count() FROM connections FORMAT TSV']);
  expect(stdout).toBe(`${PAIRS}\n`);
  const wrong = await curl('curl', ['-sS', '-w', '%{http_code}', `${url}/?query=SELECT+nothing`]);
  expect(wrong.stdout).toMatch(/^Code: 47\. DB::Exception: .*UNKNOWN_IDENTIFIER.*\n404$/s);
});
