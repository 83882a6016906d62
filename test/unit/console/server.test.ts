import { readdirSync, readFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Access } from '../../../src/console/access.js';
import type { Asset } from '../../../src/console/assets.js';
import { Desk } from '../../../src/console/desk.js';
import { LIMITS } from '../../../src/console/limits.js';
import { ConsoleServer } from '../../../src/console/server.js';
import { type Key, keyOf } from '../../../src/listen/keyring.js';
import { closedGuard, openGuard } from '../../support/guards.js';
import { until } from '../../support/patience.js';
import { FakeKnobs } from '../support/fake-knobs.js';
import { FakeSqlStore } from '../support/fake-sql-store.js';
import { type Answer, type Asked, ask } from '../support/http.js';
import { STATUS } from '../support/status.js';
import { withDirectory } from '../support/temporary.js';

const TOKEN = 'alice-has-this-token';
const ALICE = { authorization: `Bearer ${TOKEN}` };
const JSON_TYPE = { 'content-type': 'application/json' };
const PAGE: Asset = { bytes: Buffer.from('<html>the page</html>'), type: 'text/html; charset=utf-8', etag: '"1"' };
const SCRIPT: Asset = { bytes: Buffer.from('run()'), type: 'text/javascript; charset=utf-8', etag: '"2"' };

const tokens = [keyOf('alice', TOKEN, true)];

const running: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.close();
});

interface Site {
  readonly port: number;
  readonly store: FakeSqlStore;
  readonly access: Access;
  ask(path: string, asked?: Asked): Promise<Answer>;
  /** The message of a refusal, with its status. */
  refused(path: string, asked?: Asked): Promise<string>;
}

/** A console on loopback, to which everybody may look where it is not `closed`. Without `capture` nobody answers at the capture's socket. */
async function site(
  options: { tokens?: readonly Key[]; closed?: boolean; store?: false; assets?: false; capture?: FakeKnobs; socket?: string } = {},
): Promise<Site> {
  const store = new FakeSqlStore();
  const keys = options.tokens ?? [];
  const access = new Access(options.closed === true ? closedGuard(keys) : openGuard(keys));
  const server = new ConsoleServer({
    assets:
      options.assets === false
        ? new Map()
        : new Map([
            ['/', PAGE],
            ['/main.js', SCRIPT],
          ]),
    status: async () => STATUS,
    store: options.store === false ? undefined : store,
    desk: new Desk(options.socket ?? '/nowhere/capture.sock', store),
    access,
  });
  const port = await server.listen(0, '127.0.0.1');
  running.push(server);
  const asked = (path: string, more: Asked = {}) => ask(port, path, { ...more, headers: { host: `127.0.0.1:${port}`, ...more.headers } });
  const refused = async (path: string, more?: Asked): Promise<string> => {
    const { status, text } = await asked(path, more);
    return `${status}: ${(JSON.parse(text) as { message: string }).message}`;
  };
  return { port, store, access, ask: asked, refused };
}

