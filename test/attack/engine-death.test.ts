import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createEmbeddedStore, type EmbeddedStore } from '../../src/store/index.js';
import { ask, bring, segmentOf, shortConnections } from '../e2e/store-segments.js';
import { freeze } from '../support/freeze.js';
import { COMMAND_MS, until } from '../support/patience.js';

const PAIRS = 2000;
let dir: string;
let store: EmbeddedStore;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'vslog-attack-'));
  // A delivery that hangs is not what has to notice it here.
  store = createEmbeddedStore({ dir: join(dir, 'ch'), deliverTimeoutMs: 2 ** 31 - 1 });
  await store.start();
});
afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

/** Sends a signal to one thread of a process, as a fault in it does. */
function signalThread(pid: number, thread: number, signal: number): void {
  const program = 'import ctypes, sys; sys.exit(ctypes.CDLL(None).tgkill(*map(int, sys.argv[1:])))';
  const { status, stderr } = spawnSync('python3', ['-c', program, String(pid), String(thread), String(signal)], {
    encoding: 'utf8',
    timeout: COMMAND_MS,
  });
  if (status !== 0) throw new Error(`tgkill: ${stderr}`);
}

const SIGSEGV = 11;
const deaths: readonly (readonly [what: string, die: (pid: number) => void])[] = [
  ['a fault in its first thread', (pid) => void process.kill(pid, 'SIGSEGV')],
  // Its own handler catches it, and what lives on answers every statement with an error.
  ['a fault in its last thread', (pid) => signalThread(pid, Math.max(...readdirSync(`/proc/${pid}/task`).map(Number)), SIGSEGV)],
  ['being stopped', (pid) => void process.kill(pid, 'SIGSTOP')],
];

it.each(deaths)('an engine that died of %s is replaced, and what it was taking is there once', async (_what, die) => {
  let [next, over] = [0, false];
  const load = (async () => {
    while (!over) {
      const first = BigInt(2 * PAIRS * next + 1);
      const range = { first, last: first + BigInt(2 * PAIRS) - 1n };
      await bring(store, segmentOf(dir, shortConnections(PAIRS, PAIRS * next), [range], { id: next + 1 }));
      next++;
    }
  })();
  await until('deliveries', () => next >= 3);
  const { pid, starts } = store.status();
  if (pid === null) throw new Error('There is no engine.');
  const asked = store.query('SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 4711', { format: 'TSV' }).then(
    () => 'an answer',
    (error: Error) => error.message,
  );
  const before = next;
  die(pid);
  await until('another engine', () => store.status().starts > starts && store.status().pid !== pid && next > before + 1, {
    detail: () => JSON.stringify(store.status()),
  });
  expect(await asked).toMatch(/^The embedded ClickHouse (died inside|ended).* started again\.$/);
  over = true;
  await load;
  expect(await ask(store, 'SELECT count(), uniqExact(sequence), (SELECT sum(creates) FROM rs_minute) FROM conn_events')).toBe(
    `${2 * PAIRS * next}\t${2 * PAIRS * next}\t${PAIRS * next}`,
  );
});

it('an engine that died while nobody asked anything is replaced', async () => {
  const { pid, starts } = store.status();
  await freeze(pid);
  await until('another engine', () => store.status().starts > starts && store.status().pid !== pid);
  expect(await ask(store, 'SELECT 1')).toBe('1');
});
