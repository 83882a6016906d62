import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readerTokenFile, readReaderToken } from '../../../src/access/reader-token.js';
import { COMMAND_MS, PATIENT_STOP, until } from '../../support/patience.js';
import { keepLogOf } from '../../support/process-logs.js';
import type { NetworkNamespace } from './network-namespace.js';

// For the files that still have them from here.
export { until } from '../../support/patience.js';
export { freePorts, listen } from '../../support/ports.js';

const ROOT = join(import.meta.dirname, '../../..');
/** What users run. built.ts has seen to it that it is what src/ says. */
const PROGRAM = join(ROOT, 'dist/main.js');
const CAPTURE = join(ROOT, 'build/native/vslog-capture');
const NOBODY = 65_534;

/** A zombie is none: it only waits for its parent to look. */
export function alive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** A process and everything below it. */
export function familyOf(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      // The command may contain anything; what follows its closing bracket does not.
      const [, parent] = /\) \S (\d+) /.exec(readFileSync(`/proc/${name}/stat`, 'utf8')) ?? [];
      parents.set(Number(name), Number(parent));
    } catch {
      // It ended meanwhile.
    }
  }
  const family = [pid];
  for (const member of family) for (const [child, parent] of parents) if (parent === member) family.push(child);
  return family;
}

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** By default every collector of a machine wants the same ports. */
export const NO_PORTS = { VSLOG_CLICKHOUSE_HTTP_LISTEN: '', VSLOG_CONSOLE_LISTEN: '', VSLOG_METRICS_LISTEN: '' };

/** The command line with sockets and data of its own and no ports but those that a test asks for, run by somebody without privileges. */
export class Vslog {
  readonly dir = mkdtempSync(join(tmpdir(), 'vslog-e2e-'));
  private env: NodeJS.ProcessEnv;
  private readonly who: { uid?: number; gid?: number };
  private readonly program: readonly [string, ...string[]];
  private readonly pids = new Set<number>();

  /** `inside`: where it runs, by who made that. `env`: more of its environment; undefined takes a name out. */
  constructor(inside?: NetworkNamespace, env: NodeJS.ProcessEnv = {}) {
    this.env = {
      ...process.env,
      ...NO_PORTS,
      HOME: this.dir,
      VSLOG_CAPTURE_SOCKET: join(this.dir, 'capture.sock'),
      VSLOG_CAPTURE_JOURNAL: join(this.dir, 'journal'),
      VSLOG_COLLECTOR_API_SOCKET: join(this.dir, 'collector.sock'),
      VSLOG_COLLECTOR_DATA_DIR: join(this.dir, 'data'),
      ...PATIENT_STOP,
      ...env,
    };
    this.who = inside?.as ?? unprivileged();
    // Root all the same? Then at least without what the kernel's sources need: which one `auto` takes must not depend on the machine.
    const bare: readonly [string, ...string[]] = [process.execPath, PROGRAM];
    const root = process.getuid?.() === 0 && this.who.uid === undefined;
    const prefix = inside?.prefix ?? (root ? ['setpriv', '--bounding-set=-net_admin'] : []);
    const [program = process.execPath, ...args] = [...prefix, ...bare];
    this.program = [program, ...args];
    if (this.who.uid !== undefined) chownSync(this.dir, this.who.uid, this.who.gid ?? NOBODY);
  }

  /** What starts from now on has more in its environment. */
  with(env: NodeJS.ProcessEnv): this {
    this.env = { ...this.env, ...env };
    return this;
  }

  /** A file of a token or password, which its owner alone may read; its path. */
  secret(name: string, content: string): string {
    const path = join(this.dir, name);
    writeFileSync(path, content, { mode: 0o600 });
    if (this.who.uid !== undefined) chownSync(path, this.who.uid, this.who.gid ?? NOBODY);
    return path;
  }

  /** The token by which the collector's listeners let somebody read, after it has started. */
  token(): string {
    return readReaderToken(readerTokenFile(join(this.dir, 'data')));
  }

  /** The same as the header of a request. */
  bearer(): { readonly authorization: string } {
    return { authorization: `Bearer ${this.token()}` };
  }

  run(...args: string[]): Ran {
    const [program, ...first] = this.program;
    const { status, stdout, stderr } = spawnSync(program, [...first, ...args], {
      env: this.env,
      encoding: 'utf8',
      timeout: COMMAND_MS,
      cwd: ROOT,
      ...this.who,
    });
    return { code: status, out: stdout, err: stderr };
  }

