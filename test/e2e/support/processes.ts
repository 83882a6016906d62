import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { program } from '../../support/program.js';

const CHILD = await program(join(import.meta.dirname, 'collector-child.ts'));
const started = new Set<ChildProcess>();

/** Starts a program; killAll() ends it if nobody did. Its complaints are ours. */
export function start(command: string, args: readonly string[]): ChildProcess {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout?.resume();
  started.add(child);
  child.once('exit', () => started.delete(child));
  return child;
}

export function startCollector(socket: string, spool: string, delivered: string, fsync = 'always'): ChildProcess {
  return start(process.execPath, [CHILD, socket, spool, delivered, fsync]);
}

/** Sends a signal and waits for the end; resolves to the exit code, undefined when a signal ended it. */
export async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | undefined> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode ?? undefined;
  const exited = new Promise<number | undefined>((resolve) => child.once('exit', (code) => resolve(code ?? undefined)));
  child.kill(signal);
  return exited;
}

export async function killAll(): Promise<void> {
  await Promise.all([...started].map((child) => end(child, 'SIGKILL')));
}

/** What a collector-child's sink got: the segments, each once, and the sequences of an epoch that they hold, in order. */
export function deliveredRanges(path: string, epoch: string): { count: number; first: bigint; next: bigint; gaps: number } {
  const segments = new Map<number, { epoch: string; count: number; ranges: [string, string][] }>();
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    if (line === '') continue;
    const segment = JSON.parse(line) as { id: number; epoch: string; count: number; ranges: [string, string][] };
    const before = segments.get(segment.id);
    if (before !== undefined && JSON.stringify(before) !== JSON.stringify(segment))
      throw new Error(`Segment ${segment.id} was delivered twice and differed.`);
    segments.set(segment.id, segment);
  }
  const ranges = [...segments.values()]
    .filter((segment) => segment.epoch === epoch)
    .flatMap((segment) => segment.ranges.map(([first, last]) => ({ first: BigInt(first), last: BigInt(last) })))
    .sort((a, b) => (a.first < b.first ? -1 : 1));
  let count = 0;
  let gaps = 0;
  let next = ranges[0]?.first ?? 0n;
  for (const range of ranges) {
    if (range.first !== next) gaps++;
    next = range.last + 1n;
    count += Number(range.last - range.first + 1n);
  }
  return { count, first: ranges[0]?.first ?? 0n, next, gaps };
}
