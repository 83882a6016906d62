import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** Longest that a process takes to stand still, ms. */
const LONGEST_MS = 60_000;

/**
 * SIGSTOP, and nothing of the process runs any more when this returns: each of its threads stops by itself, so one of a busy machine may answer somebody after the signal was sent.
 * Throws when it does not stand still, or is not there. Nobody: nothing is done.
 */
export function freeze(pid: number | undefined | null): void {
  if (pid === undefined || pid === null) return;
  process.kill(pid, 'SIGSTOP');
  const end = performance.now() + LONGEST_MS;
  while (!standsStill(pid)) {
    if (performance.now() > end) throw new Error(`Process ${pid} goes on a minute after SIGSTOP.`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
  }
}

/** Whether every thread is stopped (proc_pid_stat(5): T), or ended. */
function standsStill(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).every((thread) => {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
      return /^[TtZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
    });
  } catch (error) {
    // A thread ended between the two, or somebody killed it: it is looked at again, or is no more.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ESRCH') throw error;
    return !existsSync(`/proc/${pid}`);
  }
}