  /** As run(), while this process goes on. */
  ran(...args: string[]): Promise<Ran> {
    const [program, ...first] = this.program;
    const child = spawn(program, [...first, ...args], {
      env: this.env,
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: COMMAND_MS,
      ...this.who,
    });
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    return new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err })));
  }

  /** Rows of a query. */
  sql<T>(query: string): T[] {
    const { code, out, err } = this.run('sql', '--format', 'jsonl', query);
    if (code !== 0) throw new Error(`${query}: ${err}`);
    return out
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as T);
  }

  /** Starts `vslog up`. */
  up(...args: string[]): Up {
    return this.start('up', ...args);
  }

  /** Starts a command that goes on. */
  start(...args: string[]): Up {
    return this.begin([...this.program, ...args]);
  }

  /** Starts the capture itself, as a unit or a container does. */
  capture(...args: string[]): Up {
    const before = this.program.slice(0, this.program.indexOf(PROGRAM) - 1);
    return this.begin([...before, CAPTURE, ...args]);
  }

  private begin([program = '', ...args]: readonly string[]): Up {
    const child = spawn(program, args, {
      env: this.env,
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...this.who,
    });
    const up = new Up(child);
    this.pids.add(up.pid);
    return up;
  }

  /** Starts a command at a terminal of its own: 120 columns, no colours. */
  terminal(...args: string[]): Terminal {
    return this.terminalOf(120, ...args);
  }

  /** The same, so many columns wide. */
  terminalOf(columns: number, ...args: string[]): Terminal {
    const quoted = [...this.program, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
    const child = spawn('script', ['-qfec', `stty cols ${columns} rows 40; exec ${quoted}`, '/dev/null'], {
      env: { ...this.env, NO_COLOR: '1', TERM: 'xterm', SHELL: '/bin/sh' },
      cwd: ROOT,
      stdio: ['pipe', 'pipe', 'pipe'],
      ...this.who,
    });
    const terminal = new Terminal(child);
    this.pids.add(terminal.pid);
    return terminal;
  }

  /** Ends whatever is left, and removes the directory. */
  clean(): void {
    for (const pid of this.pids) for (const member of familyOf(pid)) if (alive(member)) process.kill(member, 'SIGKILL');
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** A running command, `vslog up` mostly. */
export class Up {
  /** Everything that it said. */
  said = '';
  /** Its exit code; null when a signal ended it. */
  readonly ended: Promise<number | null>;
  readonly pid: number;
  private readonly child: ChildProcess;

  constructor(child: ChildProcess) {
    this.child = child;
    this.pid = child.pid ?? 0;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.said += text;
      });
    }
    this.ended = new Promise((resolve) => child.once('close', resolve));
    keepLogOf(child.spawnargs.slice(-4).join(' '), () => this.said);
  }

  /** Waits for words. */
  says(pattern: RegExp): Promise<RegExpExecArray> {
    return until(`${pattern} in what up says`, () => {
      const found = pattern.exec(this.said);
      if (found === null && (this.child.exitCode !== null || this.child.signalCode !== null)) throw new Error(`up ended: ${this.said}`);
      return found ?? undefined;
    });
  }

  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.child.kill(signal);
    return this.ended;
  }
}

/** Sequences that move the cursor or clear. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they begin with an escape.
const MOVES = /\u001b\[[0-9;?]*[A-Za-z]/g;

/** A running command with a person before it. */
export class Terminal extends Up {
  private readonly keys: NodeJS.WritableStream;

  constructor(child: ChildProcess) {
    super(child);
    if (child.stdin === null) throw new Error('The terminal takes no keys.');
    this.keys = child.stdin;
  }

  /** Presses keys, and waits for words that come after that: what was said, without what only moves the cursor. */
  async types(keys: string, pattern: RegExp): Promise<string> {
    const before = this.said.length;
    const answer = (): string => this.said.slice(before).replace(MOVES, '');
    if (keys !== '') this.keys.write(keys);
    return until(`${pattern} after ${JSON.stringify(keys)}`, () => (pattern.test(answer()) ? answer() : undefined), {
      detail: () => `It said: ${answer()}`,
    });
  }

  /** Waits for words that come, or have come last. */
  async shows(pattern: RegExp): Promise<void> {
    await until(`${pattern} at the terminal`, () => (pattern.test(this.said.replace(MOVES, '')) ? true : undefined));
  }
}

/** Somebody who is not root, where we are and they may read the checkout. */
export function unprivileged(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const nobody = { uid: NOBODY, gid: NOBODY };
  return spawnSync('test', ['-r', PROGRAM], nobody).status === 0 ? nobody : {};
}
