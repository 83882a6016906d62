import { readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { type ParsedIndex, rangesOf } from './index-file.js';
import { bodyName, indexName, QUARANTINE, replaceFile, type SegmentFiles, syncDirectory } from './layout.js';
import { type Loss, timesIn } from './loss.js';
import type { Segment } from './segment.js';

/** What a segment held. */
export type Extent = Pick<Segment, 'node' | 'epoch' | 'ranges' | 'count'>;

/** A damaged segment that was put aside, until its loss stands in the log. */
export interface QuarantineNote {
  readonly id: number;
  readonly node: string;
  readonly loss: Loss;
}

/** What a segment with a damaged index held: by its index, else by the gap between its neighbours. `fallback`: the node, when nothing tells. */
export function extentOf(
  files: Pick<SegmentFiles, 'id'>,
  index: ParsedIndex | undefined,
  segments: readonly Segment[],
  fallback: string,
): Extent {
  const header = index?.header;
  const before = segments.filter((segment) => segment.id < files.id).at(-1);
  const node = header?.node ?? before?.node ?? fallback;
  const epoch = header?.epoch ?? before?.epoch ?? '';
  if (header !== undefined && index?.footer !== undefined) return { node, epoch, ranges: index.footer.ranges, count: index.footer.count };
  // All that is missing in the epoch near it: exact unless two neighbours are damaged at once, whose loss then is told once.
  const ranges = segments
    .filter((segment) => segment.epoch === epoch)
    .flatMap((segment) => segment.ranges)
    .sort((a, b) => (a.first < b.first ? -1 : 1));
  const gaps: { first: bigint; last: bigint }[] = [];
  const start = header?.start ?? before?.ranges[0]?.first ?? 0n;
  for (let i = 1; i < ranges.length; i++) {
    const [left, right] = [ranges[i - 1], ranges[i]];
    if (left !== undefined && right !== undefined && right.first > left.last + 1n && left.last + 1n >= start) {
      gaps.push({ first: left.last + 1n, last: right.first - 1n });
      break;
    }
  }
  if (gaps.length === 0) gaps.push(...rangesOf(index?.entries ?? []));
  return { node, epoch, ranges: gaps, count: Number(gaps.reduce((sum, gap) => sum + gap.last - gap.first + 1n, 0n)) };
}

/** Moves a damaged segment's files away, and says what its loss is to be told as. `reason`: a sentence. */
export async function moveAway(
  directory: string,
  { id, record }: Pick<Segment, 'id' | 'record'>,
  extent: Extent,
  reason: string,
): Promise<QuarantineNote> {
  const body = await readFile(join(directory, bodyName(id, record))).catch(() => Buffer.alloc(0));
  const ranges = extent.ranges.map((range) => `${range.first}-${range.last}`).join(', ');
  const detail = `${reason} Sequences ${ranges || 'unknown'} of epoch ${extent.epoch || 'unknown'} are in ${QUARANTINE}.`;
  for (const name of [bodyName(id, record), indexName(id, record)]) {
    await rename(join(directory, name), join(directory, QUARANTINE, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
  return { id, node: extent.node, loss: { where: 'spool', lost: BigInt(extent.count), ...timesIn(record, body), detail } };
}

/** Makes it durable whether a loss stands in the log: a crash before makes the next process tell it. */
export async function noteQuarantine(directory: string, { id, ...note }: QuarantineNote, recorded: boolean): Promise<void> {
  const target = join(directory, QUARANTINE);
  const json = JSON.stringify({ recorded, ...note }, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value), 2);
  await replaceFile(target, `${String(id).padStart(12, '0')}.json`, `${json}\n`);
  if (!recorded) await syncDirectory(target);
}

/** Losses that an earlier process noted and could not write into the log. */
export async function pendingQuarantines(directory: string): Promise<QuarantineNote[]> {
  const target = join(directory, QUARANTINE);
  const pending: QuarantineNote[] = [];
  for (const name of await readdir(target)) {
    const match = /^(\d{12})\.json$/.exec(name);
    if (match === null) continue;
    const note = JSON.parse(await readFile(join(target, name), 'utf8')) as {
      recorded: boolean;
      node: string;
      loss: { where: 'spool'; lost: string; firstNs: string; lastNs: string; detail: string };
    };
    if (note.recorded) continue;
    const { where, detail, ...counts } = note.loss;
    const [lost, firstNs, lastNs] = [BigInt(counts.lost), BigInt(counts.firstNs), BigInt(counts.lastNs)];
    pending.push({ id: Number(match[1]), node: note.node, loss: { where, lost, firstNs, lastNs, detail } });
  }
  return pending;
}
