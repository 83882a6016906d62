import { createHash } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32c } from '../wire/crc32c.js';
import { sentenceOf } from '../wire/errors.js';
import { loadIndex, loadSealed } from './catalog.js';
import { DamagedSegmentError } from './errors.js';
import type { IndexEntry, IndexFooter, IndexHeader, LogPosition, ParsedIndex } from './index-file.js';
import { bodyName, indexName, listSegments, QUARANTINE, type SegmentFiles } from './layout.js';
import { LOCAL_EPOCH } from './loss.js';
import { entriesAt, type SpoolMark } from './mark.js';
import { holdsNothing } from './recover.js';
import { isBeingReplaced } from './rewrite.js';
import { missingOf } from './run.js';
import type { RecordName, SequenceRange } from './segment.js';

export interface DamagedSegment {
  readonly id: number;
  readonly record: RecordName;
  /** A sentence. */
  readonly reason: string;
}

export interface EpochReport {
  readonly node: string;
  readonly epoch: string;
  /** Records of the collector's own. */
  readonly local: boolean;
  readonly first: bigint;
  readonly last: bigint;
  readonly count: number;
  /** Sequences that are not there. */
  readonly gaps: readonly SequenceRange[];
  /** Sequences that are there more than once. */
  readonly duplicates: readonly SequenceRange[];
}

/** What one segment held. */
export interface SpoolPart {
  readonly id: number;
  readonly node: string;
  readonly epoch: string;
  /** First sequence of its run. */
  readonly start: bigint;
  /** Last sequence of its run up to it, as its footer says; undefined: it says nothing of that. */
  readonly end: bigint | undefined;
  /** One a batch, ascending. */
  readonly ranges: readonly SequenceRange[];
  readonly count: number;
}

export interface VerifyReport {
  readonly directory: string;
  readonly segments: number;
  /** Segments without a footer: being written, or left by a crash. */
  readonly active: number;
  readonly events: number;
  /** Of these, events of connections that were erased: their places are there, and nothing else of them. */
  readonly erased: number;
  readonly bytes: number;
  readonly damaged: readonly DamagedSegment[];
  /** Damaged segments that were set aside. */
  readonly quarantined: readonly number[];
  /** Segments whose chain value does not follow from the one before. One after a quarantined segment whose footer is readable is no break. */
  readonly chainBreaks: readonly DamagedSegment[];
  readonly epochs: readonly EpochReport[];
  /** Nothing is damaged, missing or there twice. */
  readonly complete: boolean;
}

export interface VerifyProgress {
  readonly segment: number;
  readonly segments: number;
  readonly bytes: number;
}

export interface VerifySpoolOptions {
  readonly onProgress?: ((progress: VerifyProgress) => void) | undefined;
  /** What came later is left out. For a spool that a collector writes to. */
  readonly mark?: SpoolMark | undefined;
}

