import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { User } from '../access/user.js';
import { ApiClient } from '../api/client.js';
import type { ConsoleLink } from '../api/console-link.js';
import { ApiError } from '../api/errors.js';
import type { StatusDocument } from '../api/status.js';
import type { Config } from '../config/load.js';
import { optionOf } from '../config/schema.js';
import { show } from '../config/value.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';
import { keysOf } from './options.js';

const MAIN = fileURLToPath(new URL('../main.js', import.meta.url));

/** `vslog collect` as another user, beside the capture that `vslog up` keeps as root. */
export class CollectorChild {
  /** Rejects with Failure when it ends unasked; resolves after stop(). */
  readonly ended: Promise<void>;
  private readonly child: ChildProcess;
  private readonly api: ApiClient;
  private readonly ready: Promise<void>;
  private readonly told: (line: string) => void;
  private stopping = false;

  /** `tell` gets what it says. */
  constructor(config: Config, user: User, tell: (line: string) => void) {
    this.told = tell;
    this.api = new ApiClient(config.values['collector.api_socket']);
    // A session of its own: Ctrl-C on the terminal is for us, and we stop it in order. Its standard input ends with us, however that comes.
    this.child = spawn(process.execPath, [...process.execArgv, MAIN, 'collect', '--with-parent', ...argumentsOf(config, user)], {
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    this.child.stdin?.on('error', () => undefined);
    let last = '';
    let up: () => void = () => undefined;
    const ready = new Promise<void>((resolve) => {
      up = resolve;
    });
    this.lines('stdout', (line) => (line.startsWith('ready:') ? up() : this.told(line)));
    this.lines('stderr', (line) => {
      last = line.replace(/^vslog: /, '');
      // That it stops we have said.
      if (!this.stopping || !last.endsWith(': stopping')) this.told(last);
    });
    this.ended = new Promise((resolve, reject) => {
      this.child.once('error', (error) => reject(new Failure(Exit.failure, `The collector could not be started: ${error.message}.`)));
      this.child.once('close', (code, signal) => {
        if (this.stopping) return resolve();
        const exit = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
        // Its last line was the reason, and was told.
        reject(new Failure(exit === 0 ? Exit.failure : exit, last === '' ? `The collector ended with ${signal ?? `code ${code}`}.` : ''));
      });
    });
    this.ended.catch(() => undefined); // whoever waits for it is told
    this.ready = Promise.race([ready, this.ended]);
  }

  /** Resolves when it can be asked; what it has to say it says itself. Rejects with Failure. */
  async start(): Promise<readonly string[]> {
    await this.ready;
    return [];
  }

  status(): Promise<StatusDocument> {
    return this.api.status();
  }

  async consoleLink(seconds: number): Promise<ConsoleLink | undefined> {
    try {
      return await this.api.consoleLink(seconds);
    } catch (error) {
      if (error instanceof ApiError && error.code === 'no_console') return undefined;
      throw error;
    }
  }

  /** Asks it to end, and waits for it. Resolves to whether every sink has everything; what one has not it says itself. */
  async stop(): Promise<boolean> {
    this.stopping = true;
    this.child.kill('SIGTERM');
    await this.ended.catch(() => undefined);
    return this.child.exitCode === Exit.ok;
  }

  /** At once. */
  kill(): void {
    this.stopping = true;
    this.child.kill('SIGKILL');
  }

  private lines(from: 'stdout' | 'stderr', each: (line: string) => void): void {
    const stream = this.child[from];
    if (stream !== null) createInterface({ input: stream }).on('line', each);
  }
}

/** The flags of `vslog collect` that say what those of `up` did; file and environment speak for themselves. */
function argumentsOf(config: Config, user: User): string[] {
  const given = keysOf('collect').filter((key) => config.origins[key].startsWith('--') && key !== 'collector.user');
  return [
    ...(config.file === undefined ? [] : ['--config', config.file]),
    '--user',
    user.name,
    ...given.flatMap((key) => [`--${optionOf(key).flag}=${show(optionOf(key), config.values[key])}`]),
  ];
}
