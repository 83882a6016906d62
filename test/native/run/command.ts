import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { signalGroup } from '../../support/process-group.js';

/** Commands at a time: JOBS, else one for each processor. */
export const JOBS = Math.max(1, Number(process.env.JOBS) || availableParallelism());

const running = new Set<ChildProcess>();

export interface Ending {
  /** Undefined: it ended with exit code 0. Else how it ended, such as "exit code 1" or "signal SIGSEGV". */
  readonly trouble: string | undefined;
  readonly seconds: number;
}

export interface CommandOptions {
  readonly cwd: string;
  /** File that gets all that it prints. */
  readonly log: string;
  readonly env?: NodeJS.ProcessEnv;
  /** The command is ended when this file has not grown for so long, ms. */
  readonly progress?: { readonly file: string; readonly ms: number };
}

/** Runs a command to its end. Throws an Error when it cannot be started. */
export async function run(command: readonly string[], { cwd, log, env, progress }: CommandOptions): Promise<Ending> {
  const began = performance.now();
  const out = openSync(log, 'w');
  const [program = '', ...args] = command;
  // A group of its own: whatever it starts ends with it.
  const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', out, out], detached: true });
  closeSync(out);
  running.add(child);
  let stuck = false;
  const watch =
    progress &&
    watchGrowth(progress.file, progress.ms, () => {
      stuck = true;
      signalGroup(child, 'SIGABRT');
    });
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    const ended = signal === null ? `exit code ${code}` : `signal ${signal}`;
    const trouble = stuck
      ? `made no progress for ${Math.round((progress?.ms ?? 0) / 1000)} s and was ended`
      : code === 0
        ? undefined
        : ended;
    return { trouble, seconds: (performance.now() - began) / 1000 };
  } finally {
    clearInterval(watch);
    running.delete(child);
    signalGroup(child, 'SIGKILL');
  }
}

/** Ends every command that runs, with all that it started. Ninja's compilers are in groups of their own, and end only when it is asked to. */
export function endAll(): void {
  for (const child of running) signalGroup(child, 'SIGTERM');
}

/** Calls `action` for each item, JOBS at a time, and returns the results in the items' order. */
export async function each<T, R>(items: readonly T[], action: (item: T) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const work = async (): Promise<void> => {
    for (let at = next++; at < items.length; at = next++) results[at] = await action(items[at] as T);
  };
  await Promise.all(Array.from({ length: Math.min(JOBS, items.length) }, work));
  return results;
}

function watchGrowth(file: string, ms: number, stuck: () => void): NodeJS.Timeout {
  let size = -1;
  let since = performance.now();
  return setInterval(() => {
    const now = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    if (now !== size) since = performance.now();
    else if (performance.now() - since > ms) stuck();
    size = now;
  }, 1000);
}