/** Checks every byte of a spool, and tells what its segments held. */
export async function verifySpool(
  directory: string,
  { onProgress, mark }: VerifySpoolOptions = {},
): Promise<VerifyReport & { readonly parts: readonly SpoolPart[] }> {
  const all = (await listSegments(directory)).filter(({ id }) => mark === undefined || id < mark.next);
  const quarantine = join(directory, QUARANTINE);
  const quarantined: SegmentFiles[] = [];
  const chains = new Map<number, string>();
  for (const files of await listSegments(quarantine).catch(() => [])) {
    const { footer, identity } = (await loadIndex(quarantine, files)) ?? {};
    // A copy of a segment from which an end was cut off that had no right to be believed: that came again, or its loss was told.
    if (identity !== undefined && identity.id !== files.id) continue;
    quarantined.push(files);
    if (footer !== undefined) chains.set(files.id, footer.chain);
  }
  const damaged: DamagedSegment[] = [];
  const chainBreaks: DamagedSegment[] = [];
  const read: SpoolPart[] = [];
  let removed = 0;
  let segments = 0;
  let active = 0;
  let events = 0;
  let erased = 0;
  let bytes = 0;
  let previous: string | undefined;
  let previousId = 0;

  // Of each record type one may be without a footer.
  const sealed = mark?.sealed ?? (all.at(-1)?.id ?? 0) - 2;
  for (const [i, files] of all.entries()) {
    const { id, record } = files;
    const found = await readSegment(directory, files, id > sealed);
    const { index } = found;
    // A quarantined segment between the two is the one that this one follows; its chain value may be unreadable.
    const between = quarantined.filter((each) => each.id > previousId && each.id < id).at(-1);
    const before = between === undefined ? previous : chains.get(between.id);
    previousId = id;
    previous = index?.footer?.chain;
    try {
      if ('error' in found) throw found.error;
      const { entries, footer } = found;
      if (footer === undefined) active++;
      else {
        if (before !== undefined && before !== footer.previous) {
          chainBreaks.push({ id, record, reason: `Segment ${bodyName(id, record)} does not follow the one before it in the chain.` });
        }
        if (record === 'conn') erased += footer.erased?.events ?? 0;
        segments++;
      }
      const header = index?.header;
      if (header !== undefined) {
        const counted = mark === undefined ? entries : entriesAt(mark, header, entries);
        const part = partOf(header, counted, index?.footer?.position);
        read.push(part);
        events += part.count;
        for (const { length } of counted) bytes += length;
      }
    } catch (error) {
      if (!(await exists(directory, files))) {
        removed = id; // it was delivered everywhere, or given up, which the log tells
        continue;
      }
      damaged.push({ id, record, reason: sentenceOf(error) });
    }
    onProgress?.({ segment: i + 1, segments: all.length, bytes });
  }
  const parts = await withoutRemoved(directory, read, removed);
  const reports = epochReports(parts);
  return {
    directory,
    parts,
    segments,
    active,
    events,
    erased,
    bytes,
    damaged,
    quarantined: quarantined.map((files) => files.id),
    chainBreaks,
    epochs: reports,
    complete:
      damaged.length === 0 &&
      quarantined.length === 0 &&
      chainBreaks.length === 0 &&
      reports.every((epoch) => epoch.gaps.length === 0 && epoch.duplicates.length === 0),
  };
}

type ReadSegment = { readonly index: ParsedIndex | undefined } & (
  | { readonly entries: readonly IndexEntry[]; readonly footer: IndexFooter | undefined }
  | { readonly error: unknown }
);

/** How often a segment is read again that is being rewritten, and how long between, ms. */
const AGAIN = 200;
const AGAIN_MS = 20;

/** Reads and checks one segment; without a footer only its whole batches count. One that is put into its place meanwhile is read again: its index may not be its body's. */
async function readSegment(directory: string, files: SegmentFiles, mayBeActive: boolean): Promise<ReadSegment> {
  for (let again = 0; ; again++) {
    const index = await loadIndex(directory, files);
    try {
      // The process ended, or the disk was full, while it was begun. What it should have held is missing in its epoch.
      if (await holdsNothing(directory, files)) return { index, entries: [], footer: undefined };
      const entries = index?.entries ?? [];
      if (index?.header !== undefined && index.footer === undefined && mayBeActive) {
        const good = await checkBody(directory, files, entries, undefined);
        if (index.wasSealed && (index.beyond.length > 0 || good.length < entries.length))
          throw new DamagedSegmentError(`Segment ${bodyName(files.id, files.record)} was sealed and is damaged.`);
        return { index, entries: good, footer: undefined };
      }
      const { footer } = await loadSealed(directory, files, index);
      await checkBody(directory, files, entries, footer.sha256);
      return { index, entries, footer };
    } catch (error) {
      const now = (await isBeingReplaced(directory, files)) ? undefined : ((await loadIndex(directory, files))?.footer?.sha256 ?? '');
      if (again === AGAIN || now === (index?.footer?.sha256 ?? '')) return { index, error };
      await sleep(AGAIN_MS);
    }
  }
}

async function exists(directory: string, files: SegmentFiles): Promise<boolean> {
  // A removal begins with the index.
  const [body, index] = [bodyName(files.id, files.record), indexName(files.id, files.record)].map((name) =>
    stat(join(directory, name)).then(
      () => true,
      () => false,
    ),
  );
  return ((await body) === true || !files.hasBody) && ((await index) === true || !files.hasIndex);
}

