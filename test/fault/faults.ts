import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiClient } from '../../src/api/client.js';
import type { StatusDocument } from '../../src/api/status.js';
import type { Verification } from '../../src/api/verification.js';
import { alive, familyOf, unprivileged } from '../e2e/support/vslog.js';
import { ClickHouseServer } from '../support/clickhouse/server.js';
import { KafkaBroker } from '../support/kafka/broker.js';
import { COMMAND_MS, pause, until } from '../support/patience.js';
import { ProgramVictim, type Victim } from './victim.js';

const ROOT = join(import.meta.dirname, '../..');
const CAPTURE = join(ROOT, 'build/native/vslog-capture');
const VSLOG = join(ROOT, 'dist/main.js');

export interface FaultOptions {
  readonly rounds: number;
  /** Events a second. */
  readonly rate: number;
  /** The same seed chooses the same victims and times. */
  readonly seed: number;
}

export interface FaultFigures {
  readonly rounds: number;
  readonly seed: number;
  /** Times that each was killed and frozen. */
  readonly killed: Readonly<Record<string, number>>;
  readonly frozen: Readonly<Record<string, number>>;
  /** Events that the capture made, by its own account: sequences of its one epoch. */
  readonly made: number;
  /** Of each sink: events of the spool that it was compared for, what it lacks, and what it has too often. */
  readonly sinks: Readonly<Record<string, { readonly events: number; readonly missing: number; readonly duplicates: number }>>;
  readonly lost: number;
  readonly duplicated: number;
  /** What `vslog verify` said. */
  readonly complete: boolean;
  readonly seconds: number;
}

/** Numbers from 0 to 1 that follow from the seed (mulberry32). */
function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const anySeed = (): number => randomInt(1, 2 ** 31);

