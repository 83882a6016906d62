// A look at the real thing on any machine: `npm run demo:vm -- [--keep] [--kernel DIR]`. Boots a stock kernel with a small balancer and traffic, follows the
// log live, then asks it a few questions in SQL.
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pc from 'picocolors';
import { readScenario } from '../conformance/scenario.js';
import { CollectorProcess } from './collector.js';
import { Director } from './director.js';
import { findKernel } from './kernel.js';
import { Machine } from './machine.js';
import { startCapture } from './runner.js';
import { CACHE, defaultFiles, defaultKernels, ROOT } from './setting.js';

const LIVE_SECONDS = 20;

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

/** Traffic for as long as the machine runs: TCP, UDP, a persistent client, and what operators do meanwhile. */
const TRAFFIC = `
inside() { ns=$1; shift; ip netns exec "\${ns}_demo" "$@"; }
( port=20000; while true; do inside c flows burst tcp 2 10.1.0.2 $port 10.1.0.1 80; inside c flows burst udp 2 10.1.0.3 $port 10.1.0.1 53; inside c flows burst udp 1 10.1.0.4 $port 10.1.0.1 54; port=$((port + 2)); sleep 0.5; done ) >/dev/null 2>&1 &
( sleep 10; inside d ipvsadm -e -u 10.1.0.1:54 -r 10.2.0.11:54 -m -w 0; inside d ipvsadm -e -u 10.1.0.1:54 -r 10.2.0.12:54 -m -w 0
  inside c flows open /run/flows/demo.x udp 10.1.0.3 9999 10.1.0.1 55; sleep 3
  inside d ipvsadm -d -u 10.1.0.1:55 -r 10.2.0.13:55
  for i in 1 2 3 4; do inside c flows ctl /run/flows/demo.x post; sleep 0.5; done ) >/dev/null 2>&1 &
`;

function say(text: string): void {
  console.log(pc.bold(pc.cyan(`\n${text}`)));
}

async function live(collector: CollectorProcess): Promise<void> {
  const tail: ChildProcess = collector.spawnCommand('tail');
  await sleep(LIVE_SECONDS * 1000);
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
    await startCapture(machine);
    await machine.bridge(socket);
    await collector.start();
    await new Director(machine, readScenario(join(ROOT, 'test/vm/demo.toml'))).setUp();
    await machine.must(TRAFFIC);
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
      await sleep(86_400_000, undefined, { signal: stop.signal }).catch(() => undefined);
    }
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
