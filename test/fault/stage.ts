import { spawn } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiClient } from '../../src/api/client.js';
import type { StatusDocument } from '../../src/api/status.js';
import type { Verification } from '../../src/api/verification.js';
import { alive, familyOf, unprivileged } from '../e2e/support/vslog.js';
import { ClickHouseServer } from '../support/clickhouse/server.js';
import { freeze } from '../support/freeze.js';
import { KafkaBroker } from '../support/kafka/broker.js';
import { COMMAND_MS, until } from '../support/patience.js';
import { FaultClock } from './clock.js';
import { askServer, countInFiles, countInTables, countInTopics, type SinkCount } from './counts.js';
import { FaultDisk } from './disk.js';
import { holdJournal } from './hold.js';
import { ProgramVictim } from './victim.js';

const ROOT = join(import.meta.dirname, '../..');
const CAPTURE = join(ROOT, 'build/native/vslog-capture');
const VSLOG = join(ROOT, 'dist/main.js');
/** Of the capture's journal: it must hold all events since an older copy of the disk, which is put back at most three decks of faults later. */
const JOURNAL_SIZE = '1G';
/** How far a clock may be from what was set, ms: between the two looks the machine may be busy. */
const CLOCK_NEAR_MS = 600_000;

/** Sinks that are switched off and on. */
export const SWITCHED = ['file', 'kafka'] as const;
export type Switched = (typeof SWITCHED)[number];

/** A whole vslog with real sinks: the collector on a disk and by a clock of its own. */
export class FaultStage {
  readonly server: ClickHouseServer;
  readonly broker: KafkaBroker;
  readonly disk: FaultDisk;
  readonly clock: FaultClock;
  readonly capture: ProgramVictim;
  readonly collector: ProgramVictim;
  private readonly dir: string;
  private readonly api: ApiClient;
  private readonly env: NodeJS.ProcessEnv;
  private readonly rate: number;
  private readonly who = unprivileged();

  private constructor(server: ClickHouseServer, broker: KafkaBroker, rate: number) {
    this.dir = mkdtempSync(join(tmpdir(), 'vslog-fault-'));
    this.server = server;
    this.broker = broker;
    this.rate = rate;
    const { dir, who } = this;
    this.api = new ApiClient(join(dir, 'api.sock'));
    this.env = { ...process.env, HOME: dir, VSLOG_CONFIG: join(dir, 'vslog.toml') };
    this.clock = new FaultClock(dir);
    this.capture = new ProgramVictim('capture', CAPTURE, this.source(0), { ...who, env: this.env });
    const env = { ...this.env, ...this.clock.env };
    this.collector = new ProgramVictim('collector', process.execPath, [VSLOG, 'collect'], { ...who, env, cwd: ROOT });
    this.disk = new FaultDisk(dir, who);
    this.configure([]);
  }

  private async prepare(): Promise<void> {
    const { dir, who } = this;
    this.disk.make();
    await this.disk.proveCut();
    mkdirSync(this.data);
    if (who.uid !== undefined) for (const path of [dir, this.data]) chownSync(path, who.uid, who.gid ?? who.uid);
  }

  /** All of it runs, and each sink has something. `rate`: events a second. */
  static async begin(rate: number): Promise<FaultStage> {
    const stage = new FaultStage(await ClickHouseServer.make(), await KafkaBroker.make(), rate);
    try {
      await stage.prepare();
      await Promise.all([stage.server.start(), stage.broker.start()]);
      const { code, err } = await stage.ran('sink', 'kafka', 'init');
      if (code !== 0) throw new Error(`The topics could not be made: ${err}`);
      await stage.capture.revive();
      await holdJournal(stage.captureSocket);
      await stage.collector.revive();
      await until('something in all sinks', async () => {
        const now = await stage.status();
        return now?.sinks.length === 4 && now.sinks.every((sink) => sink.delivered_events > 0);
      });
      return stage;
    } catch (error) {
      await stage.end();
      throw error;
    }
  }

  private get captureSocket(): string {
    return join(this.dir, 'capture.sock');
  }

