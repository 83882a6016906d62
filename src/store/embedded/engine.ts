import { type ChildProcess, fork } from 'node:child_process';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { makeFolder } from '../../access/place.js';
import { AnswerTooLarge, EngineEnded, EngineUnavailable, engineError, startError } from '../errors.js';
import type { EngineAnswer, EngineQuestion } from './ask.mjs';
import type { HeartbeatOptions } from './heartbeat.js';
import { isFreeWithin } from './in-use.js';
import { ABORTED, Pulse } from './pulse.js';

/** An engine whose collector died ends by itself, after the statement it is in. */
const LOCK_PATIENCE_MS = 15_000;
const FIRST_RESTART_MS = 250;
const LAST_RESTART_MS = 30_000;
/** Together less than 10 s until a dead engine has been replaced. */
const HEARTBEAT: HeartbeatOptions = { everyMs: 1000, deadlineMs: 2000, misses: 2 };
/** An engine that lived for less, ms, before it gave no sign of life may only be slow: the next one gets twice the time, up to so many times twice. */
const SHORT_LIFE_MS = 15_000;
const MOST_DOUBLINGS = 3;
/** What it says of itself once it has caught a fatal signal, and what people are told. */
const FATAL = /fatal error/;
const DYING = 'The embedded ClickHouse died inside; it is started again.';
/** So much of what the engine writes on its standard error is kept of its beginning, and of its end, characters. */
const COMPLAINT = 8000;
/** So often a directory is mended and opened again at one start. */
const MOST_REPAIRS = 50;
/** Longest time until an engine answers its first statements, ms: many parts take long to load. */
const START_MS = 600_000;

/** A segment of many ranges makes a long statement; a person's may be long, too, before it is known what it is. */
export const LONG = 'SET max_query_size = 67108864, max_ast_elements = 5000000, max_expanded_ast_elements = 5000000';
const WRITER = [LONG, 'SET async_insert = 0'];

type Answer = Partial<EngineAnswer> & {
  readonly id: number;
  readonly error?: string;
  /** `OverQuota` and `NotKept` are not the engine's. */
  readonly failure?: string;
  /** No answer yet: its bytes are not taken any more. */
  readonly stopped?: boolean;
};
type Waiting = { resolve(answer: EngineAnswer): void; reject(error: Error): void; stopped(): void };

export interface EngineOptions {
  readonly dir: string;
  /** Run by the writer whenever the engine has been opened: the tables. */
  readonly prepare: (engine: Engine) => Promise<void>;
  /** Sessions beside the writer's, by name: what is run first in each. */
  readonly sessions: Readonly<Record<string, readonly string[]>>;
  readonly heartbeat?: HeartbeatOptions;
  /** Mends a directory that is damaged; without it a damaged one is not opened. */
  readonly repair?: {
    /** Nobody uses the directory, and it is about to be opened. */
    before(): Promise<void>;
    /** It could not be opened, and this is what the engine wrote. Resolves to whether it is worth another try. */
    refused(complaint: string): Promise<boolean>;
  };
}

/**
 * ClickHouse in a child process: half a gigabyte of library that may abort. A child that died is started again, with back-off, and so is one that lives and answers
 * nothing. A session runs one statement at a time: what must not wait for another statement names a session of its own.
 */
export class Engine {
  readonly #options: EngineOptions;
  #child: ChildProcess | undefined;
  #ready: Promise<void> | undefined;
  #pulse: Pulse | undefined;
  #closed = false;
  /** Why we end it ourselves, and for whose query: its exit is no failure of its own. */
  #ending: { readonly reason: string; readonly culprit?: string } | undefined;
  #next = 1;
  #failures = 0;
  #notBefore = 0;
  #starts = 0;
  #opened = 0;
  #doublings = 0;
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

  /** Time until start() tries, ms. */
  get startsInMs(): number {
    return this.#ready === undefined ? Math.max(0, this.#notBefore - performance.now()) : 0;
  }

