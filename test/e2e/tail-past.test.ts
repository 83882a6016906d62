import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../support/patience.js';
import { freePort, listen } from '../support/ports.js';
import { Visitors } from './support/visitors.js';
import { type Up, Vslog } from './support/vslog.js';

const vslog = new Vslog();
let up: Up;
let server: Server;
let port = 0;
let visitors: Visitors;

interface Line {
  readonly epoch: string;
  readonly sequence: number;
  readonly record: string;
  readonly kind: string;
  readonly outcome?: string;
}
const lines = (out: string): Line[] =>
  out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

beforeAll(async () => {
  server = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
  const real = await listen(server);
  port = await freePort();
  const knobs = ['timeout_timewait', 'timeout_close', 'timeout_tcpfin'].flatMap((knob) => ['--knob', `${knob}=1`]);
  up = vslog.up('--source', 'engine', '--service', `tcp://127.0.0.1:${port}`, '--real', `127.0.0.1:${real}`, ...knobs);
  await up.says(/Try next/);
  visitors = new Visitors(port);
});
afterAll(() => {
  visitors?.stop();
  server?.close();
  vslog.clean();
});

test('tail begins with the past, and goes on live without a gap or a double, while connections come and go', async () => {
  visitors.start();
  await until('some past', () => visitors.done > 100);
  const { code, out, err } = await vslog.ran('tail', '--last', '50', '-n', '300', '-o', 'jsonl');
  visitors.stop();
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const shown = lines(out);
  expect(shown).toHaveLength(300);
  const [first] = shown;
  // Sequences have no gaps over all record types.
  expect(shown.map(({ sequence }) => sequence)).toEqual(shown.map((_one, i) => (first?.sequence ?? 0) + i));
  expect(new Set(shown.map(({ epoch }) => epoch)).size).toBe(1);
});

test('a filter is the same for the past and for what comes', async () => {
  const ended = async (): Promise<string> =>
    (await vslog.ran('sql', '--format', 'jsonl', "select count() as n from conn_events where kind = 'expire' and outcome = 'closed'")).out;
  await until('an end in the store', async () => (JSON.parse(await ended()) as { n: number }).n >= 3);
  const { out } = await vslog.ran('tail', '--last', '3', '-n', '3', '--outcome', 'closed', '--vs', `:${port}`, '-o', 'jsonl');
  expect(lines(out).map(({ kind, outcome }) => `${kind} ${outcome}`)).toEqual(['expire closed', 'expire closed', 'expire closed']);
  const since = await vslog.ran('tail', '--since', '1h', '-n', '2', '--kind', 'capture_started', 'real_added', '-o', 'jsonl');
  expect(lines(since.out).map(({ record }) => record)).toEqual(['control', 'control']);
});

test('says that it waits, and what a reason is of', async () => {
  const tail = vslog.start('tail', '--reason', 'nodest');
  await tail.says(/Waiting for events; Ctrl-C ends\. .*packets that are dropped because a real server is gone are --kind nodest_drop/);
  await tail.end();
});

test('an open connection has its state of now in report who', async () => {
  const stay = await visitors.hold();
  const state = async (): Promise<string> => {
    const { out } = await vslog.ran('report', 'who', '--json', '--vs', `:${port}`);
    const rows = JSON.parse(out) as { client: string; outcome: string; state_name: string }[];
    const row = rows.find(({ client }) => client === `127.0.0.1:${stay.localPort}`);
    return `${row?.outcome} ${row?.state_name}`;
  };
  await until('the state of now', async () => (await state()) === 'open ESTABLISHED');
  stay.destroy();
});
