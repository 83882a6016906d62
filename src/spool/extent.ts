import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nextEvent } from '../wire/batch.js';
import { toBigInt, v1 } from '../wire/proto.js';
import { type IndexEntry, type ParsedIndex, rangesOf } from './index-file.js';
import { bodyName, type SegmentFiles } from './layout.js';
import { countOf, missingOf } from './run.js';
import type { RecordName, Segment, SequenceRange } from './segment.js';

/** What a segment held. */
export type Extent = Pick<Segment, 'node' | 'epoch' | 'ranges' | 'count'> & {
  /** It may have held more: nothing that is left says all of it. */
  readonly unknown?: boolean;
};

/** What a damaged segment's own files say that it held; undefined: nothing of it that one may rely on. */
export async function sequencesOf(
  dir: string,
  files: Pick<SegmentFiles, 'id' | 'record'>,
  index: ParsedIndex | undefined,
): Promise<readonly SequenceRange[] | undefined> {
  if (index?.ending !== undefined) return index.ending.ranges;
  // A damaged footer behind whole entries: they are all that it had.
  if (index?.header !== undefined && index.wasSealed && index.beyond.length === 0 && index.entries.length > 0)
    return rangesOf(index.entries);
  const body = await readFile(join(dir, bodyName(files.id, files.record))).catch(() => undefined);
  return body === undefined ? undefined : sequencesIn(files.record, body);
}

/** The sequences of a body's events, each of which carries its own; undefined when not all of it can be read. Slow: for damage only. */
function sequencesIn(record: RecordName, body: Buffer): SequenceRange[] | undefined {
  const type = record === 'conn' ? v1.ConnEvent : v1.ControlEvent;
  const entries: IndexEntry[] = [];
  try {
    for (let at = 0; at < body.length; ) {
      const { start, end } = nextEvent(body, at);
      const first = toBigInt(type.decode(body.subarray(start, end)).sequence);
      if (first <= (entries.at(-1)?.first ?? 0n)) return undefined; // they ascend, from 1
      entries.push({ first, count: 1, offset: at, length: end - at, crc32c: 0 });
      at = end;
    }
  } catch {
    return undefined;
  }
  return entries.length === 0 ? undefined : rangesOf(entries);
}

/** What a damaged segment among sealed ones held: by its own files, else by the gap between its neighbours. `others`: what damaged ones before it held. `fallback`: the node, when nothing tells. */
export async function extentOf(
  dir: string,
  files: Pick<SegmentFiles, 'id' | 'record'>,
  index: ParsedIndex | undefined,
  segments: readonly Segment[],
  others: readonly Extent[],
  fallback: string,
): Promise<Extent> {
  const identity = index?.identity;
  const own = await sequencesOf(dir, files, index);
  const before = segments.filter((segment) => segment.id < files.id).at(-1);
  const after = segments.find((segment) => segment.id > files.id);
  const node = identity?.node ?? before?.node ?? after?.node ?? fallback;
  const epoch = identity?.epoch ?? epochAt(own, before, after, segments);
  const same = segments.filter((segment) => segment.epoch === epoch);
  const there = [...same, ...others.filter((one) => one.epoch === epoch)].flatMap(({ ranges }) => ranges);
  if (own !== undefined) {
    // What is in another segment was never here: then what is left of this one's index lies.
    const ranges = own.flatMap(({ first, last }) => missingOf(first, last, there));
    // All of it there already: then it was of another epoch, whose name is gone.
    const doubtful = identity === undefined && ranges.length === 0;
    return { node, epoch, ranges, count: countOf(ranges), ...(doubtful ? { unknown: true } : {}) };
  }
  // All that is missing in the epoch near it. Two damaged neighbours share it.
  const left = same.filter((segment) => segment.id < files.id).at(-1);
  const right = same.find((segment) => segment.id > files.id);
  const first = identity?.start ?? left?.ranges[0]?.first ?? right?.ranges[0]?.first;
  const known = rangesOf([...(index?.entries ?? []), ...(index?.beyond ?? [])]);
  const ends = [...known, ...((right ?? left)?.ranges ?? [])].map((range) => range.last).sort((a, b) => (a < b ? -1 : 1));
  const last = ends.at(-1);
  const ranges = first === undefined || last === undefined ? known : missingOf(first, last, there);
  // The one behind it may be of its own run: then nothing says where this one ended.
  const bounded = right !== undefined && right.id > files.id + 1 && (left ?? identity) !== undefined;
  return { node, epoch, ranges, count: countOf(ranges), ...(bounded ? {} : { unknown: true }) };
}

/** Of which epoch sequences are whose header is gone. */
function epochAt(
  own: readonly SequenceRange[] | undefined,
  before: Segment | undefined,
  after: Segment | undefined,
  segments: readonly Segment[],
): string {
  if (before === undefined || before.epoch === after?.epoch) return before?.epoch ?? after?.epoch ?? '';
  const first = own?.[0]?.first;
  if (first === undefined || after === undefined) return before.epoch;
  const last = segments.filter(({ epoch }) => epoch === before.epoch).flatMap(({ ranges }) => ranges.map((range) => range.last));
  return last.some((one) => one + 1n === first) ? before.epoch : after.epoch;
}
