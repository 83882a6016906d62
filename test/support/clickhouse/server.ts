import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freeze } from '../freeze.js';
import { orNever } from '../patience.js';
import { freePort } from '../ports.js';
import { keepLogOf } from '../process-logs.js';
import { program } from '../program.js';

export interface ClickHouseServerOptions {
  /** The only one who may ask; none: everybody. */
  readonly user?: string;
  readonly password?: string;
  /** Where the data is; without it a folder that stop() removes. */
  readonly dir?: string;
}

let made: Promise<string> | undefined;

/**
 * A ClickHouse server in a process of its own: the embedded engine behind our HTTP protocol, here for writing too. It keeps its port and its data while it is killed and
 * started again.
 */
export class ClickHouseServer {
  readonly url: string;
  readonly port: number;
  private readonly options: ClickHouseServerOptions;
  private readonly dir: string;
  private child: ChildProcess | undefined;

  private constructor(port: number, options: ClickHouseServerOptions) {
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.options = options;
    this.dir = options.dir ?? mkdtempSync(join(tmpdir(), 'vslog-clickhouse-'));
  }

  /** Not started: nobody listens at its url yet. */
  static async make(options: ClickHouseServerOptions = {}): Promise<ClickHouseServer> {
    return new ClickHouseServer(await freePort(), options);
  }

  /** Process id; undefined while it does not run. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Resolves when it can be asked. */
  async start(): Promise<this> {
    if (this.child !== undefined) throw new Error('The server runs.');
    const { user = '', password = '' } = this.options;
    made ??= program(join(import.meta.dirname, 'process.ts'));
    const child = spawn(process.execPath, [await made, this.dir, String(this.port), user, password], {
      stdio: ['ignore', 'pipe', 'pipe'],
      // The engine keeps its copies of the Protobuf schema in the folder that it runs in.
      cwd: this.dir,
      env: { ...process.env, UV_THREADPOOL_SIZE: '24' },
    });
    this.child = child;
    let complaint = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-4000);
    });
    keepLogOf('the ClickHouse server', () => complaint);
    await new Promise<void>((resolve, reject) => {
      child.stdout?.on('data', () => resolve());
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        if (this.child === child) this.child = undefined;
        reject(new Error(`The server ended (${signal ?? code}): ${complaint}`));
      });
    });
    return this;
  }

  /** kill -9. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** It keeps its port and connections and does nothing. */
  freeze(): Promise<void> {
    return freeze(this.child?.pid);
  }

  thaw(): void {
    this.child?.kill('SIGCONT');
  }

  /** Ends it, cleanly if it can, and removes the data that it made itself. */
  async stop(): Promise<void> {
    this.thaw();
    await this.end('SIGTERM');
    if (this.options.dir === undefined) rmSync(this.dir, { recursive: true, force: true });
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const { child } = this;
    this.child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<true>((resolve) => child.once('exit', () => resolve(true)));
    child.kill(signal);
    if ((await orNever(gone)) === true) return;
    child.kill('SIGKILL');
    await gone;
  }
}
