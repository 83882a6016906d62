// Other users of the director at the capture's socket, while connections run through the kernel's balancer.
import { join } from 'node:path';
import { CaptureClient, type SourceStatus } from '../../src/wire/client.js';
import { toBigInt } from '../../src/wire/proto.js';
import { readScenario } from '../conformance/scenario.js';
import { until, WAIT_MS } from '../support/patience.js';
import { SHARED } from './capture.js';
import type { Machine } from './machine.js';
import { attempt, type Result } from './result.js';
import { runScenario, type Stage } from './runner.js';
import { ROOT } from './setting.js';

const NAME = 'attacked';
/**
 * Longest that anything may keep the capture from its source, ms of its processor time; and its memory beside the journal, MiB. On a real processor it is 50 ms, which
 * test/attack holds. An emulated one takes some twenty times as long for the same work, and its time goes on while the host does something else: this bound only tells a
 * capture that is in its turns from one that works off everything at once, which took minutes.
 */
const AWAY_MS = 10_000;
const MEMORY_MIB = 128;
const SESSIONS = 16;
const FRAMES = 4096;

/** Sessions that ask for everything and go; that ask and never read; that begin frames which never end; and, by one who may look, that want the log kept for them or take the collector's. */
const ATTACKS = [
  { uid: 41_001, how: 'whole', rounds: 20 },
  { uid: 41_002, how: 'whole', rounds: 0 },
  { uid: 41_003, how: 'whole', rounds: 0 },
  { uid: 41_004, how: 'half', rounds: 0 },
  { uid: 41_005, how: 'keep', rounds: 0 },
] as const;

/** Plays a whole life of connections beside the attacks: every event of it must be in the log, and the capture stays small and at its work. */
export function attacked(stage: Stage, socket: string): Promise<Result> {
  return attempt(NAME, () => play(stage, socket), stage.machine);
}

async function play(stage: Stage, socket: string): Promise<string | undefined> {
  const { machine } = stage;
  const scenario = readScenario(join(ROOT, 'test/scenarios/tcp-full-life.toml'));
  // What operators asked for before may have taken long, and is told for a minute or two.
  await until('a capture at its work', async () => (await awayOf(socket)) < AWAY_MS, { everyMs: 5000 });
  const begin = ATTACKS.map(
    ({ uid, how, rounds }) =>
      `setsid hand attack ${SHARED.socket} ${uid} ${SESSIONS} ${FRAMES} ${how} ${rounds} > /tmp/attack.${uid} 2>&1 & echo $!`,
  );
  const pids = (await machine.must(begin.join('\n'))).trim().split(/\s+/);
  try {
    const result = await runScenario(stage, { ...scenario, name: NAME });
    if (result.failure !== undefined) return result.failure;
    const said = await machine.must('cat /tmp/attack.*');
    if (/hand:/.test(said) || said.split('under way').length !== ATTACKS.filter(({ rounds }) => rounds === 0).length + 1)
      return `the attack itself failed: ${said}`;
    const kept = (await statusOf(socket)).durable.filter(({ name, owner }) => name?.startsWith('thief') === true || owner === 41_005);
    if (kept.length > 0) return `the capture keeps events for somebody who may only look: ${kept.map(({ name }) => name).join(', ')}`;
    const away = await awayOf(socket);
    const memory = await memoryOf(machine, (await statusOf(socket)).pid);
    console.log(`  attacked: ${away.toFixed(1)} ms away from the source at most, ${memory.toFixed(0)} MiB`);
    if (away > AWAY_MS) return `the capture was ${away.toFixed(1)} ms away from its source`;
    if (memory > MEMORY_MIB) return `the capture keeps ${memory.toFixed(0)} MiB`;
    return undefined;
  } finally {
    await machine.must(`kill -9 ${pids.join(' ')} 2> /dev/null; rm -f /tmp/attack.*; true`);
  }
}

/** Longest time away from the source of late, ms. */
async function awayOf(socket: string): Promise<number> {
  return Number(toBigInt((await statusOf(socket)).longest_away_ns)) / 1e6;
}

async function statusOf(socket: string): Promise<SourceStatus> {
  const client = new CaptureClient({ path: socket, software: 'vm-test', timeoutMs: WAIT_MS });
  try {
    await client.connect();
    return await client.sourceStatus();
  } finally {
    client.close();
  }
}

/** Of its own, without the pages of the journal and of the kernel's ring. */
async function memoryOf(machine: Machine, pid: number): Promise<number> {
  const [, kib = 'NaN'] = /^RssAnon:\s+(\d+) kB$/m.exec(await machine.must(`cat /proc/${pid}/status`)) ?? [];
  return Number(kib) / 1024;
}
