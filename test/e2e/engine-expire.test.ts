import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pause, until } from '../support/patience.js';
import { freePort, listen } from '../support/ports.js';
import { collectorOf, rowsOf } from './collector-api.js';
import { type Up, Vslog } from './support/vslog.js';

const CLIENTS = 40;

/** Sends its name, then back what it gets. */
function echoServer(name: string, sockets: Set<Socket>): Server {
  return createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    socket.write(`${name}\n`);
    socket.pipe(socket);
  });
}

/** Talks until it is cut off. */
class Client {
  readonly port: Promise<number>;
  /** The server that it is on. */
  server: string | undefined;
  answers = 0;
  /** How it ended: by a reset, or in peace. */
  ended: 'reset' | 'end' | undefined;
  private readonly socket: Socket;

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    this.port = new Promise((resolve) => this.socket.once('connect', () => resolve(this.socket.localPort ?? 0)));
    this.socket.on('data', (chunk: Buffer) => {
      if (this.server === undefined) this.server = chunk.toString().charAt(0);
      else this.answers++;
      void pause(10, 'so that forty talkers leave something of the processor').then(() => {
        if (this.ended === undefined) this.socket.write('more');
      });
    });
    // A reset behind data that was not read yet looks like an end to libuv. To write tells them apart: one can still write to somebody who has only ended.
    this.socket.on('end', () => {
      this.socket.write('are you there?', (error) => {
        this.ended ??= error instanceof Error ? 'reset' : 'end';
      });
    });
    this.socket.on('error', () => {
      this.ended ??= 'reset';
    });
  }

  close(): void {
    this.socket.destroy();
  }
}

describe('conn expire --real, under load', () => {
  const vslog = new Vslog();
  const sockets = new Set<Socket>();
  const servers = ['A', 'B'].map((name) => echoServer(name, sockets));
  const clients: Client[] = [];
  let up: Up;
  let service: number;
  let reals: number[];

  beforeAll(async () => {
    reals = await Promise.all(servers.map(listen));
    service = await freePort();
    const real = reals.flatMap((port) => ['--real', `127.0.0.1:${port}`]);
    up = vslog.up('--source', 'engine', '--service', `tcp://127.0.0.1:${service}`, '--scheduler', 'rr', ...real, '--drain', '1h');
    await up.says(/capture: ready/);
    for (let i = 0; i < CLIENTS; i++) clients.push(new Client(service));
    await until('every client talks', () => clients.every(({ answers }) => answers > 0));
  });
  afterAll(() => {
    for (const client of clients) client.close();
    for (const socket of sockets) socket.destroy();
    for (const server of servers) server.close();
    vslog.clean();
  });

  it('ends exactly those connections, with reason flushed, and their clients are reset', async () => {
    const [onA, onB] = ['A', 'B'].map((name) => clients.filter(({ server }) => server === name)) as [Client[], Client[]];
    expect([onA.length, onB.length]).toEqual([CLIENTS / 2, CLIENTS / 2]);
    const target = `127.0.0.1:${reals[0]}`;
    expect(vslog.run('conn', 'expire', '--real', target, '--dry-run').out).toBe(`${CLIENTS / 2} connections would end\n`);
    expect(clients.filter(({ ended }) => ended !== undefined)).toEqual([]);

    const { code, out, err } = vslog.run('conn', 'expire', '--real', target);
    expect({ code, out, err }).toEqual({ code: 0, out: `${CLIENTS / 2} connections ended\n`, err: '' });
    await until('every client on A is cut off', () => onA.every(({ ended }) => ended !== undefined));
    expect(new Set(onA.map(({ ended }) => ended))).toEqual(new Set(['reset']));

    // The others go on as if nothing had been.
    const before = onB.map(({ answers }) => answers);
    await until('every client on B goes on', () => onB.every(({ answers }, i) => answers > (before[i] ?? 0) + 5));
    expect(onB.filter(({ ended }) => ended !== undefined)).toEqual([]);

    const rows = await until('the ends in SQL', async () => {
      const found = await rowsOf<{ client_port: number; real_port: number; reason: string }>(
        collectorOf(vslog),
        `SELECT client_port, real_port, reason FROM connections WHERE virtual_port = ${service} AND NOT is_open`,
      );
      return found.length >= onA.length && found;
    });
    expect(new Set(rows.map(({ reason }) => reason))).toEqual(new Set(['flushed']));
    expect(new Set(rows.map(({ real_port }) => real_port))).toEqual(new Set([reals[0]]));
    const ports = await Promise.all(onA.map(({ port }) => port));
    expect(rows.map(({ client_port }) => client_port).sort()).toEqual(ports.sort());
  });

  it('has nothing left to end there, and everything with --all', async () => {
    expect(vslog.run('conn', 'expire', '--real', `127.0.0.1:${reals[0]}`).out).toBe('0 connections ended\n');
    expect(JSON.parse(vslog.run('conn', 'expire', '--all', '--json').out)).toEqual({
      matched: CLIENTS / 2,
      ended: CLIENTS / 2,
      others: 0,
      steps: [],
    });
    await until('every client is cut off', () => clients.every(({ ended }) => ended !== undefined));
    expect(new Set(clients.map(({ ended }) => ended))).toEqual(new Set(['reset']));
    expect(vslog.run('conn', 'ls').out).toBe('no connections\n');
    expect(await up.end()).toBe(0);
    expect(vslog.run('verify').out).toMatch(/\ncomplete\n$/);
  });
});