/** Kills and freezes one part after the other under a steady load, lets everything come to rest, and compares what was made with what every sink has. */
export async function runFaults({ rounds, rate, seed }: FaultOptions, say: (line: string) => void): Promise<FaultFigures> {
  const began = performance.now();
  const who = unprivileged();
  const dir = mkdtempSync(join(tmpdir(), 'vslog-fault-'));
  const api = new ApiClient(join(dir, 'api.sock'));
  const server = await ClickHouseServer.make();
  const broker = await KafkaBroker.make();
  const env = { ...process.env, HOME: dir, VSLOG_CONFIG: join(dir, 'vslog.toml') };
  const source = (events: number): string[] => [
    ...['--socket', join(dir, 'capture.sock'), '--journal', join(dir, 'journal'), '--node', 'node-a'],
    ...['--source', 'scripted', '--scripted-rate', String(rate), '--scripted-events', String(events)],
  ];
  const capture = new ProgramVictim('capture', CAPTURE, source(0), { ...who, env });
  const collector = new ProgramVictim('collector', process.execPath, [VSLOG, 'collect'], { ...who, env, cwd: ROOT });
  const left = (): void => {
    for (const pid of [capture.pid, collector.pid])
      if (pid !== undefined) for (const member of familyOf(pid)) if (alive(member)) process.kill(member, 'SIGKILL');
  };
  process.once('exit', left);
  try {
    writeFileSync(join(dir, 'vslog.toml'), configuration(dir, server.url, broker.brokers));
    mkdirSync(join(dir, 'data'));
    if (who.uid !== undefined) for (const path of [dir, join(dir, 'data')]) chownSync(path, who.uid, who.gid ?? who.uid);
    await Promise.all([server.start(), broker.start()]);
    await prepare(env, who);
    await capture.revive();
    await collector.revive();
    const status = async (): Promise<StatusDocument | undefined> => api.status().catch(() => undefined);
    await until('something in all sinks', async () => {
      const now = await status();
      return now?.sinks.length === 4 && now.sinks.every((sink) => sink.delivered_events > 0);
    });

    const roll = dice(seed);
    const between = (low: number, high: number): number => Math.floor(low + roll() * (high - low));
    const victims: Victim[] = [capture, collector, asVictim('server', server), asVictim('broker', broker)];
    const deck: Victim[] = [];
    const killed: Record<string, number> = {};
    const frozen: Record<string, number> = {};
    for (let round = 1; round <= rounds; round++) {
      // Dealt like cards, so that a short run hits each, too.
      if (deck.length === 0) deck.push(...victims);
      const [victim] = deck.splice(between(0, deck.length), 1) as [Victim];
      await pause(between(50, 1500), 'another moment in each round');
      if (roll() < 0.7) {
        killed[victim.name] = (killed[victim.name] ?? 0) + 1;
        await victim.kill();
        await pause(between(0, 400), 'the others do without it');
        await victim.revive();
      } else {
        frozen[victim.name] = (frozen[victim.name] ?? 0) + 1;
        await victim.freeze();
        await pause(between(100, 2500), 'the others do without it');
        victim.thaw();
      }
      // What is behind is brought up now and then, so that the end is not the only time that it is.
      if (round % 10 === 0) {
        const now = await until('an answer of the collector', status);
        say(
          `round ${round}: ${now.counters.events} events received since its start, behind: ${now.sinks.map((sink) => `${sink.name} ${sink.lag_events}`).join(', ')}`,
        );
      }
    }

    // The source comes to an end: a few more than it has made.
    const soFar = await until('an answer of the capture', async () => (await status())?.capture.account?.next_sequence);
    await capture.kill();
    capture.setArguments(source(soFar + 100));
    await capture.revive();
    const made = await allDelivered(status, say);
    if ((await collector.end('SIGTERM')) !== 0) throw new Error(`The collector did not end well: ${collector.complaint}`);
    await capture.end('SIGTERM');
    say('comparing what was made with what every sink has');
    const report = await verified(env, who);
    const sinks = Object.fromEntries(
      report.sinks.map(({ name, events, missing, duplicates, ok }) => [name, { events, missing, duplicates, ok }]),
    );
    const epoch = report.spool.epochs.find((one) => !one.local);
    // The clean end of the capture wrote one more record, after the collector had gone.
    const inSpool = Number(epoch?.count ?? 0);
    const lost = made - inSpool + report.sinks.reduce((sum, { missing }) => sum + missing, 0);
    const duplicated = report.sinks.reduce((sum, { duplicates }) => sum + duplicates, 0);
    const seconds = Math.round((performance.now() - began) / 1000);
    return { rounds, seed, killed, frozen, made, sinks, lost, duplicated, complete: report.complete, seconds };
  } finally {
    await collector.kill();
    await capture.kill();
    left();
    process.off('exit', left);
    await server.stop();
    await broker.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

function asVictim(
  name: string,
  it: { kill(): Promise<void>; start(): Promise<unknown>; freeze(): Promise<void>; thaw(): void; stop(): Promise<void> },
): Victim {
  return {
    name,
    kill: () => it.kill(),
    async revive() {
      await it.start();
    },
    freeze: () => it.freeze(),
    thaw: () => it.thaw(),
    stop: () => it.stop(),
  };
}

function configuration(dir: string, url: string, brokers: string): string {
  return `[capture]
socket = "${dir}/capture.sock"
[collector]
api_socket = "${dir}/api.sock"
data_dir = "${dir}/data"
drain = "1h"
[spool]
segment_age = "200ms"
max_bytes = "1T"
[clickhouse_http]
listen = ""
[console]
listen = ""
[metrics]
listen = ""
[clickhouse]
url = "${url}"
timeout = "10s"
[file]
dir = "${dir}/files"
rotate_bytes = "4M"
[kafka]
brokers = "${brokers}"
`;
}

type Who = ReturnType<typeof unprivileged>;

async function ran(args: readonly string[], env: NodeJS.ProcessEnv, who: Who): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [VSLOG, ...args], {
    ...who,
    env,
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: COMMAND_MS,
  });
  const said = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.err += text;
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, ...said };
}

/** The topics. */
async function prepare(env: NodeJS.ProcessEnv, who: Who): Promise<void> {
  const { code, err } = await ran(['sink', 'kafka', 'init'], env, who);
  if (code !== 0) throw new Error(`The topics could not be made: ${err}`);
}

async function verified(env: NodeJS.ProcessEnv, who: Who): Promise<Verification> {
  const { out, err } = await ran(['verify', '--json'], env, who);
  if (out === '') throw new Error(`vslog verify: ${err}`);
  return JSON.parse(out) as Verification;
}

/** Waits as long as it goes on until every sink has all that the capture made; resolves to how many events. */
async function allDelivered(status: () => Promise<StatusDocument | undefined>, say: (line: string) => void): Promise<number> {
  let made = 0;
  let left = Number.POSITIVE_INFINITY;
  const behind = async (): Promise<number | undefined> => {
    const now = await status();
    if (now === undefined || now.capture.account === null || now.lag_events === null) return undefined;
    const before = made;
    made = now.capture.account.next_sequence - 1;
    // Of the events that were made since the last look it may not know yet.
    return now.lag_events + now.spool.active_events + now.sinks.reduce((sum, sink) => sum + sink.lag_events, 0) + (made - before);
  };
  while (left > 0) {
    left = await until(
      'the sinks come nearer to the capture',
      async () => {
        const now = await behind();
        return now !== undefined && now < left ? { now } : undefined;
      },
      { everyMs: 200, detail: () => `They are ${left} events behind.` },
    ).then(({ now }) => now);
    say(`behind: ${left} events`);
  }
  return made;
}
