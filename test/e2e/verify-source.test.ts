import { chmodSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StatusDocument } from '../../src/api/status.js';
import { parseAddress } from '../../src/cli/address.js';
import type { SourceReport } from '../../src/cli/source-comparison.js';
import { FakeCapture } from '../unit/support/fake-capture.js';
import { freePorts, listen, type Up, until, Vslog } from './support/vslog.js';

const CLIENTS = 20;

interface Report {
  readonly complete: boolean;
  readonly source: SourceReport;
}

describe('verify --source, on the engine', () => {
  const vslog = new Vslog();
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  const clients: Socket[] = [];
  let up: Up;
  let service: number;

  /** A client that has got its answer, so its connection is whole. */
  const open = (): Promise<Socket> =>
    new Promise((resolve, reject) => {
      const client = connect(service, '127.0.0.1', () => client.write('x'));
      client.once('data', () => resolve(client));
      client.once('error', reject);
    });
  const verified = (...args: string[]): { code: number | null; report: Report } => {
    const { code, out, err } = vslog.run('verify', '--source', '--json', ...args);
    if (out === '') throw new Error(err);
    return { code, report: JSON.parse(out) as Report };
  };

  beforeAll(async () => {
    const real = await listen(server);
    [service = 0] = await freePorts(1);
    up = vslog.up('--node', 'node-a', '--source', 'engine', '--service', `tcp://127.0.0.1:${service}`, '--real', `127.0.0.1:${real}`);
    await up.says(/capture: ready/);
    for (let i = 0; i < CLIENTS; i++) clients.push(await open());
  });
  afterAll(() => {
    for (const socket of [...clients, ...sockets]) socket.destroy();
    server.close();
    vslog.clean();
  });

  it('finds every live connection open in the log', () => {
    const { code, report } = verified();
    expect({ code, ...report.source }).toMatchObject({
      code: 0,
      checked: true,
      listed: CLIENTS,
      open_in_log: CLIENTS,
      only_source: 0,
      only_log: 0,
      examples: [],
      ok: true,
    });
    expect(report.complete).toBe(true);
    expect(vslog.run('verify', '--source').out).toMatch(/ok {3}source: 20 connections there now, and the log agrees\ncomplete\n$/);
  });

  it('is not misled by what comes and goes meanwhile', async () => {
    let going = true;
    const traffic = (async () => {
      while (going) (await open()).end();
    })();
    try {
      const { code, out, err } = await vslog.ran('verify', '--source', '--json');
      expect(code, `${out}${err}`).toBe(0);
      expect((JSON.parse(out) as Report).source.listed).toBeGreaterThan(CLIENTS);
    } finally {
      going = false;
      await traffic;
    }
  });

  it('shows what only the source has and what only the log has', async () => {
    const path = join(vslog.dir, 'fake.sock');
    // The first connection is missing, and there are two that the log has not: a capture that says so stands for a source that went its own way.
    const rows = vslog.sql<{ conn_id: string; client_port: number }>(
      'SELECT toString(conn_id) AS conn_id, client_port FROM connections WHERE is_open ORDER BY conn_id',
    );
    const { capture } = JSON.parse(vslog.run('status', '--json').out) as StatusDocument;
    const fake = new FakeCapture(path);
    fake.epoch = capture.epoch;
    const tuple = {
      kind: 'snapshot',
      protocol: 17,
      client_addr: parseAddress('10.0.0.9'),
      client_port: 7,
      virtual_addr: parseAddress('10.0.0.1'),
      virtual_port: 53,
    };
    fake.connections = [...rows.slice(1), { ...tuple, conn_id: '77' }, { ...tuple, client_port: 8 }];
    await fake.listen();
    chmodSync(path, 0o666);
    try {
      const { code, out } = await vslog.ran('verify', '--source', '--json', '--socket', path);
      const { complete, source } = JSON.parse(out) as Report;
      expect({ code, complete }).toEqual({ code: 5, complete: false });
      expect(source).toMatchObject({ listed: rows.length + 1, open_in_log: rows.length, only_source: 2, only_log: 1, ok: false });
      expect(source.examples).toEqual([
        expect.objectContaining({ only: 'source', conn_id: '77', protocol: 'udp', client: '10.0.0.9:7', virtual: '10.0.0.1:53' }),
        expect.objectContaining({ only: 'source', conn_id: '0', client: '10.0.0.9:8' }),
        expect.objectContaining({ only: 'log', conn_id: rows[0]?.conn_id, protocol: 'tcp', client: `127.0.0.1:${rows[0]?.client_port}` }),
      ]);
    } finally {
      await fake.close();
    }
  });

  it('says when nobody can be asked, and keeps what it has proven', async () => {
    const { code, report } = verified('--socket', join(vslog.dir, 'nobody.sock'));
    expect({ code, complete: report.complete }).toEqual({ code: 3, complete: false });
    expect(report.source).toMatchObject({ checked: false, reason: expect.stringMatching(/^There is no capture at /) });
    expect(await up.end()).toBe(0);
    const { code: after, out } = vslog.run('verify', '--source');
    expect(after).toBe(3);
    expect(out).toMatch(/source: not compared\. .*\nnot complete\n$/);
    expect(vslog.run('verify')).toMatchObject({ code: 0 });
  });
});

describe('verify --source, on a source that cannot list', () => {
  const vslog = new Vslog();
  afterAll(() => vslog.clean());

  it('is a sentence and exit code 4', async () => {
    const up = vslog.up('--source', 'scripted', '--scripted-rate', '50');
    await up.says(/capture: ready/);
    await until('events', () => (vslog.sql<{ n: number }>('SELECT count() AS n FROM conn_events')[0]?.n ? true : undefined));
    expect(vslog.run('verify', '--source')).toMatchObject({ code: 4, out: expect.stringMatching(/source: not compared\. .*scripted.*\n/) });
    expect(await up.end()).toBe(0);
  });
});