/** Reads the body batch by batch. With `sha256` everything must be right; without, the segment is active and its torn tail does not count. */
async function checkBody(
  directory: string,
  files: SegmentFiles,
  entries: readonly IndexEntry[],
  sha256: string | undefined,
): Promise<IndexEntry[]> {
  const name = bodyName(files.id, files.record);
  const hash = createHash('sha256');
  const body = await open(join(directory, name), 'r');
  const good: IndexEntry[] = [];
  let offset = 0;
  try {
    for (const entry of entries) {
      const batch = Buffer.allocUnsafe(entry.length);
      const { bytesRead } = await body.read(batch, 0, entry.length, entry.offset);
      if (entry.offset !== offset || bytesRead !== entry.length || crc32c(batch) !== entry.crc32c) {
        if (sha256 === undefined) return good;
        throw new Error(`Segment ${name} is damaged in the batch at byte ${entry.offset} (sequence ${entry.first}).`);
      }
      hash.update(batch);
      offset += entry.length;
      good.push(entry);
    }
  } finally {
    await body.close();
  }
  if (sha256 !== undefined && hash.digest('hex') !== sha256) throw new Error(`Segment ${name} does not have its checksum.`);
  return good;
}

function partOf({ id, node, epoch, start }: IndexHeader, entries: readonly IndexEntry[], position: LogPosition | undefined): SpoolPart {
  const ranges = entries.map(({ first, count }) => ({ first, last: first + BigInt(count) - 1n }));
  const end = position?.epoch === epoch ? position.sequence : undefined;
  return { id, node, epoch, start, end, ranges, count: entries.reduce((sum, { count }) => sum + count, 0) };
}

/** Segments go oldest first: those before one that was removed while we read are gone too, and would make a gap of it. */
async function withoutRemoved(directory: string, parts: readonly SpoolPart[], removed: number): Promise<readonly SpoolPart[]> {
  if (removed === 0) return parts;
  const left = new Set((await listSegments(directory)).map(({ id }) => id));
  return parts.filter(({ id }) => id > removed || left.has(id));
}

/**
 * Sequences of the oldest segment's run that were the other record type's: its segment has the lower id, so it was removed before, as one that every sink has. Undefined: it is here,
 * or there was none.
 */
function removedBeside(parts: readonly SpoolPart[]): { readonly of: SpoolPart; readonly range: SequenceRange } | undefined {
  const [oldest] = [...parts].sort((a, b) => a.id - b.id);
  if (oldest === undefined || oldest.id <= 1) return undefined;
  const same = parts.filter(({ node, epoch }) => node === oldest.node && epoch === oldest.epoch);
  if (same.some((part) => part !== oldest && part.start === oldest.start)) return undefined;
  // It was the last of its run, whose footer speaks of all of that.
  return { of: oldest, range: { first: oldest.start, last: oldest.end ?? oldest.start } };
}

function epochReports(parts: readonly SpoolPart[]): EpochReport[] {
  const removed = removedBeside(parts);
  const epochs = new Map<string, SpoolPart[]>();
  for (const part of parts) {
    if (part.count === 0) continue;
    const key = `${part.node}\n${part.epoch}`;
    const same = epochs.get(key);
    if (same === undefined) epochs.set(key, [part]);
    else same.push(part);
  }
  return [...epochs.values()].map((same) => epochReport(same, removed === undefined || !same.includes(removed.of) ? [] : [removed.range]));
}

function epochReport(parts: readonly SpoolPart[], removed: readonly SequenceRange[]): EpochReport {
  const gaps: SequenceRange[] = [];
  const duplicates: SequenceRange[] = [];
  const ranges = parts.flatMap((part) => part.ranges).sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const first = ranges[0]?.first ?? 0n;
  let last = first - 1n;
  for (const range of ranges) {
    if (range.first > last + 1n) gaps.push(...missingOf(last + 1n, range.first - 1n, removed));
    if (range.first <= last) duplicates.push({ first: range.first, last: range.last < last ? range.last : last });
    if (range.last > last) last = range.last;
  }
  const { node = '', epoch = '' } = parts[0] ?? {};
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  return { node, epoch, local: epoch.startsWith(LOCAL_EPOCH), first, last, count, gaps, duplicates };
}
