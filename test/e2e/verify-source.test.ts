import { chmodSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAddress } from '../../src/cli/address.js';
import type { SourceReport } from '../../src/cli/source-comparison.js';
import { pause, until } from '../support/patience.js';
import { freePort, listen } from '../support/ports.js';
import { FakeCapture } from '../unit/support/fake-capture.js';
import { collectorOf, delivered, rowsOf } from './collector-api.js';
import { type Up, Vslog } from './support/vslog.js';

const CLIENTS = 20;

interface Report {
  readonly complete: boolean;
  readonly source: SourceReport;
}

describe('verify --source, on the engine', () => {
  const vslog = new Vslog();
  const api = collectorOf(vslog);
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
  const verified = async (...args: string[]): Promise<{ code: number | null; report: Report }> => {
    const { code, out, err } = await vslog.ran('verify', '--source', '--json', ...args);
    if (out === '') throw new Error(err);
    return { code, report: JSON.parse(out) as Report };
  };
  /** Connections that are open in the log, once they are so many. */
  const inLog = (count: number): Promise<{ conn_id: string; client_port: number }[]> =>
    until(`${count} open connections in the log`, async () => {
      const sql = 'SELECT toString(conn_id) AS conn_id, client_port FROM connections WHERE is_open ORDER BY conn_id';
      const rows = await rowsOf<{ conn_id: string; client_port: number }>(api, sql);
      return rows.length === count && rows;
    });

  beforeAll(async () => {
    const real = await listen(server);
    service = await freePort();
    // What is open stays open, however long this takes; what is reset is gone soon.
    const knobs = ['--knob', 'timeout_tcp=86400', '--knob', 'timeout_close=1'];
    up = vslog.up(
      ...['--node', 'node-a', '--source', 'engine', '--service', `tcp://127.0.0.1:${service}`, '--real', `127.0.0.1:${real}`],
      ...[...knobs, '--drain', '1h'],
    );
    await up.says(/capture: ready/);
    for (let i = 0; i < CLIENTS; i++) clients.push(await open());
    await inLog(CLIENTS);
  });
  afterAll(() => {
    for (const socket of [...clients, ...sockets]) socket.destroy();
    server.close();
    vslog.clean();
  });

  it('finds every live connection open in the log', async () => {
    const [{ code, report }, { out }] = await Promise.all([verified(), vslog.ran('verify', '--source')]);
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
    expect(out).toMatch(/ok {3}source: 20 connections there now, and the log agrees\nThis proves against accidents, .*\ncomplete\n$/);
  });

  it('is not misled by what comes and goes meanwhile', async () => {
    const held = await open();
    const comeAndGo = async (): Promise<void> => {
      (await open()).resetAndDestroy();
      await pause(10, 'so that the traffic leaves something of the processor to those who look at it');
    };
    await comeAndGo();
    let going = true;
    const traffic = (async () => {
      while (going) await comeAndGo();
    })();
    try {
      const { code, out, err } = await vslog.ran('verify', '--source', '--json');
      expect(code, `${out}${err}`).toBe(0);
      expect((JSON.parse(out) as Report).source.listed).toBeGreaterThan(CLIENTS);
    } finally {
      going = false;
      await traffic;
      held.resetAndDestroy();
    }
    await inLog(CLIENTS);
  });

  it('shows what only the source has and what only the log has', async () => {
    const path = join(vslog.dir, 'fake.sock');
    // The first connection is missing, and there are two that the log has not: a capture that says so stands for a source that went its own way.
    const rows = await inLog(CLIENTS);
    const fake = new FakeCapture(path);
    fake.epoch = (await api.status()).capture.epoch;
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
    const { code, report } = await verified('--socket', join(vslog.dir, 'nobody.sock'));
    expect({ code, complete: report.complete }).toEqual({ code: 3, complete: false });
    expect(report.source).toMatchObject({ checked: false, reason: expect.stringMatching(/^There is no capture at /) });
    expect(await up.end()).toBe(0);
    const after = await vslog.ran('verify', '--source');
    expect(after.code).toBe(3);
    expect(after.out).toMatch(/source: not compared\. .*\nThis proves against accidents, .*\nnot complete\n$/);
    expect(await vslog.ran('verify')).toMatchObject({ code: 0 });
  });
});

describe('verify --source, on a source that cannot list', () => {
  const vslog = new Vslog();
  afterAll(() => vslog.clean());

  it('is a sentence and exit code 4', async () => {
    const up = vslog.up('--source', 'scripted', '--scripted-events', '100', '--scripted-rate', '0');
    await up.says(/capture: ready/);
    await delivered(collectorOf(vslog), 100);
    expect(await vslog.ran('verify', '--source')).toMatchObject({
      code: 4,
      out: expect.stringMatching(/source: not compared\. .*scripted.*\n/),
    });
    expect(await up.end()).toBe(0);
  });
});