describe('the page', () => {
  it('is at every path of it, and its files at their own', async () => {
    const { ask: at } = await site();
    for (const path of [
      '/',
      '/overview',
      '/services',
      '/drains',
      '/connections?since=1h',
      '/story?client=10.0.0.1',
      '/reports',
      '/reports/who',
      '/changes',
      '/knobs',
      '/sql',
      '/health',
    ])
      expect([path, (await at(path)).text]).toEqual([path, '<html>the page</html>']);
    const script = await at('/main.js');
    expect([script.text, script.headers['content-type'], script.headers.etag]).toEqual(['run()', 'text/javascript; charset=utf-8', '"2"']);
  });

  it('has a path for each of its pages in web/pages', async () => {
    const { ask: at } = await site();
    for (const file of readdirSync('web/pages')) {
      const path = `/${file.replace('.tsx', '')}`;
      expect([path, (await at(path)).status]).toEqual([path, 200]);
    }
  });

  it.each(['/nothing', '/reports/who/more', '/reports/a-b', '/index.html', '/../etc/passwd', '/%2e%2e/etc/passwd', '/main.js/'])(
    'is not at %s',
    async (path) => expect((await (await site()).ask(path)).status).toBe(404),
  );

  it.each(['/nothing', '/reports/who/more', '/knobs/all'])(
    'answers a browser at %s, too, which is told that there is none',
    async (path) => {
      const { ask: at } = await site();
      const { status, text, headers } = await at(path, { headers: { accept: 'text/html,*/*' } });
      expect([status, text, headers['cache-control']]).toEqual([404, '<html>the page</html>', 'no-store']);
    },
  );

  it.each(['/nothing.js', '/api/nothing'])('answers a browser no page at %s', async (path) => {
    const { status, text } = await (await site()).ask(path, { headers: { accept: 'text/html,*/*' } });
    expect([status, text]).toEqual([404, JSON.stringify({ message: `There is nothing at ${path}.` })]);
  });

  it('may run and load only what is ours, wherever it is shown', async () => {
    const { ask: at } = await site();
    for (const path of ['/', '/main.js', '/api/status', '/nothing']) {
      const { headers } = await at(path);
      expect(headers['content-security-policy'], path).toMatch(/^default-src 'none'; script-src 'self'; .*frame-ancestors 'none'$/);
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['x-frame-options']).toBe('DENY');
      expect(headers['referrer-policy']).toBe('no-referrer');
    }
  });

  it('is not sent again where it is known, and not at all to HEAD', async () => {
    const { ask: at } = await site();
    const known = await at('/', { headers: { 'if-none-match': '"1"' } });
    expect([known.status, known.text]).toEqual([304, '']);
    expect((await at('/', { headers: { 'if-none-match': '"0"' } })).status).toBe(200);
    const head = await at('/', { method: 'HEAD' });
    expect([head.status, head.text, head.headers['content-length']]).toEqual([200, '', String(PAGE.bytes.length)]);
  });

  it('says what to do when it was not built', async () => {
    expect(await (await site({ assets: false })).refused('/')).toBe(
      '503: The page was not built: run npm run build in the checkout, then start the collector again.',
    );
  });
});