  /** Resolves when statements can be run. */
  async start(): Promise<void> {
    if (this.#closed) throw new EngineUnavailable('The store is closed.');
    if (this.#ready === undefined) {
      const wait = this.startsInMs;
      if (wait > 0) throw new EngineUnavailable(`The embedded ClickHouse is started again in ${wait} ms; before that: ${this.#lastError}`);
      const late = setTimeout(() => void this.kill(`The embedded ClickHouse did not start within ${START_MS / 1000} s.`), START_MS);
      this.#ready = this.#open()
        .finally(() => clearTimeout(late))
        .then(
          () => {
            this.#failures = 0;
          },
          async (error: unknown) => {
            const reason = error instanceof Error ? error.message : String(error);
            this.#failed(reason);
            await this.#end('SIGKILL', { reason });
            throw error;
          },
        );
    }
    await this.#ready;
  }

  /** Runs a statement of ours. Start first. */
  async write(sql: string, format = 'TSV', session = 'writer'): Promise<Uint8Array> {
    return (await this.#ask({ kind: 'run', session, sql, format })).bytes;
  }

  /** A statement's answer as text without its last line feed. */
  async text(sql: string, format = 'TSV', session = 'writer'): Promise<string> {
    return Buffer.from(await this.write(sql, format, session))
      .toString('utf8')
      .replace(/\n$/, '');
  }

  /** Runs a statement in a session that is made for it, beside all others. `onStopped`: its answer is too large, and it goes on. Start first. */
  ask({ statements, sql, format, target }: EngineQuestion, onStopped: () => void = () => undefined): Promise<EngineAnswer> {
    return this.#ask({ kind: 'ask', statements, sql, format, target }, onStopped);
  }

  /** Ends the engine after the statements it is in, by force after a while. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#ready?.catch(() => undefined);
    await this.#end('disconnect', { reason: 'The store is closed.' });
  }

  /** Ends an engine that does not answer, and starts another. `reason`: a sentence; `culprit`: whose query it was. */
  async kill(reason: string, culprit?: string): Promise<void> {
    if (this.#child === undefined || this.#ending !== undefined) return;
    this.#failed(reason);
    await this.#end('SIGKILL', culprit === undefined ? { reason } : { reason, culprit });
  }

  #failed(sentence: string): void {
    this.#lastError = sentence;
    const wait = Math.min(LAST_RESTART_MS, FIRST_RESTART_MS * 2 ** this.#failures);
    this.#notBefore = performance.now() + wait;
    this.#failures++;
    // Nobody may need it for a while, but then it should be there. Who needs it sooner gets the same start.
    if (!this.#closed) setTimeout(() => void this.#revive(), wait + 1).unref();
  }

  async #revive(): Promise<void> {
    if (!this.#closed && this.#ready === undefined) await this.start().catch(() => undefined);
  }

  async #open(): Promise<void> {
    const { dir, prepare, sessions, repair } = this.#options;
    makeFolder(dir);
    this.#starts++;
    const inUse = `Another process still uses ${dir}; it is tried again until that ends.`;
    const free = await isFreeWithin(dir, LOCK_PATIENCE_MS, () => {
      this.#lastError = inUse;
    });
    if (!free) throw new EngineUnavailable(`Another process uses ${dir}: stop it, or choose another directory.`);
    await repair?.before();
    const open = (session: string, statements: readonly string[]) => this.#ask({ kind: 'open', dir, session, statements });
    for (let repairs = 0; ; repairs++) {
      this.#complaint = '';
      this.#spawn();
      try {
        await open('writer', WRITER);
        break;
      } catch (error) {
        // The error says only that it failed; why is on the engine's standard error, which may come a moment later.
        await sleep(200);
        const complaint = this.#complaint;
        if (complaint.includes('Cannot lock file'))
          throw new EngineUnavailable(`Another process uses ${dir}: stop it, or choose another directory.`);
        const failure = complaint === '' ? error : startError(complaint);
        await this.#discard();
        if (repairs >= MOST_REPAIRS || repair === undefined || !(await repair.refused(complaint))) throw failure;
      }
    }
    await prepare(this);
    for (const [session, statements] of Object.entries(sessions)) await open(session, statements);
    await open('heartbeat', []);
    this.#opened = performance.now();
    this.#pulse = this.#watched();
  }

  #watched(): Pulse {
    const { everyMs, deadlineMs, misses } = this.#options.heartbeat ?? HEARTBEAT;
    return new Pulse(
      { everyMs, deadlineMs: deadlineMs * 2 ** this.#doublings, misses },
      () => this.text('SELECT 1', 'TSV', 'heartbeat'),
      (why) => {
        this.#doublings = performance.now() - this.#opened < SHORT_LIFE_MS ? Math.min(MOST_DOUBLINGS, this.#doublings + 1) : 0;
        void this.kill(`The embedded ClickHouse died inside: ${why}.`);
      },
    );
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
      this.#complaint = shortened(this.#complaint + bytes.toString('utf8'));
    });
    child.on('message', (answer: Answer) => this.#answered(answer));
    child.on('error', () => undefined);
    child.on('exit', (code, signal) => {
      if (this.#child === child) this.#ended(signal ?? `exit code ${code}`);
    });
    this.#child = child;
  }

  /** Ends a child that did not open its directory; nobody else knows of it yet. */
  async #discard(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGKILL');
    await gone;
  }

  #answered(answer: Answer): void {
    const { id, error, failure, stopped, bytes = new Uint8Array(), stored = 0, rows = 0, read = 0, seconds = 0 } = answer;
    const one = this.#waiting.get(id);
    if (stopped === true) {
      one?.stopped();
      return;
    }
    this.#waiting.delete(id);
    if (error === undefined) {
      one?.resolve({ bytes, stored, rows, read, seconds });
      return;
    }
    const said = engineError(error);
    if (said.code === ABORTED) this.#pulse?.suspect();
    if (failure === 'OverQuota') one?.reject(new AnswerTooLarge(error));
    else if (failure === 'NotKept') one?.reject(new EngineUnavailable(`The answer could not be put into the store's folder: ${error}.`));
    else one?.reject(said.code === ABORTED && FATAL.test(error) ? new EngineEnded(DYING, undefined) : said);
  }

  #ended(how: string): void {
    this.#child = undefined;
    this.#ready = undefined;
    this.#pulse?.stop();
    this.#pulse = undefined;
    const last = this.#complaint.trim().split('\n').at(-1) ?? '';
    const own = `The embedded ClickHouse ended (${how})${last === '' ? '' : `: ${last}`}; it is started again.`;
    const sentence =
      this.#ending === undefined ? own : `${this.#ending.reason} The embedded ClickHouse was ended (${how}) and is started again.`;
    if (!this.#closed && this.#ending === undefined) this.#failed(own);
    for (const one of this.#waiting.values()) one.reject(new EngineEnded(sentence, this.#ending?.culprit));
    this.#waiting.clear();
  }

  #ask(message: object, stopped: () => void = () => undefined): Promise<EngineAnswer> {
    return new Promise((resolve, reject) => {
      const child = this.#child;
      if (child?.connected !== true) return reject(new EngineUnavailable('The embedded ClickHouse is not running; it is started again.'));
      const id = this.#next++;
      this.#waiting.set(id, { resolve, reject, stopped });
      child.send({ id, ...message }, (error) => {
        if (error === null) return;
        this.#waiting.delete(id);
        reject(new EngineUnavailable(`The embedded ClickHouse cannot be reached: ${error.message}.`));
      });
    });
  }

  async #end(how: 'disconnect' | 'SIGKILL', ending: { readonly reason: string; readonly culprit?: string }): Promise<void> {
    const child = this.#child;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      this.#ending = ending;
      this.#pulse?.stop();
      const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      if (how === 'SIGKILL' || !child.connected) child.kill('SIGKILL');
      else child.disconnect();
      const force = setTimeout(() => child.kill('SIGKILL'), 20_000);
      await gone;
      clearTimeout(force);
      this.#ending = undefined;
    }
    this.#ready = undefined;
  }
}

/** Its beginning, where the cause is, and its end. */
function shortened(text: string): string {
  return text.length <= 2 * COMPLAINT ? text : `${text.slice(0, COMPLAINT)}${text.slice(-COMPLAINT)}`;
}
