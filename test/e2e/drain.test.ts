import { spawn } from 'node:child_process';
import { createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts, type Up, until, Vslog } from './support/vslog.js';

const HISTORY = 200;
const LIVE = 100;
/** The engine's entry of a closed connection stays so long, s. */
const TIME_WAIT_S = 1;
/** The client of number i of n lives so long, s: evenly from 2 to 8. */
const lifetime = (i: number, n: number): number => 2 + (6 * i) / n;

interface Look {
  readonly live: number;
  readonly templates: number;
  readonly prediction: { readonly half?: number; readonly most?: number; readonly all?: number } | null;
  readonly safe: boolean;
}

/** Runs clients, each as long as it is to live; resolves when every one is connected. */
async function clients(port: number, lifetimes: readonly number[]): Promise<void> {
  const script = `const net = require('node:net');
let connected = 0;
const lifetimes = ${JSON.stringify(lifetimes)};
for (const seconds of lifetimes) {
  const socket = net.connect(${port}, '127.0.0.1', () => { socket.write('x'); setTimeout(() => socket.end(), seconds * 1000); if (++connected === lifetimes.length) console.log('all'); });
  socket.on('error', () => {});
}`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.add(child);
  child.once('exit', () => children.delete(child));
  await new Promise<void>((resolve) => child.stdout.once('data', () => resolve()));
}

const children = new Set<ReturnType<typeof spawn>>();

async function listening(): Promise<{ server: Server; port: number }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket
      .on('error', () => undefined)
      .on('close', () => sockets.delete(socket))
      .resume();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return { server, port: typeof address === 'object' && address !== null ? address.port : 0 };
}

describe('draining a real server', () => {
  const vslog = new Vslog();
  let up: Up;
  let real: { server: Server; port: number };
  let port = 0;
  let at = '';

  beforeAll(async () => {
    real = await listening();
    [port = 0] = await freePorts(1);
    at = `127.0.0.1:${real.port}`;
    const knobs = ['timeout_timewait', 'timeout_close', 'timeout_tcpfin'].flatMap((knob) => ['--knob', `${knob}=${TIME_WAIT_S}`]);
    up = vslog.up('--source', 'engine', '--service', `tcp://127.0.0.1:${port}`, '--real', `${at},weight=3`, ...knobs);
    await up.says(/Try next/);
  });
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
    vslog.clean();
    real.server.close();
  });

  const weight = async (): Promise<string | undefined> => {
    const { out } = await vslog.ran('rs', 'ls', '--json');
    const [service] = JSON.parse(out) as { reals: { real_weight: string }[] }[];
    return service?.reals[0]?.real_weight;
  };

  it('predicts from the lifetimes of the service when it is empty, and says when it is', { timeout: 120_000 }, async () => {
    await clients(
      port,
      Array.from({ length: HISTORY }, (_, i) => lifetime(i, HISTORY)),
    );
    await until('the history', async () => {
      const { out } = await vslog.ran('sql', '--format', 'jsonl', 'select count() as n from connections where not is_open');
      return out === `{"n":${HISTORY}}\n` || undefined;
    });
    await clients(
      port,
      Array.from({ length: LIVE }, (_, i) => lifetime(i, LIVE)),
    );
    const { code, out } = await vslog.ran('rs', 'drain', at, '--within', '60s', '--json');
    expect(code).toBe(0);
    const looks = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Look);
    expect(looks.at(-1)).toMatchObject({ live: 0, safe: true });
    const first = looks.find(({ live }) => live === LIVE);
    // They are a moment old: 95 % of the lifetimes are over after this, and the entries a second later.
    const truth = lifetime(0.95 * LIVE, LIVE) + TIME_WAIT_S;
    expect(first?.prediction?.most).toBeGreaterThan(truth * 0.8);
    expect(first?.prediction?.most).toBeLessThan(truth * 1.2);
    expect(first?.prediction?.half).toBeLessThan(first?.prediction?.most ?? 0);
    expect(await weight()).toBe('0');
  });

  it('gives the old weight back', async () => {
    const { code, out } = await vslog.ran('rs', 'drain', at, '--cancel');
    expect({ code, out }).toEqual({ code: 0, out: `tcp 127.0.0.1:${port}: weight 0 → 3\n` });
    expect(await weight()).toBe('3');
  });

  it('names who would be cut when the time is over, with an exit code of its own', async () => {
    await clients(port, [30, 30]);
    const { code, out } = await vslog.ran('rs', 'drain', at, '--within', '0s');
    expect(code).toBe(7);
    expect(out).toContain('2 connections left (2 active, 0 inactive)');
    expect(out).toMatch(/these would be cut:\n {2}127\.0\.0\.1: 2 connections\n$/);
  });

  it('gives the old weight back also after the one who took it was killed, and the next one had none to remember', async () => {
    const killed = vslog.start('rs', 'drain', at, '--within', '10m');
    await until('weight 0', async () => (await weight()) === '0' || undefined);
    await killed.end('SIGKILL');
    expect((await vslog.ran('rs', 'drain', at, '--within', '0s')).code).toBe(7);
    expect((await vslog.ran('rs', 'drain', at, '--cancel')).out).toContain('weight 0 → 3');
    expect(await weight()).toBe('3');
  });

  it('does not remove a real server that has connections unasked', async () => {
    const { code, err } = await vslog.ran('rs', 'rm', `127.0.0.1:${port}`, at);
    expect(code).toBe(1);
    expect(err).toMatch(/has 2 live connections of tcp .*: drain it by `vslog rs drain`, or say --yes\.$/m);
  });

  it.each([
    [['rs', 'drain', '127.0.0.1'], /^vslog: "127\.0\.0\.1" is no real server: write ADDRESS:PORT/],
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

  it('names the clients that persistence still sends to it', { timeout: 60_000 }, async () => {
    const name = `127.0.0.1:${port}`;
    expect((await vslog.ran('vs', 'set', name, '--persistent', '60s')).code).toBe(0);
    await clients(port, [60]);
    const { code, out } = await vslog.ran('rs', 'drain', at, '--within', '0s');
    expect(code).toBe(7);
    expect(out).toContain('persistence still sends 127.0.0.1 here; `vslog knob expire-quiescent-template 1` ends that');
    expect((await vslog.ran('rs', 'drain', at, '--cancel')).code).toBe(0);
  });
});
