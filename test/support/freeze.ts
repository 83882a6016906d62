import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { until } from './patience.js';

/**
 * SIGSTOP, and nothing of the process runs any more when this resolves: each of its threads stops by itself, so one of a busy machine may answer somebody after the signal was
 * sent. Rejects when it does not stand still, or is not there. Nobody: nothing is done.
 */
export async function freeze(pid: number | undefined | null): Promise<void> {
  if (pid === undefined || pid === null) return;
  process.kill(pid, 'SIGSTOP');
  await until(`a process ${pid} that stands still`, () => standsStill(pid));
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
