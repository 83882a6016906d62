// A look at the real thing on any machine: `npm run demo:vm -- [--keep] [--kernel DIR]`. Boots a stock kernel with a small balancer and traffic, follows the
// log live, then asks it a few questions in SQL.
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pc from 'picocolors';
import { type Real, readScenario, type Step } from '../conformance/scenario.js';
import { pause } from '../support/patience.js';
import { SHARED } from './capture.js';
import { CollectorProcess } from './collector.js';
import { Director } from './director.js';
import { findKernel } from './kernel.js';
import { Machine } from './machine.js';
import { command } from './session.js';
import { CACHE, defaultFiles, defaultKernels, ROOT } from './setting.js';

const LIVE_SECONDS = 20;

const REAL: Omit<Real, 'at' | 'weight'> = { forward: 'masq', upper: 0, lower: 0, serves: true };

const QUESTIONS: readonly (readonly [string, string])[] = [
  [
    'Which client was on real server 10.2.0.11, from when to when, and why did it end?',
    "SELECT client_addr, client_port, toString(start) AS start, if(is_open, 'open', toString(end)) AS end, reason FROM vslog.connections WHERE real_addr = '10.2.0.11' AND NOT is_template ORDER BY start LIMIT 8",
  ],
  [
    'Why did connections end?',
    'SELECT reason, count() AS connections FROM vslog.connections WHERE NOT is_open GROUP BY reason ORDER BY connections DESC',
  ],
  [
    'Which packets were dropped in silence, because their real server was gone?',
    "SELECT replaceOne(toString(client_addr), '::ffff:', '') AS client, replaceOne(toString(real_addr), '::ffff:', '') AS real, sum(drop_packets) AS packets FROM vslog.conn_events WHERE kind = 'nodest_drop' GROUP BY client, real",
  ],
  [
    'Which clients does persistence still send to a quiesced server?',
    "SELECT replaceOne(toString(client_addr), '::ffff:', '') AS client, replaceOne(toString(real_addr), '::ffff:', '') AS real, count() AS connections FROM vslog.conn_events WHERE kind = 'create' AND quiesced AND scheduled_by = 'persistence' GROUP BY client, real",
  ],
  [
    'Who changed the balancer?',
    "SELECT toString(time_ns) AS time, kind, new_value, command FROM vslog.control_events WHERE kind IN ('real_changed', 'real_removed') ORDER BY time_ns",
  ],
];

/** A pause between two rounds of traffic, ms. */
const ROUND_MS = 500;
/** Rounds before the operator does something. */
const ROUNDS_BEFORE = 15;

/** Traffic for as long as the machine runs: TCP, UDP, a persistent client, and what operators do meanwhile. */
async function traffic(director: Director, stop: AbortSignal): Promise<void> {
  const burst = (protocol: 'tcp' | 'udp', count: number, from: string, to: string): Step => ({ do: 'burst', protocol, count, from, to });
  const round = [burst('tcp', 2, 'c1', 'vip:80'), burst('udp', 2, 'c2', 'vip:53'), burst('udp', 1, 'c3', 'vip:54')];
  const quiesced = (at: string): Step => ({ do: 'edit_real', service: 'vip:54', protocol: 'udp', real: { ...REAL, at, weight: 0 } });
  const post: Step = { do: 'post', on: 'x', fails: false };
  for (let n = 0; !stop.aborted; ++n) {
    await director.perform(round.map((step) => ({ ...step })));
    if (n === ROUNDS_BEFORE) {
      const open: Step = { do: 'open', as: 'x', protocol: 'udp', from: 'c2:9999', to: 'vip:55', fails: false };
      const removed: Step = { do: 'delete_real', service: 'vip:55', protocol: 'udp', at: 'rs3:55' };
      await director.perform([quiesced('rs1:54'), quiesced('rs2:54'), open, removed, post, post, post, post]);
    }
    await pause(ROUND_MS, 'people shall be able to read along', stop).catch(() => undefined);
  }
}

function say(text: string): void {
  console.log(pc.bold(pc.cyan(`\n${text}`)));
}

async function live(collector: CollectorProcess): Promise<void> {
  const tail: ChildProcess = collector.spawnCommand('tail');
  await pause(LIVE_SECONDS * 1000, 'people watch');
  const gone = new Promise((resolve) => tail.once('exit', resolve));
  tail.kill('SIGINT');
  await gone;
}

async function demo(folder: string, keep: boolean): Promise<void> {
  const kernel = findKernel(folder);
  const scratch = mkdtempSync(join(tmpdir(), 'vslog-demo-'));
  say(`Booting Linux ${kernel.release} under software emulation ...`);
  const machine = await Machine.boot(kernel, defaultFiles(), CACHE);
  const socket = join(scratch, 'capture.sock');
  const collector = new CollectorProcess(socket, scratch);
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  try {
    const session = await machine.session();
    await session.batch([command(SHARED.start)]);
    session.close();
    await machine.bridge(socket);
    await collector.start();
    const director = new Director(machine, readScenario(join(ROOT, 'test/vm/demo.toml')), SHARED);
    await director.setUp();
    const over = new AbortController();
    const going = traffic(director, AbortSignal.any([over.signal, stop.signal])).catch(() => undefined);
    say(`vslog tail   (${LIVE_SECONDS} seconds of it)`);
    await live(collector);
    for (const [question, query] of QUESTIONS) {
      say(question);
      console.log(pc.dim(`vslog sql "${query}"`));
      const { out, err } = await collector.command('sql', '--format', 'table', query);
      console.log(out.trimEnd() || err.trimEnd());
    }
    say('vslog verify');
    console.log((await collector.command('verify')).out.trimEnd());
    if (keep) {
      say('It goes on until ^C. Ask it from another terminal:');
      console.log(
        `VSLOG_COLLECTOR_API_SOCKET=${join(scratch, 'api.sock')} node dist/main.js sql "select * from vslog.connections limit 5"`,
      );
      await new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve(), { once: true }));
    }
    over.abort();
    await going;
  } finally {
    await collector.stop();
    await machine.stop();
    rmSync(scratch, { recursive: true, force: true });
  }
}

const args = process.argv.slice(2);
const at = args.indexOf('--kernel');
const folder = at >= 0 ? args[at + 1] : defaultKernels().at(-1);
if (folder === undefined) throw new Error('--kernel needs a folder that holds boot/ and lib/modules/');
await demo(folder, args.includes('--keep'));
