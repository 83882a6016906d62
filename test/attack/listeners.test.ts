import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ApiClient } from '../../src/api/client.js';
import type { Ran, Up } from '../e2e/support/vslog.js';
import { until } from '../support/patience.js';
import { freePorts } from '../support/ports.js';
import { type Answer, ask } from '../unit/support/http.js';
import { ATTACKER, PROGRAM, User, victim } from './support/two-users.js';

const VICTIM = victim();
/** A group that has no name on this machine, and one member. */
const READERS = 200_000_000 + process.pid;
const MEMBER = new User(300_000_000 + process.pid, READERS);
/** The victim, who is in that group, too. */
const KEEPER = new User(VICTIM.uid, READERS);

const ALICE = 'alice-may-change-things';
const GRAFANA = 'grafana-may-only-look';
const PASSWORD = 'a-password-for-clickhouse';
const PROMETHEUS = 'prometheus-has-metrics-only';

const dir = mkdtempSync(join(tmpdir(), 'vslog-attack-'));
const [data, run] = [join(dir, 'data'), join(dir, 'run')];
const socket = join(run, 'collector.sock');
const tokenFile = join(data, 'reader.token');
let [page, metrics, sql] = [0, 0, 0];
const running: Up[] = [];

/** A file of the victim's. */
function secret(name: string, text: string, mode = 0o600, gid = VICTIM.uid): string {
  const path = join(dir, name);
  writeFileSync(path, text);
  chownSync(path, VICTIM.uid, gid);
  chmodSync(path, mode);
  return path;
}

const places = ['--data-dir', data, '--api-socket', socket, '--socket', join(run, 'capture.sock')];
const ports = (): string[] => [
  ...['--console-listen', `127.0.0.1:${page}`, '--metrics-listen', `127.0.0.1:${metrics}`],
  ...['--clickhouse-http-listen', `127.0.0.1:${sql}`],
];

function up(...args: string[]): Up {
  const source = ['--journal', join(run, 'journal'), '--source', 'engine', '--load', '--load-rate', '200', '--load-connections', '2000'];
  const started = KEEPER.start(
    [process.execPath, PROGRAM, 'up', ...places, ...ports(), ...source, '--read-group', String(READERS), ...args],
    {
      HOME: join(dir, 'home'),
    },
  );
  running.push(started);
  return started;
}

