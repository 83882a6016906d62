import { type ChildProcess, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';

/** The descriptor by which a capture gets the options that are too many for its command line. */
const FEED_FD = 3;

export interface CaptureCommand {
  readonly binary: string;
  readonly args: readonly string[];
  /** captureFeed(); empty: nothing. */
  readonly feed: string;
}

/**
 * Starts a capture, whose standard input ends with us, however that comes: then it ends, too. Its standard output is a pipe, and so is its standard error unless `inherit`ed. It is in a session of its
 * own where it is `detached`.
 */
export function spawnCapture(
  { binary, args, feed }: CaptureCommand,
  { stderr, detached }: { stderr: 'pipe' | 'inherit'; detached: boolean },
): ChildProcess {
  const fed = feed !== '';
  const child = spawn(binary, ['--with-parent', ...args, ...(fed ? ['--options-fd', String(FEED_FD)] : [])], {
    stdio: ['pipe', 'pipe', stderr, ...(fed ? (['pipe'] as const) : [])],
    detached,
  });
  // It may end before it has read: its exit code and its words tell why.
  child.stdin?.on('error', () => undefined);
  if (fed) (child.stdio[FEED_FD] as Writable).on('error', () => undefined).end(feed);
  return child;
}