  private get data(): string {
    return join(this.disk.folder, 'data');
  }

  /** The configuration from the collector's next start on, without some sinks. */
  configure(without: readonly Switched[]): void {
    const on = (name: Switched, lines: string): string => (without.includes(name) ? '' : lines);
    writeFileSync(
      join(this.dir, 'vslog.toml'),
      `[capture]
socket = "${this.dir}/capture.sock"
[collector]
api_socket = "${this.dir}/api.sock"
data_dir = "${this.data}"
drain = "10s"
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
url = "${this.server.url}"
timeout = "10s"
${on('file', `[file]\ndir = "${this.dir}/files"\nrotate_bytes = "4M"\ncompression = "none"\n`)}${on('kafka', `[kafka]\nbrokers = "${this.broker.brokers}"\n`)}`,
    );
  }

  /** What the collector says; undefined: nothing now. */
  status(): Promise<StatusDocument | undefined> {
    return this.api.status().catch(() => undefined);
  }

  /** The capture makes so many events in all, and no more. Rejects when it does not start. */
  async comesToAnEnd(events: number): Promise<void> {
    await this.capture.kill();
    this.capture.setArguments(this.source(events));
    await this.capture.revive();
  }

  /** Kills the collector and all that it started. */
  async killCollector(): Promise<void> {
    const all = this.machine();
    for (const pid of all) await unlessGone(() => process.kill(pid, 'SIGKILL'));
    await this.collector.kill();
    await until('a collector of which nothing is left', () => !all.some(alive));
  }

  /** What runs on the collector's machine: the collector with its engine, and an engine that a killed one has left, which ends by itself as soon as it has closed its files. */
  private machine(): number[] {
    const family = this.collector.pid === undefined ? [] : familyOf(this.collector.pid);
    return [...new Set([...family, ...this.disk.users()])];
  }

  /** The collector's machine loses its power at one moment: its processes stop, then nothing reaches the disk any more. Afterwards all runs again. `off`: until then. */
  async cutPower(off: () => Promise<void>): Promise<void> {
    // None of them may see a disk without power: a machine has none left that could.
    for (const pid of this.machine()) await unlessGone(() => freeze(pid));
    this.disk.cut();
    await this.killCollector();
    await this.disk.powerOn();
    await off();
    await this.collector.revive();
  }

  /** Keeps a copy of the collector's disk, and has the capture keep what comes after it. */
  async keepCopy(): Promise<void> {
    const { epoch, sequence } = await until('a collector that says what it has', async () => (await this.status())?.spool, {
      detail: () => this.collector.complaint,
    });
    await this.killCollector();
    await this.disk.keepCopy();
    await this.collector.revive();
    if (epoch !== null && sequence !== null) await holdJournal(this.captureSocket, { epoch, sequence: BigInt(sequence) });
  }

  /** Puts the copy in the place of everything that is on the collector's disk. */
  async restoreCopy(): Promise<void> {
    await this.killCollector();
    await this.disk.restoreCopy();
    await this.collector.revive();
  }

  /** Rejects unless the collector and its engine show the time that was set. */
  async clockTakesEffect(): Promise<void> {
    const shown = await until('a collector and an engine that say what time it is', () => this.times(), {
      detail: () => this.collector.complaint,
    });
    for (const [name, ms] of Object.entries(shown)) {
      const ahead = ms - Date.now();
      if (Math.abs(ahead - this.clock.aheadMs) > CLOCK_NEAR_MS)
        throw new Error(`The clock of the ${name} is ${Math.round(ahead / 1000)} s ahead, and not ${this.clock.aheadMs / 1000} s.`);
    }
  }

  /** ms since 1970; undefined: they do not answer now. */
  private async times(): Promise<Readonly<Record<'collector' | 'engine', number>> | undefined> {
    try {
      const engine = await this.api.sql('SELECT toUnixTimestamp64Milli(now64(3))', 'TSV');
      const { clock } = await this.api.status();
      return { collector: Date.parse(clock.shows), engine: Number(engine.toString()) };
    } catch {
      return undefined;
    }
  }

