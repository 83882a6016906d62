import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { freeze } from '../support/freeze.js';
import { orNever } from '../support/patience.js';

/** Something that may die at any moment and comes back with what it had. */
export interface Victim {
  readonly name: string;
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again. Need not wait until it is of use. */
  revive(): Promise<void>;
  /** SIGSTOP: everything stays as it is, nothing moves. */
  freeze(): Promise<void>;
  thaw(): void;
  /** Ends it for good. */
  stop(): Promise<void>;
}

/** A program of ours, started anew with the same arguments. */
export class ProgramVictim implements Victim {
  readonly name: string;
  private readonly command: string;
  private readonly options: SpawnOptions;
  private args: readonly string[];
  private child: ChildProcess | undefined;
  private said = '';

  constructor(name: string, command: string, args: readonly string[], options: SpawnOptions) {
    this.name = name;
    this.command = command;
    this.args = args;
    this.options = options;
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** The end of what it said, for a run that fails. */
  get complaint(): string {
    return this.said;
  }

  /** From the next start on. */
  setArguments(args: readonly string[]): void {
    this.args = args;
  }

  async revive(): Promise<void> {
    if (this.child !== undefined) throw new Error(`${this.name} runs already.`);
    const child = spawn(this.command, this.args, { ...this.options, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.said = (this.said + text).slice(-4000);
      });
    child.once('exit', () => {
      if (this.child === child) this.child = undefined;
    });
    this.child = child;
  }

  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  freeze(): Promise<void> {
    return freeze(this.child?.pid);
  }

  thaw(): void {
    this.child?.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    await this.end('SIGTERM');
  }

  /** Resolves to its exit code; null: a signal ended it, or it did not run. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    const { child } = this;
    this.child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const gone = new Promise<{ code: number | null }>((resolve) => child.once('close', (code) => resolve({ code })));
    child.kill('SIGCONT');
    child.kill(signal);
    const ended = await orNever(gone);
    if (ended !== undefined) return ended.code;
    child.kill('SIGKILL');
    throw new Error(`${this.name} does not end at ${signal}: ${this.said}`);
  }
}
