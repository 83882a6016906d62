import type { IndexEntry, IndexHeader, LogPosition } from './index-file.js';

/** Where a spool stood at a moment, so that a reader can leave out what came later. */
export interface SpoolMark {
  /** Id of the newest sealed segment; 0: none. */
  readonly sealed: number;
  /** Id of the next segment. Those after `sealed` and before it were being written. */
  readonly next: number;
  /** Up to here the capture's log was on disk. */
  readonly durable: LogPosition | undefined;
}

/**
 * The batches of a segment that were on disk at the mark. Two segments are written side by side: without this, one that is read a little later than the other shows
 * sequences that the other one's end lacks, as if they were missing.
 */
export function entriesAt(mark: SpoolMark, { id, epoch, local }: IndexHeader, entries: readonly IndexEntry[]): readonly IndexEntry[] {
  if (id <= mark.sealed || local) return entries;
  const { durable } = mark;
  if (durable?.epoch !== epoch) return [];
  return entries.filter(({ first, count }) => first + BigInt(count) - 1n <= durable.sequence);
}