  /** What `vslog verify` says. */
  async verified(): Promise<Verification> {
    const { out, err } = await this.ran('verify', '--json');
    if (out === '') throw new Error(`vslog verify: ${err}`);
    return JSON.parse(out) as Verification;
  }

  /** Counted in the sinks themselves, of one epoch. The collector runs: only it can ask the embedded store. */
  async counts(epoch: string): Promise<Record<'embedded' | 'clickhouse' | 'file' | 'kafka', SinkCount>> {
    return {
      embedded: await countInTables(async (query) => (await this.api.sql(query, 'TSV')).toString(), epoch),
      clickhouse: await countInTables((query) => askServer(this.server.url, query), epoch),
      file: countInFiles(join(this.dir, 'files'), epoch),
      kafka: await countInTopics(this.broker.brokers, epoch),
    };
  }

  /** Why the log tells losses, and what the embedded store set aside: sentences, for a run that went wrong. The collector runs. */
  async reasons(): Promise<string[]> {
    const told = await this.api.sql("SELECT DISTINCT concat(loss_id, ': ', detail) FROM control_events WHERE kind = 'loss'", 'TSV');
    const aside = (await this.api.status()).store.set_aside.map(({ at, what, place }) => `${at} ${what} ${place ?? ''}`);
    return [
      ...told
        .toString()
        .split('\n')
        .filter((line) => line !== ''),
      ...aside,
    ];
  }

  /** Ledger entries of the ClickHouse server that overlap: sentences, for a run that went wrong. */
  async overlaps(): Promise<string[]> {
    const entries = 'SELECT node, epoch, record, segment, first, last, sha256 FROM vslog.batches FINAL';
    const query = `SELECT a.record, a.segment, a.first, a.last, b.segment, b.first, b.last FROM (${entries}) AS a INNER JOIN (${entries}) AS b ON a.node = b.node AND a.epoch = b.epoch AND a.record = b.record WHERE a.first < b.first AND a.last >= b.first ORDER BY a.first LIMIT 20`;
    const found = (await askServer(this.server.url, query)).split('\n').filter((line) => line !== '');
    return found.map((line) => {
      const [record, one, first, last, other, begin, end] = line.split('\t');
      return `The server's ledger has ${record} ${first}-${last} of segment ${one}, and ${begin}-${end} of segment ${other}.`;
    });
  }

  /** Leaves nothing, whatever of it fails. */
  async end(): Promise<void> {
    const wrong: unknown[] = [];
    const steps = [
      () => this.killCollector(),
      () => this.capture.kill(),
      () => this.server.stop(),
      () => this.broker.stop(),
      () => this.disk.remove(),
    ];
    for (const step of steps) await step().catch((error: unknown) => wrong.push(error));
    if (wrong.length > 0)
      throw new AggregateError(wrong, `Not everything of the run is gone; see ${this.dir}: ${wrong.map(String).join(' ')}`);
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** At once: for a run that is ended itself. */
  endAtOnce(): void {
    for (const pid of [this.capture.pid, this.collector.pid, this.server.pid, this.broker.pid])
      if (pid !== undefined) for (const member of familyOf(pid)) if (alive(member)) process.kill(member, 'SIGKILL');
    this.disk.removeAtOnce();
    rmSync(this.dir, { recursive: true, force: true });
  }

  private source(events: number): string[] {
    return [
      ...['--socket', this.captureSocket, '--node', 'node-a'],
      ...['--journal', join(this.dir, 'journal'), '--journal-size', JOURNAL_SIZE],
      ...['--source', 'scripted', '--scripted-rate', String(this.rate), '--scripted-events', String(events)],
    ];
  }

  private async ran(...args: readonly string[]): Promise<{ code: number | null; out: string; err: string }> {
    const child = spawn(process.execPath, [VSLOG, ...args], {
      ...this.who,
      env: this.env,
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
}

/** Does something to a process, which may end meanwhile. */
async function unlessGone(action: () => unknown): Promise<void> {
  try {
    await action();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
