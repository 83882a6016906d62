import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createWriteStream, existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { COMMAND_MS, orNever, until } from '../support/patience.js';
import { ROOT } from './setting.js';

const execute = promisify(execFile);
const MAIN = join(ROOT, 'dist/main.js');

export interface CommandOutcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The shipped collector with its embedded store, as a process on the host; its capture is in the test machine. */
export class CollectorProcess {
  private readonly env: NodeJS.ProcessEnv;
  private readonly logFile: string;
  private process: ChildProcess | undefined;

  /** `socket`: the host's end of the bridge to the capture. `dir`: where everything of the collector lies. */
  constructor(socket: string, dir: string) {
    if (!existsSync(MAIN)) throw new Error(`${MAIN} is not built: run \`npm run setup\``);
    this.logFile = join(dir, 'collector.log');
    this.env = {
      ...process.env,
      VSLOG_CAPTURE_SOCKET: socket,
      VSLOG_COLLECTOR_API_SOCKET: join(dir, 'api.sock'),
      VSLOG_COLLECTOR_DATA_DIR: join(dir, 'data'),
    };
  }

  /** Resolves when the collector can be asked. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, [MAIN, 'collect'], { env: this.env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.process = child;
    // A log that cannot be written must not hold up who writes it.
    const log = createWriteStream(this.logFile, { flags: 'a' }).on('error', ({ message }) => {
      console.log(`  ${this.logFile}: ${message}`);
      child.stderr.resume();
    });
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    const killAtExit = (): void => void child.kill('SIGKILL');
    process.once('exit', killAtExit);
    child.once('exit', () => process.removeListener('exit', killAtExit));
    const ready = new Promise<string>((resolve) => {
      let said = '';
      child.stdout.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (/^ready/m.test(said)) resolve('');
      });
      child.once('exit', (code) => resolve(`the collector ended (${code})`));
    });
    const trouble = (await orNever(ready)) ?? 'the collector does not become ready';
    if (trouble !== '') throw new Error(`${trouble}; its log is ${this.logFile}`);
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<true>((resolve) => child.once('exit', () => resolve(true)));
    child.kill(signal);
    if ((await orNever(gone)) === true) return;
    child.kill('SIGKILL');
    throw new Error(`the collector does not end at ${signal}; its log is ${this.logFile}`);
  }

  /** kill -9, in the middle of whatever it does. */
  kill(): Promise<void> {
    return this.end('SIGKILL');
  }

  stop(): Promise<void> {
    return this.end('SIGTERM');
  }

  /** Runs a vslog command against this collector. */
  async command(...args: string[]): Promise<CommandOutcome> {
    try {
      const limits = { maxBuffer: 1 << 28, timeout: COMMAND_MS, killSignal: 'SIGKILL' } as const;
      const { stdout, stderr } = await execute(process.execPath, [MAIN, ...args], { env: this.env, ...limits });
      return { code: 0, out: stdout, err: stderr };
    } catch (error) {
      const { code, killed, stdout, stderr } = error as { code?: number; killed?: boolean; stdout?: string; stderr?: string };
      const late = killed === true ? `It did not end within ${COMMAND_MS / 1000} s. ` : '';
      return { code: code ?? -1, out: stdout ?? '', err: late + (stderr ?? '') };
    }
  }

  /** Starts a vslog command against this collector, with our own terminal. */
  spawnCommand(...args: string[]): ChildProcess {
    return spawn(process.execPath, [MAIN, ...args], { env: this.env, stdio: ['ignore', 'inherit', 'inherit'] });
  }

  /** The answer's rows, each a list of texts. Throws with the command's sentence. */
  async sql(query: string): Promise<string[][]> {
    const { code, out, err } = await this.command('sql', '--format', 'tsv', query);
    if (code !== 0) throw new Error(`vslog sql: ${err.trim()}`);
    const [, ...lines] = out.split('\n').filter((line) => line !== ''); // the first one names the columns
    return lines.map((line) => line.split('\t'));
  }

  /** Resolves when the collector has its subscription on the capture. */
  async untilConnected(): Promise<void> {
    await until(
      "the collector's connection to the capture",
      async () => {
        const { code, out } = await this.command('status', '--json');
        return code === 0 && (JSON.parse(out) as { capture: { connected: boolean } }).capture.connected;
      },
      { everyMs: 500, detail: () => `Its log is ${this.logFile}.` },
    );
  }

  /** Resolves when everything up to this sequence of the epoch can be queried. */
  async untilStored(epoch: string, sequence: bigint): Promise<void> {
    const query = `SELECT max(s) FROM (SELECT max(sequence) AS s FROM vslog.conn_events WHERE epoch = '${epoch}' UNION ALL SELECT max(sequence) FROM vslog.control_events WHERE epoch = '${epoch}')`;
    let last = '0';
    await until(
      `sequence ${sequence} in SQL`,
      async () => {
        [[last = '0'] = []] = await this.sql(query).catch(() => [[last]]);
        return BigInt(last) >= sequence;
      },
      { everyMs: 500, detail: () => `The last one there is ${last}.` },
    );
  }
}
