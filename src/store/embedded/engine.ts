import { type ChildProcess, fork } from 'node:child_process';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { makeFolder } from '../../access/place.js';
import { EngineUnavailable, engineError } from '../errors.js';
import type { EngineAnswer } from './ask.mjs';

/** An engine whose collector died ends by itself, after the statement it is in. */
const LOCK_PATIENCE_MS = 15_000;
const FIRST_RESTART_MS = 250;
const LAST_RESTART_MS = 30_000;

const WRITER = [
  // A segment of many ranges makes a long statement.
  'SET max_query_size = 67108864, max_ast_elements = 5000000, max_expanded_ast_elements = 5000000, async_insert = 0',
];

type Answer = Partial<EngineAnswer> & { readonly id: number; readonly error?: string };
type Waiting = { resolve(answer: EngineAnswer): void; reject(error: Error): void };

/** A statement that gets a session of its own. */
export interface Question {
  /** Run first, and seen by this statement only. */
  readonly statements: readonly string[];
  readonly sql: string;
  readonly format: string;
}

export interface EngineOptions {
  readonly dir: string;
  /** Run by the writer whenever the engine has been opened: the tables. */
  readonly prepare: (engine: Engine) => Promise<void>;
  /** Statements that make a session one for people. */
  readonly reader: readonly string[];
}

/** ClickHouse in a child process: half a gigabyte of library that may abort. A child that died is started again by whoever needs it next, with back-off. */
export class Engine {
  readonly #options: EngineOptions;
  #child: ChildProcess | undefined;
  #ready: Promise<void> | undefined;
  #closed = false;
  /** We end it ourselves: its exit is no failure of its own. */
  #ending = false;
  #next = 1;
  #failures = 0;
  #notBefore = 0;
  #starts = 0;
  #lastError = '';
  /** The end of what the engine wrote on its standard error. */
  #complaint = '';
  readonly #waiting = new Map<number, Waiting>();

  constructor(options: EngineOptions) {
    this.#options = { ...options, dir: resolve(options.dir) };
  }

  /** Process id of the engine; undefined while there is none. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** How often it was started. */
  get starts(): number {
    return this.#starts;
  }

  /** The last failure, a sentence; empty when there was none. */
  get lastError(): string {
    return this.#lastError;
  }

  /** Resolves when statements can be run. */
  async start(): Promise<void> {
    if (this.#closed) throw new EngineUnavailable('The store is closed.');
    if (this.#ready === undefined) {
      const wait = this.#notBefore - Date.now();
      if (wait > 0) throw new EngineUnavailable(`The embedded ClickHouse is started again in ${wait} ms; before that: ${this.#lastError}`);
      this.#ready = this.#open().then(
        () => {
          this.#failures = 0;
        },
        async (error: unknown) => {
          this.#failed(error instanceof Error ? error.message : String(error));
          await this.#end('SIGKILL');
          throw error;
        },
      );
    }
    await this.#ready;
  }

