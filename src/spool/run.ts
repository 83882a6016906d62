import type { IndexHeader, LogPosition } from './index-file.js';
import type { SequenceRange } from './segment.js';
import type { SegmentWriter } from './segment-writer.js';

/*
 * A run: up to two segments, one a record type, that hold consecutive sequences of one epoch together. What one of the two lacks is in the other.
 */

/** Whether two segments are of one run. */
export function sameRun(a: Pick<IndexHeader, 'node' | 'epoch' | 'start'>, b: Pick<IndexHeader, 'node' | 'epoch' | 'start'>): boolean {
  return a.epoch === b.epoch && a.start === b.start && a.node === b.node;
}

/** The first sequence from `next` on that no range has. */
export function endOf(next: bigint, ranges: readonly SequenceRange[]): bigint {
  let end = next;
  for (const { first, last } of ascending(ranges)) {
    if (first > end) break;
    if (last >= end) end = last + 1n;
  }
  return end;
}

/** What no range has of `first` to `last`, both included. */
export function missingOf(first: bigint, last: bigint, ranges: readonly SequenceRange[]): SequenceRange[] {
  const missing: SequenceRange[] = [];
  let next = first;
  for (const range of ascending(ranges)) {
    if (range.first > last) break;
    if (range.first > next) missing.push({ first: next, last: range.first - 1n });
    if (range.last >= next) next = range.last + 1n;
  }
  if (next <= last) missing.push({ first: next, last });
  return missing;
}

/** How many sequences they are. */
export function countOf(ranges: readonly SequenceRange[]): number {
  return Number(ranges.reduce((sum, { first, last }) => sum + last - first + 1n, 0n));
}

/** `1-3, 5-9`. */
export function rangesText(ranges: readonly SequenceRange[]): string {
  return ranges.map(({ first, last }) => `${first}-${last}`).join(', ');
}

function ascending(ranges: readonly SequenceRange[]): SequenceRange[] {
  return [...ranges].sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
}

/** The segments of one run in the order in which they are sealed, each with what its footer may say: the last speaks of all of them, the others only of those up to themselves. */
export function withPositions(
  writers: readonly SegmentWriter[],
  position: LogPosition | undefined,
): { readonly writer: SegmentWriter; readonly position: LogPosition | undefined }[] {
  return writers.map((writer, i) => {
    if (i === writers.length - 1) return { writer, position };
    const { epoch, start } = writer.header;
    const end = endOf(
      start,
      writers.slice(0, i + 1).flatMap(({ ranges }) => ranges),
    );
    return { writer, position: { epoch, sequence: end - 1n } };
  });
}
