import { get } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/patience.js';
import { collectorOf, rowsOf } from './collector-api.js';
import { alive, familyOf, type Up, Vslog } from './support/vslog.js';

interface Row {
  readonly client_port: number;
  readonly real_addr: string;
  readonly real_port: number;
  readonly virtual_port: number;
  readonly duration_s: number | null;
  readonly reason: string;
}

/** A request on a connection of its own; resolves to the connection's port and the answer. */
function ask(url: string): Promise<{ port: number; server: string; body: string }> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, headers: { connection: 'close' } }, (response) => {
      const port = response.socket.localPort ?? 0;
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ port, server: String(response.headers['x-server']), body }));
    });
    request.on('error', reject);
  });
}

/** A command as it is shown to a person, as arguments of vslog. */
function argumentsOf(command: string): string[] {
  const words = command.match(/"[^"]*"|\S+/g) ?? [];
  return words.map((word) => word.replaceAll('"', '')).slice(words[0] === 'node' ? 2 : 1);
}

describe('vslog up on any machine, without root', () => {
  const vslog = new Vslog();
  let up: Up;
  let steps: string[];

  beforeAll(async () => {
    up = vslog.up();
    const [, text = ''] = await up.says(/Try next, in another terminal:\n((?: {2}.*\n){3})/);
    steps = text
      .trimEnd()
      .split('\n')
      .map((line) => line.trim());
  });
  afterAll(() => vslog.clean());

  it('says why it is not one of the kernel’s sources, and what runs instead', () => {
    expect(up.said).toMatch(/\nNot the kernel's balancer: .*\.\n/);
    expect(up.said).toMatch(/\nNot the kernel's connection tracking: .*\.\n/);
    expect(up.said).toMatch(/\nInstead, vslog's own balancer runs with a demonstration: http:\/\/127\.0\.0\.1:\d+\/ /);
  });

  it('shows a request through the balancer in SQL: client port, real server, duration, reason of its end', async () => {
    const [, url = '', virtualPort = ''] = /^curl (http:\/\/127\.0\.0\.1:(\d+)\/)$/.exec(steps[0] ?? '') ?? [];
    const { port, server, body } = await ask(`${url}hello?x=1`);
    expect(['A', 'B', 'C']).toContain(server);
    const [, realPort] =
      new RegExp(`^server ${server} at 127\\.0\\.0\\.1:(\\d+) was asked: GET /hello\\?x=1 from 127\\.0\\.0\\.1:\\d+\n$`).exec(body) ?? [];
    const columns = 'client_port, real_addr, real_port, virtual_port, duration_s, reason';
    const sql = `SELECT ${columns} FROM connections WHERE client_port = ${port} AND virtual_port = ${virtualPort} AND NOT is_open`;
    const row = await until('the connection’s end in SQL', async () => (await rowsOf<Row>(collectorOf(vslog), sql))[0]);
    // The real server in the log is the one that answered.
    expect(row).toMatchObject({
      client_port: port,
      real_addr: '127.0.0.1',
      real_port: Number(realPort),
      virtual_port: Number(virtualPort),
      reason: 'timeout',
    });
    expect(row.duration_s).toBeGreaterThan(0);
  });

  it('says three commands that work', async () => {
    expect(steps).toHaveLength(3);
    const [, tail = '', sql = ''] = steps;
    const watched = vslog.run(...argumentsOf(tail), '-n', '1');
    expect(watched.code, watched.err).toBe(0);
    expect(watched.out).toMatch(/ tcp 127\.0\.0\.1:\d+ > 127\.0\.0\.1:\d+ > 127\.0\.0\.1:\d+/);
    const asked = vslog.run(...argumentsOf(sql), '--format', 'jsonl');
    expect(asked.code, asked.err).toBe(0);
    expect(JSON.parse(asked.out.split('\n')[0] ?? '')).toMatchObject({ client_addr: '127.0.0.1' });
  });

  it('makes traffic of its own, over TCP and UDP, that ends', async () => {
    const sql = "SELECT DISTINCT protocol_name FROM connections WHERE reason = 'timeout'";
    await until('ends of TCP and UDP', async () => (await rowsOf(collectorOf(vslog), sql)).length >= 2);
  });

  it('lists live connections', async () => {
    // They come and go, and a busy capture may be too late for the status: each is asked for until it is there.
    const event = await until('a live connection', async () => {
      const { out } = await vslog.ran('conn', 'ls', '--json', '--protocol', 'tcp');
      return (JSON.parse(out) as { client_port: number }[])[0];
    });
    expect(event).toMatchObject({ kind: 'snapshot', protocol: 6, client_addr: '127.0.0.1' });
    const says = async (pattern: RegExp, ...args: string[]): Promise<boolean> => pattern.test((await vslog.ran(...args)).out);
    const table = /protocol .* client .* virtual service .* real server .*\n.*connections?\n/s;
    await until('a table of live connections', () => says(table, 'conn', 'ls'));
    await until('their number', () => says(/source\s+engine: running, \d+ connections? now\n/, 'status'));
  });

  it('leaves no process when it is killed', async () => {
    const family = familyOf(up.pid);
    // The command line, the capture, the store; tsx may have one of its own.
    expect(family.length).toBeGreaterThanOrEqual(3);
    await up.end('SIGKILL');
    await until('everything below has ended', () => !family.some(alive));
  });
});