  /** Runs a statement of ours. Start first. */
  async write(sql: string, format = 'TSV'): Promise<Uint8Array> {
    return (await this.#ask({ kind: 'write', sql, format })).bytes;
  }

  /** A statement's answer as text without its last line feed. */
  async text(sql: string, format = 'TSV'): Promise<string> {
    return Buffer.from(await this.write(sql, format))
      .toString('utf8')
      .replace(/\n$/, '');
  }

  /** Runs a statement in the session for people. Start first. */
  async read(sql: string, format: string): Promise<Uint8Array> {
    return (await this.#ask({ kind: 'read', sql, format })).bytes;
  }

  /** Runs a statement in a session that is made for it, beside all others. Start first. */
  ask({ statements, sql, format }: Question): Promise<EngineAnswer> {
    return this.#ask({ kind: 'ask', statements, sql, format });
  }

  /** Ends the engine after the statements it is in, by force after a while. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#ready?.catch(() => undefined);
    await this.#end('disconnect');
  }

  /** Ends an engine that does not answer; the next call starts another. */
  async kill(reason: string): Promise<void> {
    this.#failed(reason);
    await this.#end('SIGKILL');
  }

  #failed(sentence: string): void {
    this.#lastError = sentence;
    this.#notBefore = Date.now() + Math.min(LAST_RESTART_MS, FIRST_RESTART_MS * 2 ** this.#failures);
    this.#failures++;
  }

  async #open(): Promise<void> {
    makeFolder(this.#options.dir);
    const end = Date.now() + LOCK_PATIENCE_MS;
    this.#starts++;
    this.#spawn();
    for (;;) {
      this.#complaint = '';
      try {
        await this.#ask({ kind: 'open', dir: this.#options.dir, statements: WRITER });
        break;
      } catch (error) {
        // The error says only that it failed; why is on the engine's standard error, which may come a moment later.
        await sleep(200);
        if (!this.#complaint.includes('Cannot lock file')) throw this.#complaint === '' ? error : engineError(this.#complaint);
        this.#lastError = `Another process still uses ${this.#options.dir}; it is tried again until that ends.`;
        if (Date.now() > end)
          throw new EngineUnavailable(`Another process uses ${this.#options.dir}: stop it, or choose another directory.`);
      }
    }
    await this.#options.prepare(this);
    await this.#ask({ kind: 'reader', statements: this.#options.reader });
  }

  #spawn(): void {
    const child = fork(fileURLToPath(new URL('./engine-child.mjs', import.meta.url)), {
      serialization: 'advanced',
      execArgv: [],
      // The engine keeps its copies of the Protobuf schema in the folder that it runs in.
      cwd: this.#options.dir,
      // Each statement that runs takes a thread of libuv's: with its own four, a few people's questions would keep a delivery waiting.
      env: { ...process.env, UV_THREADPOOL_SIZE: '24' },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    child.stderr?.on('data', (bytes: Buffer) => {
      this.#complaint = (this.#complaint + bytes.toString('utf8')).slice(-2000);
    });
    child.on('message', (answer: Answer) => {
      const one = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      if (answer.error !== undefined) one?.reject(engineError(answer.error));
      else
        one?.resolve({
          bytes: answer.bytes ?? new Uint8Array(),
          rows: answer.rows ?? 0,
          read: answer.read ?? 0,
          seconds: answer.seconds ?? 0,
        });
    });
    child.on('error', () => undefined);
    child.on('exit', (code, signal) => {
      if (this.#child !== child) return;
      this.#child = undefined;
      this.#ready = undefined;
      const last = this.#complaint.trim().split('\n').at(-1) ?? '';
      const sentence = `The embedded ClickHouse ended (${signal ?? `exit code ${code}`})${last === '' ? '' : `: ${last}`}; it is started again.`;
      if (!this.#closed && !this.#ending) this.#failed(sentence);
      for (const one of this.#waiting.values()) one.reject(new EngineUnavailable(sentence));
      this.#waiting.clear();
    });
    this.#child = child;
  }

  #ask(message: object): Promise<EngineAnswer> {
    return new Promise((resolve, reject) => {
      const child = this.#child;
      if (child?.connected !== true) return reject(new EngineUnavailable('The embedded ClickHouse is not running; it is started again.'));
      const id = this.#next++;
      this.#waiting.set(id, { resolve, reject });
      child.send({ id, ...message }, (error) => {
        if (error === null) return;
        this.#waiting.delete(id);
        reject(new EngineUnavailable(`The embedded ClickHouse cannot be reached: ${error.message}.`));
      });
    });
  }

  async #end(how: 'disconnect' | 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === undefined) {
      this.#ready = undefined;
      return;
    }
    if (child.exitCode === null && child.signalCode === null) {
      this.#ending = true;
      const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      if (how === 'SIGKILL' || !child.connected) child.kill('SIGKILL');
      else child.disconnect();
      const force = setTimeout(() => child.kill('SIGKILL'), 20_000);
      await gone;
      clearTimeout(force);
      this.#ending = false;
    }
    this.#ready = undefined;
  }
}
