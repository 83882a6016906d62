import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiClient } from '../../src/api/client.js';
import { until } from '../support/patience.js';
import { childrenOf, Program } from './processes.js';

export const ROOT = join(import.meta.dirname, '../..');
export const MAIN = join(ROOT, 'dist/main.js');
const CAPTURE = join(ROOT, 'build/native/vslog-capture');

/** A capture and a collector with a store, in a folder of their own. */
export class Setup {
  readonly dir = mkdtempSync(join(tmpdir(), 'vslog-bench-'));
  readonly api = new ApiClient(join(this.dir, 'api.sock'));
  readonly store = join(this.dir, 'data/store');
  private readonly socket = join(this.dir, 'capture.sock');
  /** The journal's folder: on a tmpfs, as /run is where vslog serves. */
  private readonly memory = inMemory() ? mkdtempSync('/dev/shm/vslog-bench-') : this.dir;
  /** For every command of vslog's that is to find these. */
  readonly env: NodeJS.ProcessEnv = {
    ...process.env,
    VSLOG_CAPTURE_SOCKET: this.socket,
    VSLOG_COLLECTOR_API_SOCKET: join(this.dir, 'api.sock'),
    VSLOG_COLLECTOR_DATA_DIR: join(this.dir, 'data'),
    VSLOG_SPOOL_MAX_BYTES: '64G',
    // By default every collector of a machine wants the same ports.
    VSLOG_CLICKHOUSE_HTTP_LISTEN: '',
    VSLOG_CONSOLE_LISTEN: '',
    VSLOG_METRICS_LISTEN: '',
  };
  private collecting: Program | undefined;
  private capturing: Program | undefined;

  constructor() {
    for (const file of [MAIN, CAPTURE]) if (!existsSync(file)) throw new Error(`${file} is not built: run \`npm run build\``);
    process.once('exit', () => this.removeAll());
  }

  get collector(): Program {
    if (this.collecting === undefined) throw new Error('no collector was started');
    return this.collecting;
  }

  /** The engine of the store: the collector's child. */
  get storePid(): number {
    const [pid] = childrenOf(this.collector.pid);
    if (pid === undefined) throw new Error('the collector has no store');
    return pid;
  }

  /** `env`: more settings, such as VSLOG_STORE_KIND. */
  async startCollector(env: NodeJS.ProcessEnv = {}): Promise<void> {
    this.collecting = new Program(process.execPath, [MAIN, 'collect'], { ...this.env, ...env });
    await this.collecting.saying(/^ready/m);
  }

  /** `prefix`: a command that becomes the capture, such as nsenter. */
  async startCapture(args: readonly string[], prefix: readonly string[] = []): Promise<Program> {
    const journal = join(this.memory, 'journal');
    const [command = CAPTURE, ...rest] = [...prefix, CAPTURE, '--socket', this.socket, '--journal', journal, '--node', 'bench', ...args];
    this.capturing = new Program(command, rest);
    await this.capturing.saying(/^ready/m);
    return this.capturing;
  }

  /** Makes the collector known to the journal, so that nothing is let go before it has it, however fast the next capture is. */
  async introduce(): Promise<void> {
    const capture = await this.startCapture(['--source', 'scripted', '--scripted-events', '1', '--scripted-rate', '0']);
    const known = async (): Promise<boolean> => (await this.api.status()).capture.connected && (await this.count('conn_events')) > 0;
    await until('a collector that the journal knows', known, { everyMs: 100 });
    await capture.stop();
  }

  async stopCapture(): Promise<void> {
    await this.capturing?.stop();
  }

  async stopCollector(): Promise<void> {
    await this.collecting?.stop();
  }

  /** One number out of SQL. */
  async number(query: string): Promise<number> {
    return Number((await this.api.sql(query, 'TSV')).toString());
  }

  count(table: string): Promise<number> {
    return this.number(`SELECT count() FROM vslog.${table}`);
  }

  async end(): Promise<void> {
    await this.stopCapture();
    await this.stopCollector();
    this.removeAll();
  }

  private removeAll(): void {
    for (const dir of [this.dir, this.memory]) remove(dir);
  }
}

/** Whether shared memory has room for a journal: in some containers it has not. */
function inMemory(): boolean {
  const NEEDED = 256 << 20;
  try {
    const { bavail, bsize } = statfsSync('/dev/shm');
    return bavail * bsize >= NEEDED;
  } catch {
    return false;
  }
}

/** Removes a folder, also one in which a program that was killed just now still writes. */
export function remove(dir: string): void {
  for (let tries = 50; ; --tries) {
    try {
      rmSync(dir, { recursive: true, force: true });
      return;
    } catch (error) {
      if (tries === 0) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    }
  }
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export const rounded = (value: number, digits = 2): number => Number(value.toFixed(digits));