const command = (who: User, ...args: string[]): Ran => who.run([process.execPath, PROGRAM, ...args]);
const reads = (who: User, path: string): Ran => who.run(['cat', path]);
const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
/** As a program on this machine asks. */
const at = (port: number, path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET', body?: string): Promise<Answer> =>
  ask(port, path, { method, headers: { host: `127.0.0.1:${port}`, ...headers }, ...(body === undefined ? {} : { body }) });

beforeAll(async () => {
  chmodSync(dir, 0o711);
  mkdirSync(join(dir, 'home'));
  for (const name of ['.', 'home']) chownSync(join(dir, name), VICTIM.uid, VICTIM.uid);
  [page = 0, metrics = 0, sql = 0] = await freePorts(3);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Every path with something of the log behind it. */
const paths = (): [port: number, path: string, method: string][] => [
  ...['/', '/overview', '/connections?client=10.0.0.1', '/sql', '/main.js', '/main.css', '/nothing'].map(
    (path): [number, string, string] => [page, path, 'GET'],
  ),
  ...['status', 'live', 'session', 'services', 'knobs', 'drains', 'changes', 'schema', 'reports', 'reports/who', 'reports/who.csv'].map(
    (name): [number, string, string] => [page, `/api/${name}`, 'GET'],
  ),
  ...['sql', 'knobs', 'weight', 'drain'].map((name): [number, string, string] => [page, `/api/${name}`, 'POST']),
  [metrics, '/metrics', 'GET'],
  [metrics, '/metrics', 'HEAD'],
  [sql, '/?query=SELECT%201', 'GET'],
  [sql, '/?query=SELECT%201', 'HEAD'],
  [sql, '/?query=SELECT%201&user=default', 'POST'],
  [sql, '/', 'POST'],
];

describe('a collector of somebody else', () => {
  let token = '';

  beforeAll(async () => {
    const console = secret('console.tokens', `alice ${ALICE}\ngrafana ${GRAFANA} read\n`);
    const password = secret('password', `${PASSWORD}\n`);
    const prometheus = secret('prometheus.token', `${PROMETHEUS}\n`);
    const files = ['--console-token-file', console, '--clickhouse-http-password-file', password, '--metrics-token-file', prometheus];
    const one = up(...files);
    await one.says(/Ports on loopback ask for a token from now on\. It is in \S+reader\.token: /);
    await one.says(/capture: ready/);
    token = readFileSync(tokenFile, 'utf8').trim();
    await until('rows', async () => /^[1-9]/.test((await at(sql, '/?query=SELECT+count()+FROM+conn_events', bearer(token))).text));
  });
  afterAll(async () => {
    for (const one of running.splice(0)) await one.end('SIGKILL');
  });

  it('tells nobody anything but that it lives, and is ready', async () => {
    for (const [port, path, method] of paths()) {
      const { status, headers, text } = await at(port, path, {}, method);
      expect({ method, path, status }).toEqual({ method, path, status: 401 });
      expect(String(headers['www-authenticate'])).toMatch(/Basic/);
      expect(text).not.toMatch(/vslog_|version": ?"|<script/);
    }
    expect((await at(metrics, '/healthz')).text).toBe('ok\n');
    expect((await at(metrics, '/readyz')).text).toMatch(/^(not )?ready\n$/);
    for (const path of ['/ping', '/', '/replicas_status']) expect((await at(sql, path)).text).toBe('Ok.\n');
  });

  it('has a token that only its user and the readers can read, and no link for others', async () => {
    expect((statSync(tokenFile).mode & 0o777).toString(8)).toBe('640');
    expect(reads(ATTACKER, tokenFile)).toMatchObject({ code: 1, out: '' });
    expect(command(ATTACKER, 'console', '--json', '--api-socket', socket)).toMatchObject({ code: 3, out: '' });
    const asked = command(ATTACKER, 'sql', '--data-dir', data, '--http', `http://127.0.0.1:${sql}`, 'SELECT 1');
    expect(asked).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringMatching(/reader\.token may not be read: run as the collector's user/),
    });
    expect(command(ATTACKER, 'status', '--api-socket', socket).code).toBe(3);
  });

  it('lets a member of the group read, by command line, HTTP, console and files', async () => {
    expect(JSON.parse(command(MEMBER, 'status', '--json', '--api-socket', socket).out)).toMatchObject({ version: expect.any(String) });
    const { code, out } = reads(MEMBER, tokenFile);
    expect([code, out.trim()]).toEqual([0, token]);
    const http = command(MEMBER, 'sql', '--data-dir', data, '--http', `http://127.0.0.1:${sql}`, 'SELECT 7 AS n');
    expect(http).toEqual({ code: 0, out: 'n\n7\n', err: '' });
    expect((await at(metrics, '/metrics', bearer(out.trim()))).text).toContain('vslog_collector_events_total');
    expect((await at(page, '/api/status', bearer(out.trim()))).status).toBe(200);
    const link = JSON.parse(command(MEMBER, 'console', '--json', '--api-socket', socket).out) as { url: string; seconds: number };
    expect(link.seconds).toBe(60);
    const came = await at(page, new URL(link.url).pathname);
    expect([came.status, came.headers.location]).toEqual([303, '/']);
    const [cookie = ''] = String(came.headers['set-cookie']).split(';');
    expect((await at(page, '/api/status', { cookie })).status).toBe(200);
    expect(MEMBER.run(['sh', '-c', `head -c 1 "$0"/spool/*.pb | wc -c`, data]).out.trim()).toMatch(/^[1-9]/);
  });

  it('opens to a link once', async () => {
    const { url } = await new ApiClient(socket).consoleLink();
    const { pathname } = new URL(url);
    const answers = await Promise.all([1, 2, 3].map(() => at(page, pathname)));
    expect(answers.map(({ status }) => status).sort()).toEqual([303, 401, 401]);
    expect(answers.filter(({ headers }) => headers['set-cookie'] !== undefined)).toHaveLength(1);
    // A token is no link.
    expect((await at(page, `/enter/${token}`)).status).toBe(401);
  });

  it('has no reader change anything', async () => {
    const { url } = await new ApiClient(socket).consoleLink();
    const [cookie = ''] = String((await at(page, new URL(url).pathname)).headers['set-cookie']).split(';');
    const knob = JSON.stringify({ name: 'expire_nodest_conn', value: '1' });
    const set = async (headers: Readonly<Record<string, string>>): Promise<number> =>
      (await at(page, '/api/knobs', { 'content-type': 'application/json', ...headers }, 'POST', knob)).status;
    expect(await set(bearer(token))).toBe(403);
    expect(await set(bearer(GRAFANA))).toBe(403);
    expect(await set({ cookie })).toBe(401);
    expect(await set({ cookie, ...bearer(GRAFANA) })).toBe(403);
    // Those of other listeners are none here.
    for (const other of [PASSWORD, PROMETHEUS]) expect(await set(bearer(other))).toBe(401);
    expect(command(VICTIM, 'knob', 'get', 'expire_nodest_conn', '--socket', join(run, 'capture.sock')).out.trim()).toBe('0');
    expect(await set(bearer(ALICE))).toBe(200);
  });

  it('lets each token and password read what it is for, and nothing else', async () => {
    const basic = (user: string, password: string) => ({ authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` });
    const statuses = async (headers: Readonly<Record<string, string>>): Promise<number[]> => [
      (await at(page, '/api/status', headers)).status,
      (await at(metrics, '/metrics', headers)).status,
      (await at(sql, '/?query=SELECT%201', headers)).status,
    ];
    for (const all of [token, ALICE, GRAFANA]) {
      expect(await statuses(bearer(all))).toEqual([200, 200, 200]);
      expect(await statuses(basic('anybody', all))).toEqual([200, 200, 200]);
    }
    expect(await statuses(bearer(PROMETHEUS))).toEqual([401, 200, 403]);
    expect(await statuses(basic('default', PASSWORD))).toEqual([401, 401, 200]);
    expect(await statuses(basic('somebody', PASSWORD))).toEqual([401, 401, 403]);
    expect((await at(sql, `/?query=SELECT%201&password=${token}`)).status).toBe(200);
    expect((await at(sql, '/?query=SELECT%201', { 'x-clickhouse-user': 'x', 'x-clickhouse-key': token })).status).toBe(200);
  });

  it('lets the right token in beside any number of wrong ones, which have to wait', async () => {
    const doors: [port: number, path: string][] = [
      [page, '/api/status'],
      [metrics, '/metrics'],
      [sql, '/?query=SELECT%201'],
    ];
    for (const [port, path] of doors) {
      const told: number[] = [];
      const wrong = (n: number) => at(port, path, bearer(`wrong-${n}`)).then(({ status }) => told.push(status));
      const all = Array.from({ length: 40 }, (_, n) => wrong(n));
      // So many wait that the others are not even let wait.
      await until('a crowd', () => told.includes(429));
      for (let n = 0; n < 5; n++) expect((await at(port, path, bearer(token))).status).toBe(200);
      await Promise.all(all);
      const waited = told.filter((status) => status !== 429);
      expect(waited.length).toBeGreaterThanOrEqual(16);
      expect(new Set(waited)).toEqual(new Set([port === sql ? 403 : 401]));
    }
  });

  it('is no page for somebody else, nor by another name, whoever asks', async () => {
    for (const [port, path] of [
      [page, '/api/status'],
      [page, '/'],
      [metrics, '/metrics'],
      [metrics, '/healthz'],
      [sql, '/?query=SELECT%201'],
      [sql, '/ping'],
    ] as const)
      for (const headers of [
        { host: 'evil.example' },
        { origin: 'http://evil.example' },
        { origin: 'http://127.0.0.1:1' },
        { 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'same-site' },
      ]) {
        const { status, headers: got } = await at(port, path, { ...bearer(token), ...(headers as Record<string, string>) });
        expect({ path, headers, status, cors: got['access-control-allow-origin'] }).toEqual({
          path,
          headers,
          status: 403,
          cors: undefined,
        });
      }
  });

  it('says of every answer what it is and whose', async () => {
    const right = bearer(token);
    const answers = [
      ...(await Promise.all(paths().map(([port, path, method]) => at(port, path, {}, method)))),
      ...(await Promise.all(
        [page, metrics, sql].flatMap((port) => [
          at(port, '/', right),
          at(port, '/', { ...right, host: 'evil.example' }),
          at(port, '/nothing', right),
          at(port, '/', right, 'DELETE'),
          at(port, '/healthz', right),
        ]),
      )),
      await at(page, '/api/status', right),
      await at(metrics, '/metrics', right),
      await at(sql, '/?query=SELECT%201', right),
      await at(page, '/api/reports/who?since=soon', right),
      await at(page, '/main.js', right),
    ];
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 400, 401, 403, 404, 405]));
    for (const { status, headers } of answers)
      expect([status, headers['x-content-type-options'], headers['cross-origin-resource-policy']]).toEqual([
        status,
        'nosniff',
        'same-origin',
      ]);
    for (const port of [page, metrics, sql])
      for (const text of ['nonsense\r\n\r\n', `GET /${'x'.repeat(300_000)} HTTP/1.1\r\n\r\n`]) {
        const said = await spoken(port, text);
        expect(said).toMatch(/^HTTP\/1\.1 4\d\d /);
        expect(said).toMatch(/X-Content-Type-Options: nosniff\r\nCross-Origin-Resource-Policy: same-origin\r\n/);
      }
  });

  it('leaves no token in a place that others can look at', () => {
    const { out } = ATTACKER.run([
      'sh',
      '-c',
      'cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" " "; cat /proc/[0-9]*/environ 2>/dev/null; true',
    ]);
    for (const one of [token, ALICE, PASSWORD, PROMETHEUS]) expect(out).not.toContain(one);
  });
});

/** All that comes back for some bytes. */
function spoken(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    let said = '';
    const asked = connect(port, '127.0.0.1', () => asked.write(text));
    asked.on('data', (bytes) => {
      said += String(bytes);
    });
    asked.on('error', () => undefined);
    asked.once('close', () => resolve(said));
  });
}

describe('a start', () => {
  afterEach(async () => {
    for (const one of running.splice(0)) await one.end('SIGKILL');
  });

  const collect = (who: User, ...args: string[]): Ran =>
    who.run([process.execPath, PROGRAM, 'collect', '--store', 'none', ...places, ...ports(), ...args], { HOME: join(dir, 'home') });

  it.each([
    [0o644, VICTIM.uid, /which everybody on this machine may read: "chmod 6[04]0 \S+"\.\n$/],
    [0o620, VICTIM.uid, /which others than its owner may change: "chmod 6[04]0 \S+"\.\n$/],
    [0o640, 45_000, /which group 45000 may read, which is neither our own nor collector\.read_group: "chmod 600 \S+"\.\n$/],
  ])('uses no file of a secret with mode %o of group %i', (mode, gid, sentence) => {
    const token = secret('bad', 'a-token-of-16-characters\n', mode, gid);
    const brokers = ['--kafka-brokers', '127.0.0.1:1', '--kafka-sasl', 'plain', '--kafka-username', 'x', '--kafka-tls', 'true'];
    for (const flags of [
      ['--console-token-file', token],
      ['--metrics-token-file', token],
      [...brokers, '--kafka-password-file', token],
      ['--store', 'server', '--clickhouse-url', 'http://127.0.0.1:1', '--clickhouse-password-file', token],
    ]) {
      const { code, err } = collect(VICTIM, ...flags);
      expect({ flags, code, err }).toEqual({ flags, code: 2, err: expect.stringMatching(sentence) });
    }
  });

  it('keeps from the readers the tokens that change something', () => {
    const path = secret('readable', `alice ${ALICE}\n`, 0o640, READERS);
    const { code, err } = collect(KEEPER, '--read-group', String(READERS), '--console-token-file', path);
    expect([code, err]).toEqual([
      2,
      `vslog: console.token_file names ${path}, which the members of collector.read_group may read, who may not change anything: "chmod 600 ${path}".\n`,
    ]);
  });

  it('makes another token where somebody could have read the old one', async () => {
    const before = readFileSync(tokenFile, 'utf8').trim();
    chmodSync(tokenFile, 0o644);
    expect(reads(ATTACKER, tokenFile).code).toBe(1); // The folder is closed all the same.
    const one = up('--store', 'none');
    await one.says(/reader\.token could be read by others than those who may read the log, so it has a new token/);
    await one.says(/capture: ready/);
    expect((await at(metrics, '/metrics', bearer(before))).status).toBe(401);
    expect((await at(metrics, '/metrics', bearer(readFileSync(tokenFile, 'utf8').trim()))).status).toBe(200);
    expect((statSync(tokenFile).mode & 0o777).toString(8)).toBe('640');
  });

  it('opens to everybody what it is told to, says so, and opens nothing that others can reach', async () => {
    const one = up('--store', 'none', '--listen-open', 'metrics');
    await one.says(
      new RegExp(`Open to every user of this machine: metrics at 127\\.0\\.0\\.1:${metrics} \\(collector\\.listen_open\\)\\.`),
    );
    await one.says(/capture: ready/);
    expect((await at(metrics, '/metrics')).status).toBe(200);
    expect((await at(metrics, '/metrics', { 'sec-fetch-site': 'same-site' })).status).toBe(403);
    expect((await at(page, '/api/status')).status).toBe(401);
    expect(await one.end()).toBe(0);
    running.length = 0;
    const doctor = VICTIM.run([process.execPath, PROGRAM, 'doctor', '--json', '--listen-open', 'metrics'], {
      VSLOG_METRICS_LISTEN: '127.0.0.1:9466',
    });
    expect(JSON.parse(doctor.out)).toContainEqual(
      expect.objectContaining({
        name: 'listeners',
        state: 'warn',
        found: expect.stringMatching(/^Open to every user of this machine: metrics/),
      }),
    );
    const wrong = collect(VICTIM, '--listen-open', 'metrisc');
    expect([wrong.code, wrong.err]).toEqual([
      2,
      expect.stringMatching(/has "metrisc": it must be all, or some of .*; did you mean metrics\?\n$/),
    ]);
    const reached = collect(
      VICTIM,
      '--listen-open',
      'all',
      '--console-listen',
      `0.0.0.0:${page}`,
      '--console-token-file',
      secret('ok', `a ${ALICE}`),
    );
    expect([reached.code, reached.err]).toEqual([
      2,
      expect.stringMatching(/^vslog: collector\.listen_open has console, which listens at 0\.0\.0\.0:/),
    ]);
  });
});
