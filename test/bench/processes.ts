import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { pause } from '../support/patience.js';

/** Ticks of /proc/PID/stat a second: USER_HZ, which is 100 on every Linux that Node runs on. */
const TICKS = 100;

/** User and system time of a process so far, seconds. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The command may contain anything; what follows its closing bracket does not.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

const BPF_STATS = '/proc/sys/kernel/bpf_stats_enabled';

/** Has the kernel measure the time of programs that run in it. Resolves to what puts that back. */
export function measurePrograms(): () => void {
  const before = readFileSync(BPF_STATS, 'utf8');
  writeFileSync(BPF_STATS, '1');
  return () => writeFileSync(BPF_STATS, before);
}

/** CPU time of the programs in the kernel that a process holds, since they were loaded and while it was measured. Seconds. */
export function programSeconds(pid: number): number {
  const dir = `/proc/${pid}/fdinfo`;
  let ns = 0;
  for (const fd of readdirSync(dir)) ns += Number(/^run_time_ns:\s+(\d+)$/m.exec(readFileSync(`${dir}/${fd}`, 'utf8'))?.[1] ?? 0);
  return ns / 1e9;
}

/** The most memory that a process has had, MB. */
export function peakMegabytes(pid: number): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1024;
}

export function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((candidate) => {
      try {
        return new RegExp(`\\) \\S ${pid} `).test(readFileSync(`/proc/${candidate}/stat`, 'utf8'));
      } catch {
        return false; // it ended meanwhile
      }
    });
}

process.once('exit', () => {
  // Ours and theirs: a store that lost its collector would end by itself, but write until then.
  for (const pid of childrenOf(process.pid).flatMap((child) => [child, ...childrenOf(child)])) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // it ended meanwhile
    }
  }
});

/** A program of the benchmark's own: ends with it, however that ends. */
export class Program {
  readonly child: ChildProcess;
  /** All that it has said, on both outputs. */
  said = '';

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
    this.child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout, this.child.stderr]) stream?.on('data', (chunk: Buffer) => (this.said += chunk.toString()));
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error('the program was not started');
    return this.child.pid;
  }

  get ended(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Waits as long as it runs until it has said something of this shape; resolves to what matched. */
  async saying(pattern: RegExp): Promise<RegExpExecArray> {
    for (; ; await pause(20, 'the next look')) {
      const found = pattern.exec(this.said);
      if (found !== null) return found;
      if (this.ended) throw new Error(`it ended without saying ${pattern}:\n${this.said}`);
    }
  }

  /** Waits until it has ended by itself; resolves to its exit code, null after a signal. */
  async exit(): Promise<number | null> {
    if (!this.ended) await new Promise((resolve) => this.child.once('exit', resolve));
    return this.child.exitCode;
  }

  async stop(): Promise<void> {
    if (this.ended) return;
    this.child.kill('SIGTERM');
    await this.exit();
  }
}
