import { chmodSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAddress } from '../../src/cli/address.js';
import { crc32c } from '../../src/wire/crc32c.js';
import { toLong, v1 } from '../../src/wire/proto.js';
import { until } from '../support/patience.js';
import { freePort, listen } from '../support/ports.js';
import { EPOCH } from '../unit/support/batches.js';
import { FakeCapture } from '../unit/support/fake-capture.js';
import { connEvent } from './store-segments.js';
import { type Up, Vslog } from './support/vslog.js';

const HISTORY = 200;
const LIVE = 100;
/** Connection number i of the history lived so long, s: evenly from 2000 to 8000. Those that are live are young beside that, however slow the machine is. */
const lifetime = (i: number): number => 2000 + (6000 * i) / HISTORY;

interface Look {
  readonly established: number;
  readonly templates: number;
  readonly forecast: { readonly half_s: number; readonly most_s: number; readonly all_s: number } | null;
  readonly safe: boolean;
}

/** A real server, and clients that stay until they are told to go. */
class Traffic {
  readonly port: number;
  private readonly server: Server;
  private readonly sockets: Set<Socket>;
  private readonly clients: Socket[] = [];

  private constructor(server: Server, port: number, sockets: Set<Socket>) {
    this.server = server;
    this.port = port;
    this.sockets = sockets;
  }

  static async make(): Promise<Traffic> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket
        .on('error', () => undefined)
        .on('close', () => sockets.delete(socket))
        .resume();
    });
    return new Traffic(server, await listen(server), sockets);
  }

  /** Connects so many clients to a port; resolves when the real server has them. */
  async come(port: number, count: number): Promise<void> {
    const wanted = this.sockets.size + count;
    for (let i = 0; i < count; i++) {
      const client = connect(port, '127.0.0.1').on('error', () => undefined);
      client.resume().write('x');
      this.clients.push(client);
    }
    await until(`${count} connections`, () => this.sockets.size >= wanted);
  }

  /** Every client closes its connection. */
  go(): void {
    for (const client of this.clients.splice(0)) client.end();
  }

  close(): void {
    for (const socket of [...this.clients, ...this.sockets]) socket.destroy();
    this.server.close();
  }
}

/** Brings connections that ended in the last hours into the log, by a capture that makes them up. */
async function remember(vslog: Vslog, port: number, real: number): Promise<void> {
  const path = join(vslog.dir, 'capture.sock');
  const capture = new FakeCapture(path);
  await capture.listen();
  chmodSync(path, 0o777);
  const loopback = parseAddress('127.0.0.1') ?? new Uint8Array(16);
  const now = BigInt(Date.now()) * 1_000_000n;
  const events = Array.from({ length: HISTORY }, (_, i) => {
    const lived = BigInt(Math.round(lifetime(i) * 1e9));
    const born = now - 10_000n * 1_000_000_000n;
    const places = { virtual_addr: loopback, virtual_port: port, real_addr: loopback, real_port: real, created_ns: toLong(born) };
    const conn = BigInt(i + 1);
    const end = { duration_ns: toLong(lived), reason: v1.EndReason.Value.timeout, state: 5 };
    return [
      connEvent({ kind: 'create', sequence: 2n * conn - 1n, conn, time: born, ...places }),
      connEvent({ kind: 'expire', sequence: 2n * conn, conn, time: born + lived, ...places, ...end }),
    ];
  });
  const body = Buffer.concat(events.flat());
  const last = BigInt(2 * HISTORY);
  capture.publish({
    ...{ record: 'conn', node: 'node-a', epoch: EPOCH, first: 1n, last, count: 2 * HISTORY, crc32c: crc32c(body), filtered: false, body },
  });
  const collector = vslog.start('collect');
  await collector.says(/ready: /);
  await until('the history', async () => {
    const { out } = await vslog.ran('sql', '--format', 'jsonl', 'select count() as n from connections where not is_open');
    return out === `{"n":${HISTORY}}\n`;
  });
  expect(await collector.end()).toBe(0);
  await capture.close();
}

