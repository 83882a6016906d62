import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32c } from '../wire/crc32c.js';
import { type IndexEntry, type IndexHeader, type LogPosition, type ParsedIndex, parseIndex } from './index-file.js';
import { bodyName, indexName, type SegmentFiles } from './layout.js';
import { SegmentWriter } from './segment-writer.js';

/** What a tail of unsealed segments still held. */
export interface RecoveredTail {
  /** Ascending by id, cut to what is whole and ready to be sealed. */
  readonly writers: SegmentWriter[];
  /** The last sequence of a capture's log in them; undefined: they say nothing about it. */
  readonly position: LogPosition | undefined;
  /** Left where they are: they hold something, and nobody can say what. */
  readonly unreadable: readonly SegmentFiles[];
}

interface TailFile {
  readonly files: SegmentFiles;
  readonly header: IndexHeader;
  readonly entries: readonly IndexEntry[];
  readonly body: Buffer;
}

/**
 * Recovers the segments that were being written when the process ended. The two of one run (one a record type) hold a run of sequences without gaps together: what
 * follows the first missing or torn batch was never acknowledged and is cut off. `sealed` are the run's entries in a segment that was sealed already.
 */
export async function recoverTail(dir: string, tail: readonly SegmentFiles[], sealed: readonly ParsedIndex[]): Promise<RecoveredTail> {
  const whole: TailFile[] = [];
  const unreadable: SegmentFiles[] = [];
  for (const files of tail) {
    const file = files.hasIndex && files.hasBody ? await readTail(dir, files) : undefined;
    if (file !== undefined) whole.push(file);
    // A torn beginning was never acknowledged; what was sealed was.
    else if (await wasSealed(dir, files)) unreadable.push(files);
    else await removeSegment(dir, files);
  }
  const newest = whole.at(-1);
  if (newest === undefined) return { writers: [], position: undefined, unreadable };
  const end = contiguousEnd(newest.header, [
    ...whole.map((file) => file.entries),
    ...sealed.filter((index) => sameRun(index.header, newest.header)).map((index) => index.entries),
  ]);

  const writers: SegmentWriter[] = [];
  let position: LogPosition | undefined;
  for (const file of whole) {
    const kept = sameRun(file.header, newest.header) ? file.entries.filter((entry) => entry.first < end) : [];
    const last = kept.at(-1);
    if (last === undefined) {
      await removeSegment(dir, file.files);
      continue;
    }
    writers.push(await SegmentWriter.reopen(dir, file.header, kept, file.body.subarray(0, last.offset + last.length)));
    position = file.header.local ? file.header.position : { epoch: file.header.epoch, sequence: end - 1n };
  }
  return { writers, position, unreadable };
}

/** Removes a segment's files: the index first, so that a half-removed one is a body without an index. */
export async function removeSegment(dir: string, files: Pick<SegmentFiles, 'id' | 'record'>): Promise<void> {
  await rm(join(dir, indexName(files.id, files.record)), { force: true });
  await rm(join(dir, bodyName(files.id, files.record)), { force: true });
}

/** True when an index whose header cannot be read nevertheless has a footer. */
async function wasSealed(dir: string, files: SegmentFiles): Promise<boolean> {
  return files.hasIndex && (await readFile(join(dir, indexName(files.id, files.record)))).includes('FOOT');
}

/** The batches of one file up to the first that is not whole. */
async function readTail(dir: string, files: SegmentFiles): Promise<TailFile | undefined> {
  const index = parseIndex(await readFile(join(dir, indexName(files.id, files.record))));
  if (index.header === undefined) return undefined;
  const body = await readFile(join(dir, bodyName(files.id, files.record)));
  const entries: IndexEntry[] = [];
  let offset = 0;
  for (const entry of index.entries) {
    const end = offset + entry.length;
    if (entry.offset !== offset || end > body.length || crc32c(body.subarray(offset, end)) !== entry.crc32c) break;
    entries.push(entry);
    offset = end;
  }
  return { files, header: index.header, entries, body };
}

/** The sequence after the last of the run that begins at the header's start and has no gap. */
function contiguousEnd(header: IndexHeader, lists: readonly (readonly IndexEntry[])[]): bigint {
  const all = lists.flat().sort((a, b) => (a.first < b.first ? -1 : 1));
  let next = header.start;
  for (const entry of all) {
    if (entry.first !== next) break;
    next += BigInt(entry.count);
  }
  return next;
}

function sameRun(a: IndexHeader | undefined, b: IndexHeader): boolean {
  return a !== undefined && a.epoch === b.epoch && a.start === b.start && a.node === b.node;
}