describe('what the page asks', () => {
  it('is the status, the reports and the session', async () => {
    const { ask: at } = await site();
    const json = async (path: string, asked?: Asked) => JSON.parse((await at(path, asked)).text) as unknown;
    expect(await json('/api/status')).toMatchObject({ version: '1.2.3' });
    expect(await json('/api/reports')).toEqual(expect.arrayContaining([expect.objectContaining({ name: 'who' })]));
    expect(await json('/api/session')).toEqual({ name: null, settable: false });
    const withTokens = await site({ tokens });
    expect(JSON.parse((await withTokens.ask('/api/session', { headers: ALICE })).text)).toEqual({ name: 'alice', settable: true });
    expect(JSON.parse((await withTokens.ask('/api/session')).text)).toEqual({ name: null, settable: true });
    expect((await at('/api/status')).headers['cache-control']).toBe('no-store');
  });

  it('is at paths that the page asks for', async () => {
    const { ask: at } = await site();
    const page = readdirSync('web', { recursive: true, encoding: 'utf8' }).filter((name) => /\.tsx?$/.test(name));
    const paths = new Set(
      page.flatMap((name) => [...readFileSync(join('web', name), 'utf8').matchAll(/[`'](\/api\/\w+)/g)].map(([, path = '']) => path)),
    );
    expect(paths).toContain('/api/live');
    paths.delete('/api/live'); // its answer has no end
    expect(paths.size).toBeGreaterThan(8);
    const unknown: string[] = [];
    for (const path of [...paths, '/api/nothing']) {
      const [got, posted] = [await at(path), await at(path, { method: 'POST' })];
      if (got.status === 404 && posted.status === 405) unknown.push(path);
    }
    expect(unknown).toEqual(['/api/nothing']);
  });

  it('is a report, also as a file', async () => {
    const { ask: at, store, refused } = await site();
    store.rows = () => [['10.0.0.11:8080', 4, 0.5, 'connections']];
    expect(JSON.parse((await at('/api/reports/top?since=1h')).text)).toMatchObject({
      cells: [['10.0.0.11:8080', '4', 'connections', '50.0 %']],
    });
    const file = await at('/api/reports/top.csv');
    expect(file.headers['content-type']).toBe('text/csv; charset=utf-8');
    expect(file.headers['content-disposition']).toBe('attachment; filename="top.csv"');
    expect(file.text).toBe('what,value,share,of\r\n10.0.0.11:8080,4,0.5,connections\r\n');
    expect(await refused('/api/reports/nothing')).toMatch(/^404: There is no report "nothing"/);
    expect(await refused('/api/reports/who?since=soon')).toMatch(/^400: since is "soon"/);
    expect(await refused('/api/reports/rs')).toMatch(/^400: rs is missing/);
  });

  it('is a time as the collector understands it, and the history of one', async () => {
    const { ask: at, refused } = await site();
    const json = async (path: string) => JSON.parse((await at(path)).text) as unknown;
    expect(await json('/api/time?since=2026-01-30&until=2026-01-31&zone=Asia/Tokyo')).toEqual({
      ...{ since: Date.UTC(2026, 0, 29, 15), until: Date.UTC(2026, 0, 30, 15), live: false },
    });
    expect(await json('/api/history?since=2026-01-30&until=2026-01-31')).toMatchObject({ step: 900_000, running: false, servers: [] });
    expect(await refused('/api/time?since=soon')).toMatch(/^400: since is "soon"/);
  });

  it('is told to be away without a store, and without a capture', async () => {
    const { refused } = await site({ store: false });
    for (const path of ['/api/reports/who', '/api/changes', '/api/schema', '/api/history'])
      expect(await refused(path)).toBe('503: The collector runs without a store (store.kind = "none"), so there is nothing to ask.');
    for (const path of ['/api/services', '/api/knobs', '/api/drains']) expect(await refused(path)).toMatch(/^503: There is no capture at /);
  });

  it('ends in the store when the page has gone', async () => {
    const { port, store } = await site();
    store.rows = () => new Promise(() => undefined);
    const outgoing = get({ port, host: '127.0.0.1', path: '/api/reports/who', agent: false });
    outgoing.on('error', () => undefined);
    await until('the store is asked', () => store.asked.length > 0);
    expect(store.asked[0]?.options.signal?.aborted).toBe(false);
    outgoing.destroy();
    await until('the query is ended', () => store.asked[0]?.options.signal?.aborted === true);
  });

  it('is one stream of the status', async () => {
    const { port } = await site();
    const events = await new Promise<string>((resolve, reject) => {
      const outgoing = get({ port, host: '127.0.0.1', path: '/api/live', agent: false }, (response) => {
        let text = '';
        response.on('data', (bytes) => {
          text += String(bytes);
          if (!text.includes('\n\nevent: status\n')) return;
          resolve(text);
          outgoing.destroy();
        });
        response.on('error', () => undefined);
      });
      outgoing.on('error', reject);
    });
    expect(events).toMatch(/^retry: 2000\n\nevent: status\ndata: \{"at":\d+,"version":"1\.2\.3"/);
  });

  it.each(['PUT', 'DELETE', 'PATCH', 'OPTIONS'])('is not asked by %s', async (method) => {
    expect(await (await site()).refused('/api/status', { method })).toBe(`405: ${method} does nothing here.`);
  });

  it.each(['//', 'http://[::1', '/\\'])('is asked by a path, which %j may not be', async (path) => {
    expect((await (await site()).ask(path)).status).toBeGreaterThanOrEqual(400);
  });
});

describe('a query', () => {
  const TEXT = { 'content-type': 'text/plain;charset=UTF-8' };
  it('is answered as the store answers it, within limits', async () => {
    const { ask: at, store } = await site();
    store.rows = () => [[1]];
    const answer = await at('/api/sql', { method: 'POST', headers: TEXT, body: 'SELECT 1' });
    expect([answer.status, JSON.parse(answer.text)]).toEqual([200, { meta: [], data: [[1]], rows: 1 }]);
    expect(store.asked[0]).toMatchObject({ sql: 'SELECT 1', options: { format: 'JSONCompact', formatFixed: true, exact: true } });
    expect(store.asked[0]?.options.limits).toEqual({ seconds: LIMITS.seconds, cut: LIMITS.rows + 1 });
  });

  it('with more rows than can be read is cut, and says so', async () => {
    const { ask: at, store } = await site();
    store.rows = () => Array.from({ length: LIMITS.rows + 1 }, (_, i) => [i]);
    const { text } = await at('/api/sql', { method: 'POST', headers: TEXT, body: 'SELECT 1' });
    const { rows, cut, data } = JSON.parse(text) as { rows: number; cut: boolean; data: unknown[] };
    expect([rows, cut, data.length]).toEqual([LIMITS.rows, true, LIMITS.rows]);
  });

  it('that the store refuses is told in its words', async () => {
    const { refused, store } = await site();
    store.rows = () => Promise.reject(new Error('Only SELECT is allowed here.'));
    expect(await refused('/api/sql', { method: 'POST', headers: TEXT, body: 'DROP TABLE x' })).toBe('400: Only SELECT is allowed here.');
  });

  it('comes by POST, as text, and is neither empty nor endless', async () => {
    const { refused, store } = await site();
    const post = (headers: Readonly<Record<string, string>>, body: string | Buffer) =>
      refused('/api/sql', { method: 'POST', headers, body });
    expect(await refused('/api/sql')).toBe('405: A query comes by POST.');
    // Else a form of somebody else's page could ask.
    expect(await post({ 'content-type': 'application/x-www-form-urlencoded' }, 'SELECT 1')).toBe('415: A query comes as text/plain.');
    expect(await post({}, 'SELECT 1')).toBe('415: A query comes as text/plain.');
    expect(await post(TEXT, ' \n')).toBe('400: The query is empty.');
    expect(await post(TEXT, Buffer.alloc(256 * 1024 + 1, 'x'))).toBe('413: The request is longer than 262144 bytes.');
    expect(store.asked).toEqual([]);
  });
});

describe('a change', () => {
  let dir = '';
  let capture: FakeKnobs;
  let over: () => void = () => undefined;
  let gone: Promise<void> = Promise.resolve();
  beforeAll(async () => {
    await new Promise<void>((ready) => {
      gone = withDirectory(async (directory) => {
        dir = directory;
        capture = new FakeKnobs(join(dir, 'capture.sock'));
        await capture.listen();
        await new Promise<void>((resolve) => {
          over = resolve;
          ready();
        });
        await capture.close();
      });
    });
  });
  afterAll(async () => {
    over();
    await gone;
  });

  const settable = () => site({ tokens, socket: join(dir, 'capture.sock') });
  const body = (value: unknown): string => JSON.stringify(value);

  it('of a knob is made with a token', async () => {
    const { ask: at } = await settable();
    const answer = await at('/api/knobs', {
      method: 'POST',
      headers: { ...ALICE, ...JSON_TYPE },
      body: body({ name: 'drop_entry', value: '3' }),
    });
    expect([answer.status, JSON.parse(answer.text)]).toEqual([200, { name: 'drop_entry', old: '0', new: '3' }]);
    expect(capture.requests.at(-1)?.message).toMatchObject({ for_whom: 'alice@console' });
  });

  it('of a weight is made with a token', async () => {
    const { ask: at, refused } = await settable();
    const said = { service: 'tcp 10.0.0.1:80', real: '10.0.0.11:8080', weight: '0' };
    const answer = await at('/api/weight', { method: 'POST', headers: { ...ALICE, ...JSON_TYPE }, body: body(said) });
    expect([answer.status, JSON.parse(answer.text)]).toEqual([200, { old: 'weight=1', new: 'weight=0' }]);
    for (const weight of ['-1', '1e3', '65536', '', ' 7', '0x10'])
      expect(await refused('/api/weight', { method: 'POST', headers: { ...ALICE, ...JSON_TYPE }, body: body({ ...said, weight }) })).toBe(
        '400: A weight is a whole number from 0 to 65535.',
      );
  });

  it('is refused without a token, before anything else is looked at', async () => {
    const before = capture.requests.length;
    const { refused } = await settable();
    for (const path of ['/api/knobs', '/api/weight', '/api/drain']) {
      expect(await refused(path, { method: 'POST', headers: JSON_TYPE, body: '{' })).toMatch(/^401: To change something takes a token/);
      expect(
        await refused(path, { method: 'POST', headers: { ...JSON_TYPE, authorization: 'Bearer wrong-token-wrong' }, body: '{}' }),
      ).toMatch(/^401: /);
    }
    const shows = await site({ socket: join(dir, 'capture.sock') });
    expect(await shows.refused('/api/knobs', { method: 'POST', headers: JSON_TYPE, body: '{}' })).toMatch(/^403: This console only shows/);
    expect(capture.requests).toHaveLength(before);
  });

  it.each([
    ['/api/knobs', JSON_TYPE, '{', '400: The request is no JSON.'],
    ['/api/knobs', JSON_TYPE, '[]', '400: The request must be a JSON object of texts.'],
    ['/api/knobs', JSON_TYPE, 'null', '400: The request must be a JSON object of texts.'],
    ['/api/knobs', JSON_TYPE, '{"name":"drop_entry"}', '400: The request lacks value.'],
    ['/api/knobs', JSON_TYPE, '{"name":"drop_entry","value":3}', '400: The request lacks value.'],
    ['/api/weight', JSON_TYPE, '{"service":"tcp 10.0.0.1:80","weight":"1"}', '400: The request lacks real.'],
    ['/api/drain', JSON_TYPE, '{"action":"quiesce"}', '400: The request lacks of.'],
    [
      '/api/drain',
      JSON_TYPE,
      '{"action":"quiesce","of":"x"}',
      '400: "x" is no real server: write ADDRESS:PORT, such as 192.0.2.7:8080 or [2001:db8::7]:8080.',
    ],
    ['/api/knobs', { 'content-type': 'text/plain' }, '{}', '415: A change comes as application/json.'],
    ['/api/status', JSON_TYPE, '{}', '405: POST does nothing at /api/status.'],
    ['/knobs', JSON_TYPE, '{}', '405: POST does nothing at /knobs.'],
  ])('at %s %j of %s is refused', async (path, type, text, sentence) => {
    const before = capture.requests.length;
    expect(await (await settable()).refused(path, { method: 'POST', headers: { ...ALICE, ...type }, body: text })).toBe(sentence);
    expect(capture.requests).toHaveLength(before);
  });

  it('of a page of somebody else is refused with a token, too', async () => {
    const { refused } = await settable();
    const headers = { ...ALICE, ...JSON_TYPE, origin: 'http://evil.example' };
    expect(await refused('/api/knobs', { method: 'POST', headers, body: body({ name: 'drop_entry', value: '1' }) })).toMatch(/^403: /);
  });
});

it('asks a browser for a token where others can reach it', async () => {
  const server = new ConsoleServer({
    assets: new Map([['/', PAGE]]),
    status: async () => STATUS,
    store: undefined,
    desk: new Desk('/nowhere/capture.sock', undefined),
    access: new Access(closedGuard(tokens, { loopback: false })),
  });
  const port = await server.listen(0, '127.0.0.1');
  running.push(server);
  const refused = await ask(port, '/', { headers: { host: 'lb1' } });
  expect([refused.status, refused.headers['www-authenticate']]).toEqual([
    401,
    'Bearer realm="vslog", Basic realm="vslog", charset="UTF-8"',
  ]);
  const basic = `Basic ${Buffer.from(`me:${TOKEN}`).toString('base64')}`;
  expect((await ask(port, '/', { headers: { host: 'lb1', authorization: basic } })).text).toBe('<html>the page</html>');
});

describe('a browser that was not let in', () => {
  const NAVIGATES = { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', 'sec-fetch-site': 'none' };
  const FORM = { accept: 'text/html', 'content-type': 'application/x-www-form-urlencoded' };

  it('is shown how it gets in, and nothing of the page', async () => {
    const { ask: at } = await site({ tokens, closed: true });
    const door = await at('/reports/who?since=1h', { headers: NAVIGATES });
    expect([door.status, door.headers['content-type'], door.headers['www-authenticate']]).toEqual([
      401,
      'text/html; charset=utf-8',
      'Bearer realm="vslog"',
    ]);
    expect(door.text).toContain('vslog console');
    expect(door.headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'sha256-/);
    expect(door.headers['x-content-type-options']).toBe('nosniff');
    expect(door.headers['cross-origin-resource-policy']).toBe('same-origin');
    for (const path of ['/main.js', '/api/status', '/api/live', '/nothing']) {
      const { status, text } = await at(path, { headers: { 'sec-fetch-mode': 'cors' } });
      expect([path, status, JSON.parse(text)]).toEqual([
        path,
        401,
        { message: expect.stringMatching(/^A token or a session is asked for: .*\.$/) },
      ]);
    }
  });

  it('comes in by a link, once, and goes on to an address without it', async () => {
    const { ask: at, access } = await site({ tokens, closed: true });
    const path = `/enter/${access.links.make(60_000)}`;
    expect((await at(path, { method: 'HEAD' })).status).toBe(405);
    expect((await at(path, { headers: { 'sec-purpose': 'prefetch;prerender' } })).status).toBe(503);
    const came = await at(path, { headers: { ...NAVIGATES, 'sec-fetch-site': 'cross-site' } });
    expect([came.status, came.headers.location, came.headers['referrer-policy'], came.headers['cache-control']]).toEqual([
      303,
      '/',
      'no-referrer',
      'no-store',
    ]);
    const [set = ''] = came.headers['set-cookie'] ?? [];
    expect(set).toMatch(/; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/);
    const [cookie = ''] = set.split(';');
    expect((await at('/', { headers: { ...NAVIGATES, cookie } })).text).toBe('<html>the page</html>');
    expect(JSON.parse((await at('/api/session', { headers: { cookie } })).text)).toEqual({ name: null, settable: true });
    expect((await at('/api/knobs', { method: 'POST', headers: { cookie, ...JSON_TYPE }, body: '{}' })).status).toBe(401);
    const again = await at(path, { headers: NAVIGATES });
    expect([again.status, again.headers['set-cookie']]).toEqual([401, undefined]);
    expect(again.text).toContain('This link was used already, or is too old');
  });

  it('comes in by a token that its person types', async () => {
    const { ask: at, port } = await site({ tokens, closed: true });
    const body = String(new URLSearchParams({ token: ` ${TOKEN} `, to: '/sql?q=1' }));
    const came = await at('/enter', { method: 'POST', headers: { ...FORM, origin: `http://127.0.0.1:${port}` }, body });
    expect([came.status, came.headers.location]).toEqual([303, '/sql?q=1']);
    const elsewhere = String(new URLSearchParams({ token: TOKEN, to: '//evil.example/' }));
    expect((await at('/enter', { method: 'POST', headers: FORM, body: elsewhere })).headers.location).toBe('/');
    const wrong = await at('/enter', { method: 'POST', headers: FORM, body: 'token=wrong' });
    expect([wrong.status, wrong.headers['set-cookie']]).toEqual([401, undefined]);
    expect(wrong.text).toContain('This token is none of ours');
    expect((await at('/enter', { method: 'POST', headers: { ...FORM, origin: 'http://evil.example' }, body })).status).toBe(403);
    expect((await at('/enter', { method: 'POST', headers: JSON_TYPE, body })).status).toBe(415);
    expect((await at('/enter')).status).toBe(405);
  });
});