describe('draining a real server', () => {
  const vslog = new Vslog();
  let up: Up;
  let traffic: Traffic;
  let port = 0;
  let at = '';

  beforeAll(async () => {
    traffic = await Traffic.make();
    port = await freePort();
    at = `127.0.0.1:${traffic.port}`;
    await remember(vslog, port, traffic.port);
    // What was closed is gone a second later.
    const knobs = ['timeout_timewait', 'timeout_close', 'timeout_tcpfin'].flatMap((knob) => ['--knob', `${knob}=1`]);
    up = vslog.up('--source', 'engine', '--service', `tcp://127.0.0.1:${port}`, '--real', `${at},weight=3`, ...knobs);
    await up.says(/Try next/);
  });
  afterAll(() => {
    traffic?.close();
    vslog.clean();
  });

  const weight = async (): Promise<number | undefined> => {
    const { out } = await vslog.ran('rs', 'ls', '--json');
    const [real] = JSON.parse(out) as { real_weight: number }[];
    return real?.real_weight;
  };

  it('predicts from the lifetimes of the service when it is empty, and says when it is', async () => {
    await traffic.come(port, LIVE);
    const drain = vslog.start('rs', 'drain', at, '--within', '1h', '--json');
    const looks = (): Look[] =>
      drain.said
        .split('\n')
        .filter((line) => line.endsWith('}'))
        .map((line) => JSON.parse(line) as Look);
    const first = await until('a look at all of them', () => looks().find(({ established }) => established === LIVE), {
      detail: () => drain.said,
    });
    // 95 % of the lifetimes are over after this; what the connections are old by then is little beside it.
    const truth = lifetime(0.95 * HISTORY);
    expect(first.forecast?.most_s).toBeGreaterThan(truth * 0.8);
    expect(first.forecast?.most_s).toBeLessThan(truth * 1.2);
    expect(first.forecast?.half_s).toBeGreaterThan(lifetime(0.5 * HISTORY) * 0.8);
    expect(first.forecast?.half_s).toBeLessThan(first.forecast?.most_s ?? 0);
    traffic.go();
    expect(await drain.ended, drain.said).toBe(0);
    expect(looks().at(-1)).toMatchObject({ established: 0, safe: true, verdict: 'safe_to_stop' });
    expect(await weight()).toBe(0);
  });

  it('gives the old weight back', async () => {
    const { code, out } = await vslog.ran('rs', 'drain', at, '--cancel');
    expect({ code, out }).toEqual({ code: 0, out: `tcp 127.0.0.1:${port}: weight 0 → 3\n` });
    expect(await weight()).toBe(3);
  });

  it('names who would be cut when the time is over, with an exit code of its own', async () => {
    await traffic.come(port, 2);
    const { code, out } = await vslog.ran('rs', 'drain', at, '--within', '0s');
    expect(code).toBe(7);
    expect(out).toContain('2 established connections left');
    expect(out).toMatch(/the established ones would be cut:\n {2}127\.0\.0\.1: 2 connections\n$/);
  });

  it('is safe to unplug as a host only when no service sends to any of its ports, and nothing is established there', async () => {
    const other = await Traffic.make();
    const [second, there] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${other.port}`];
    try {
      expect((await vslog.ran('vs', 'add', second, '--scheduler', 'rr')).code).toBe(0);
      expect((await vslog.ran('rs', 'add', second, there)).code).toBe(0);
      await other.come(Number(second.split(':')[1]), 1);
      const one = await vslog.ran('rs', 'drain', at, '--within', '0s');
      expect(one.out).toMatch(/not safe to stop yet/);
      const host = await vslog.ran('rs', 'drain', '127.0.0.1', '--within', '0s', '--json');
      expect(host.code).toBe(7);
      expect(JSON.parse(host.out)).toMatchObject({ target: '127.0.0.1', established: 3, safe: false, verdict: 'not_yet' });
      traffic.go();
      other.go();
      const done = await vslog.ran('rs', 'drain', '127.0.0.1');
      expect(done.code).toBe(0);
      expect(done.out).toMatch(/\nsafe to unplug: 127\.0\.0\.1 has no established connection/);
      expect((await vslog.ran('rs', 'drain', '127.0.0.1', '--cancel')).out.trimEnd().split('\n')).toHaveLength(2);
      expect((await vslog.ran('vs', 'rm', second, '--yes')).code).toBe(0);
      await traffic.come(port, 2);
    } finally {
      other.close();
    }
  });

  it('gives the old weight back also after the one who took it was killed, and the next one had none to remember', async () => {
    const killed = vslog.start('rs', 'drain', at, '--within', '10m');
    await until('weight 0', async () => (await weight()) === 0);
    await killed.end('SIGKILL');
    expect((await vslog.ran('rs', 'drain', at, '--within', '0s')).code).toBe(7);
    expect((await vslog.ran('rs', 'drain', at, '--cancel')).out).toContain('weight 0 → 3');
    expect(await weight()).toBe(3);
  });

  it('does not remove a real server that has connections unasked', async () => {
    const { code, err } = await vslog.ran('rs', 'rm', `127.0.0.1:${port}`, at);
    expect(code).toBe(1);
    expect(err).toMatch(/has 2 live connections of tcp .*: drain it by `vslog rs drain`, or say --yes\.$/m);
  });

  it.each([
    [['rs', 'drain', '127.0.0.77', '--within', '0s'], /^vslog: No virtual service has a real server at 127\.0\.0\.77/],
    [['rs', 'drain', '127.0.0.300'], /^vslog: "127\.0\.0\.300" is neither an address nor a name/],
    [['rs', 'drain', '127.0.0.9:1'], /^vslog: No virtual service has the real server 127\.0\.0\.9:1/],
    [['rs', 'drain', '127.0.0.9:1', '--within', 'soon'], /^vslog: --within is "soon": it must be a time/],
    [['rs', 'drain', '127.0.0.9:1', '--then', 'remove'], /^vslog: --then remove needs --yes/],
    [['vs', 'rm', 'tcp 127.0.0.9:1'], /^vslog: there is no virtual service/],
    [['vs', 'add', 'http 127.0.0.9:1'], /^vslog: "http 127\.0\.0\.9:1" is no virtual service: write /],
    [['rs', 'add', 'tcp 127.0.0.9:1', '127.0.0.9:2', '--weight', '-1'], /^vslog: real_weight takes /],
  ])('refuses %j by a sentence', async (args, sentence) => {
    const { code, err } = await vslog.ran(...args);
    expect(code).not.toBe(0);
    expect(err).toMatch(sentence);
  });

  it('names the clients that persistence still sends to it', async () => {
    const name = `127.0.0.1:${port}`;
    expect((await vslog.ran('vs', 'set', name, '--persistent', '1h')).code).toBe(0);
    await traffic.come(port, 1);
    const { code, out } = await vslog.ran('rs', 'drain', at, '--within', '0s');
    expect(code).toBe(7);
    expect(out).toContain('persistence still sends 127.0.0.1 here; `vslog knob expire-quiescent-template 1` ends that');
    expect((await vslog.ran('rs', 'drain', at, '--cancel')).code).toBe(0);
  });
});
