import { existsSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/patience.js';
import { freePort } from '../support/ports.js';
import { Vslog } from './support/vslog.js';

const TOKEN = '0123456789abcdef-alice';
const JSON_TYPE = { 'content-type': 'application/json' };
const BEARER = { authorization: `Bearer ${TOKEN}` };

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** The path as it is: fetch() would tidy it up, and would not let Host be set. */
function bare(port: number, path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET', body = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ port, host: '127.0.0.1', path, method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    // A body that is refused half way ends the connection, perhaps before the rest of it was taken.
    asked.on('error', (error: NodeJS.ErrnoException) => (error.code === 'EPIPE' ? undefined : reject(error)));
    asked.end(body);
  });
}

describe('the console', () => {
  const vslog = new Vslog();
  let port = 0;
  const tokens = vslog.secret(
    'tokens',
    `# who may turn things\n\nalice ${TOKEN}\nbob another-token-of-16\ncarol another-token-only-to-read read\n`,
  );

  let reader: Readonly<Record<string, string>> = {};

  beforeAll(async () => {
    port = await freePort();
    const up = vslog.up(
      ...['--source', 'engine', '--load', '--load-rate', '200', '--load-connections', '1000'],
      ...['--console-listen', `127.0.0.1:${port}`, '--console-token-file', tokens],
    );
    await up.says(/ready: source/);
    reader = vslog.bearer();
    await until('rows', async () => {
      const { status, text } = await sql('SELECT count() FROM conn_events');
      return status === 200 && !text.includes('"0"');
    });
  });
  afterAll(() => vslog.clean());

  /** As somebody who may read. */
  const ask = (at: number, path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET', body = ''): Promise<Answer> =>
    bare(at, path, { ...reader, ...headers }, method, body);
  const sql = (query: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
    ask(port, '/api/sql', { 'content-type': 'text/plain', ...headers }, 'POST', query);
  const messageOf = ({ text }: Answer): string => (JSON.parse(text) as { message: string }).message;
  const set = (body: string, headers: Readonly<Record<string, string>>): Promise<Answer> => ask(port, '/api/knobs', headers, 'POST', body);
  const KNOB = JSON.stringify({ name: 'expire_nodest_conn', value: '1' });

  it('lets nothing in from elsewhere, and nothing inline', async () => {
    const { status, headers } = await ask(port, '/');
    expect(status).toBe(200);
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|\*|http/);
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer' });
    const page = (await ask(port, '/')).text;
    expect(page).not.toMatch(/<script>|\son\w+=|style=|https?:/);
    for (const path of ['/main.js', '/main.css', '/icon.svg']) expect((await ask(port, path)).status).toBe(200);
  });

  it.each([
    ['a name that leads here', { host: 'evil.example' }],
    ["somebody else's page", { origin: 'http://evil.example' }],
    ['a page without a place', { origin: 'null' }],
    ['a page on another port', { origin: 'http://127.0.0.1:1' }],
    ["a browser that says it is somebody else's", { 'sec-fetch-site': 'cross-site' }],
    ['a browser that says it is of another port', { 'sec-fetch-site': 'same-site' }],
  ])('refuses %s', async (_name, headers) => {
    for (const path of ['/', '/api/status', '/api/knobs', '/api/live']) {
      const answer = await ask(port, path, headers);
      expect(answer.status).toBe(403);
      expect(messageOf(answer)).toMatch(/\.$/);
    }
    expect((await sql('SELECT 1', headers)).status).toBe(403);
    expect((await set(KNOB, { ...headers, ...JSON_TYPE, ...BEARER })).status).toBe(403);
  });

  it("lets a link on somebody else's page open one of ours, and nothing else", async () => {
    const followed = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
    expect((await ask(port, '/connections?client=10.0.0.1', followed)).status).toBe(200);
    expect((await ask(port, '/api/status', followed)).status).toBe(403);
    expect((await ask(port, '/x/../api/status', followed)).status).toBe(403);
    expect((await ask(port, '/', { ...followed, 'sec-fetch-dest': 'iframe' })).status).toBe(403);
    expect((await ask(port, '/', { ...followed, host: 'evil.example' })).status).toBe(403);
  });

  it('gives no report without an end', async () => {
    const answer = await ask(port, '/api/reports/who?since=1h&limit=999999999');
    expect(answer.status).toBe(400);
    expect(messageOf(answer)).toMatch(/^limit is 999999999: it may be 10000 at most/);
  });

  it.each([
    '/../../etc/passwd',
    '/..%2f..%2fetc%2fpasswd',
    '/%2e%2e/%2e%2e/package.json',
    '/page/../main.js.map',
    '//etc/passwd',
    '/main.js/../../../package.json',
    '/reports/../../x',
    '/api/reports/..%2fwho',
    '/api/nothing',
  ])('has nothing at %s', async (path) => {
    const { status, text } = await ask(port, path);
    expect(status).toBe(404);
    expect(text).not.toMatch(/root:|"dependencies"/);
  });

  it('changes nothing without a token, and says who changed what', async () => {
    const tries: [headers: Readonly<Record<string, string>>, status: number, sentence: RegExp][] = [
      [JSON_TYPE, 403, /^This token only reads/],
      [{ ...JSON_TYPE, authorization: 'Bearer wrong' }, 401, /^This token is none of ours/],
      [{ ...JSON_TYPE, authorization: `Bearer ${TOKEN.slice(0, -1)}` }, 401, /^This token is none of ours/],
      [{ ...JSON_TYPE, authorization: 'Bearer another-token-only-to-read' }, 403, /^This token only reads/],
    ];
    for (const [headers, status, sentence] of tries) {
      // As a page asks: a browser would ask for a password of its own.
      const answer = await set(KNOB, { ...headers, 'sec-fetch-mode': 'cors' });
      expect([answer.status, messageOf(answer)]).toEqual([status, expect.stringMatching(sentence)]);
      expect(answer.headers['www-authenticate'] ?? '').not.toContain('Basic');
    }
    expect((await set(KNOB, { 'content-type': 'text/plain', ...BEARER })).status).toBe(415);
    expect((await set('{', { ...JSON_TYPE, ...BEARER })).status).toBe(400);
    expect((await set('[]', { ...JSON_TYPE, ...BEARER })).status).toBe(400);
    expect(messageOf(await set('{"name":"expire_nodest_conn"}', { ...JSON_TYPE, ...BEARER }))).toBe('The request lacks value.');
    expect(messageOf(await set('{"name":"expire_nodest_con","value":"1"}', { ...JSON_TYPE, ...BEARER }))).toContain(
      'do you mean expire_nodest_conn?',
    );
    expect(messageOf(await set('{"name":"expire_nodest_conn","value":"7"}', { ...JSON_TYPE, ...BEARER }))).toContain('0 or 1');
    expect((await ask(port, '/api/changes', { ...JSON_TYPE, ...BEARER }, 'POST', '{}')).status).toBe(405);
    expect((await ask(port, '/api/knobs', BEARER, 'DELETE')).status).toBe(405);
    expect(vslog.run('knob', 'get', 'expire_nodest_conn').out.trim()).toContain('0');

    expect(JSON.parse((await set(KNOB, { ...JSON_TYPE, ...BEARER })).text)).toEqual({ name: 'expire_nodest_conn', old: '0', new: '1' });
    const query = "SELECT command FROM control_events WHERE name = 'expire_nodest_conn' AND kind = 'knob_changed'";
    const [command] = await until('the record', async () => (JSON.parse((await sql(query)).text) as { data: string[][] }).data[0], {
      detail: () => `The collector says: ${vslog.run('status').out}`,
    });
    expect(command).toMatch(/^for alice@console: .*up/);
  });

  it('takes no request that is too long', async () => {
    expect((await sql(`SELECT '${'x'.repeat(300_000)}'`)).status).toBe(413);
    expect((await set('x'.repeat(300_000), { ...JSON_TYPE, ...BEARER })).status).toBe(413);
    expect((await ask(port, `/?${'x'.repeat(20_000)}`)).status).toBe(431);
    expect((await ask(port, '/api/status')).status).toBe(200);
  });

  // In a folder where the collector may write.
  const out = join(vslog.dir, 'outfile');
  it.each([
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
    "SELECT * FROM s3('http://127.0.0.1:1/b/k', 'CSV', 'a String')",
    "SELECT * FROM remote('127.0.0.1', system.one)",
    "SELECT * FROM executable('id', 'TSV', 'a String')",
    "SELECT file('/etc/passwd')",
    "SELECT 1 INTO OUTFILE 'OUT'",
    "SELECT 1 AS `x'`, file('/etc/passwd')",
    "SELECT 1 AS `x'` INTO OUTFILE 'OUT'",
    'SELECT 1 FORMAT CSV',
    "INSERT INTO conn_events (kind) VALUES ('create')",
    'DROP TABLE conn_events',
    'TRUNCATE TABLE conn_events',
    'CREATE TABLE t (a UInt8) ENGINE = Memory',
    'ALTER TABLE conn_events DELETE WHERE 1',
    'SYSTEM RELOAD CONFIG',
    'SET readonly = 0',
    'SELECT 1 SETTINGS readonly = 0',
    'SELECT 1 SETTINGS max_memory_usage = 0, max_execution_time = 0',
    'SELECT 1; SELECT 2',
  ])('does not %s', async (query) => {
    const answer = await sql(query.replace("'OUT'", () => `'${out}'`));
    expect(answer.status).toBe(400);
    expect(messageOf(answer).length).toBeGreaterThan(5);
    expect(answer.text).not.toMatch(/root:|uid=/);
    expect(existsSync(out)).toBe(false);
  });

  it.each(['users', 'named_collections', 'grants', 'quotas', 'server_settings'])('shows no secret of system.%s', async (table) => {
    const { text } = await sql(`SELECT * FROM system.${table}`);
    expect(text).not.toContain(TOKEN);
    expect(text).not.toContain('another-token-of-16');
  });

  it('does not let a query take the machine', async () => {
    // Its memory. That the time is limited, too, the unit tests say; it would take half a minute here.
    for (const query of ['SELECT groupArray(toString(number)) FROM numbers(100000000000)', "SELECT repeat('x', 10000000000)"]) {
      const answer = await sql(query);
      expect(answer.status).toBe(400);
      expect(messageOf(answer)).toMatch(/time|memory|large|long|exceed/i);
    }
    const many = JSON.parse((await sql('SELECT number FROM numbers(20000000)')).text) as { message?: string; data?: unknown[] };
    expect(many.message ?? String(many.data?.length)).toMatch(/rows|10000/);
    expect((await sql('SELECT 1')).status).toBe(200);
  });
});

describe('a console that others can reach', () => {
  const vslog = new Vslog();
  afterAll(() => vslog.clean());

  it('is refused without a token, and with a bad file', async () => {
    const refusal = async (...args: string[]): Promise<string> => {
      const { code, err } = await vslog.ran('collect', '--console-listen', '0.0.0.0:9488', ...args);
      expect({ args, code }).toEqual({ args, code: 2 });
      return err;
    };
    const cases: [content: string, sentence: string][] = [
      ['', 'which holds no token: put a line NAME TOKEN there.'],
      ['alice secret-1', 'the token in line 1 of'],
      ['al/ice secret-secret-secret', 'line 1 of'],
      ['a secret-secret-secret\na secret-secret-secret2', 'has the name a a second time.'],
    ];
    const files = cases.map(([content, sentence], i) => {
      const file = vslog.secret(`tokens-${i}`, content);
      return { file, sentence };
    });
    // Each ends before it listens anywhere.
    const [none, missing, ...bad] = await Promise.all([
      refusal(),
      refusal('--console-token-file', join(vslog.dir, 'nothing')),
      ...files.map(({ file }) => refusal('--console-token-file', file)),
    ]);
    expect(none).toContain('console.listen is 0.0.0.0:9488, which others can reach: name a console.token_file, or listen at 127.0.0.1.');
    expect(missing).toContain('there is no such file');
    expect(bad).toEqual(files.map(({ sentence }) => expect.stringContaining(sentence)));
    for (const err of bad) expect(err).not.toContain('secret-');
  });

  it('shows nothing to who bears none', async () => {
    const file = vslog.secret('tokens', `alice ${TOKEN}\n`);
    const port = await freePort();
    const up = vslog.up('--source', 'scripted', '--console-listen', `0.0.0.0:${port}`, '--console-token-file', file);
    await up.says(/ready: source/);
    for (const path of ['/', '/main.js', '/api/status', '/api/live', '/api/session']) {
      const answer = await bare(port, path, { authorization: `Basic ${Buffer.from('alice:wrong').toString('base64')}` });
      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toContain('Basic');
    }
    const basic = { authorization: `Basic ${Buffer.from(`anybody:${TOKEN}`).toString('base64')}` };
    expect((await bare(port, '/', basic)).status).toBe(200);
    expect(JSON.parse((await bare(port, '/api/session', basic)).text)).toEqual({ name: 'alice', settable: true });
    // A browser sends a password by itself: the page of somebody else that made it do so is refused all the same.
    expect((await bare(port, '/api/status', { ...basic, origin: 'http://evil.example' })).status).toBe(403);
    expect((await bare(port, '/api/status', { ...basic, 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect(await up.end()).toBe(0);
  });
});
