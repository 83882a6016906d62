// Other users of the director at the capture's socket, while connections run through the kernel's balancer.
import { join } from 'node:path';
import { CaptureClient, type SourceStatus } from '../../src/wire/client.js';
import { toBigInt } from '../../src/wire/proto.js';
import { readScenario } from '../conformance/scenario.js';
import { WAIT_MS } from '../support/patience.js';
import { SHARED } from './capture.js';
import type { Machine } from './machine.js';
import { attempt, type Result } from './result.js';
import { runScenario, type Stage } from './runner.js';
import { ROOT } from './setting.js';

const NAME = 'attacked';
/** Longest that anything may keep the capture from its source, ms of its processor time; and its memory beside the journal, MiB. */
const AWAY_MS = 50;
const MEMORY_MIB = 128;
const USERS = [41_001, 41_002, 41_003, 41_004];
const SESSIONS = 16;
const FRAMES = 4096;

/** Sessions that ask for everything and go; that ask and never read; and that begin frames which never end. */
const ATTACKS = [
  { how: 'whole', rounds: 5 },
  { how: 'whole', rounds: 0 },
  { how: 'half', rounds: 0 },
] as const;

/** Plays a whole life of connections beside each attack: every event of it must be in the log, and the capture stays small and at its work. */
export function attacked(stage: Stage, socket: string): Promise<Result> {
  return attempt(NAME, () => play(stage, socket), stage.machine);
}

async function play(stage: Stage, socket: string): Promise<string | undefined> {
  const { machine } = stage;
  const scenario = readScenario(join(ROOT, 'test/scenarios/tcp-full-life.toml'));
  for (const { how, rounds } of ATTACKS) {
    const begin = USERS.map(
      (uid) => `setsid hand attack ${SHARED.socket} ${uid} ${SESSIONS} ${FRAMES} ${how} ${rounds} > /tmp/attack.${uid} 2>&1 & echo $!`,
    );
    const pids = (await machine.must(begin.join('\n'))).trim().split(/\s+/);
    try {
      const result = await runScenario(stage, { ...scenario, name: `${NAME}-${how}-${rounds}` });
      if (result.failure !== undefined) return `${how}, ${rounds} rounds: ${result.failure}`;
      const said = await machine.must('cat /tmp/attack.*');
      if (/hand:/.test(said)) return `the attack itself failed: ${said}`;
      const status = await statusOf(socket);
      const away = Number(toBigInt(status.longest_away_ns)) / 1e6;
      const memory = await memoryOf(machine, status.pid);
      console.log(`  ${how}, ${rounds} rounds: ${away.toFixed(1)} ms away from the source at most, ${memory.toFixed(0)} MiB`);
      if (away > AWAY_MS) return `the capture was ${away.toFixed(1)} ms away from its source`;
      if (memory > MEMORY_MIB) return `the capture keeps ${memory.toFixed(0)} MiB`;
    } finally {
      await machine.must(`kill -9 ${pids.join(' ')} 2> /dev/null; rm -f /tmp/attack.*; true`);
    }
  }
  return undefined;
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
