import type { ChildProcess } from 'node:child_process';

/** Sends a signal to a command that was started with `detached` and to all that it started, except what made itself a group of its own. What is gone already is no error. */
export function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // Nothing of it is left.
  }
}
