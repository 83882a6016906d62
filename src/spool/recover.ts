import { open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openToWrite } from '../access/readers.js';
import { crc32c } from '../wire/crc32c.js';
import { type Extent, sequencesOf } from './extent.js';
import { type IndexEntry, type IndexHeader, type LogPosition, type ParsedIndex, parseIndex, rangesOf } from './index-file.js';
import { bodyName, indexName, QUARANTINE, type SegmentFiles, syncDirectory } from './layout.js';
import { countOf, endOf, missingOf, sameRun, withPositions } from './run.js';
import { SegmentWriter } from './segment-writer.js';

/*
 * What a process leaves that ends without sealing: up to two segments of one run, whose ends may be torn. What was torn was never acknowledged, for nothing is before it
 * is synced; it is cut off, and so is what follows a sequence that neither segment has: the capture is asked for all that again. Where whole batches lie behind one that is
 * not, it may be damage and no torn end: then the files as they are go to quarantine first. The capture tells what it has no more.
 *
 * A segment that was sealed once and is not whole is damaged. It goes to quarantine, its loss is told, and the capture is not asked for it again, so that nothing is told
 * as lost and comes a second time. Each run is read for itself; none is judged by another's header.
 */

/** A segment that is to be set aside. */
export interface DamagedFiles {
  readonly files: SegmentFiles;
  readonly extent: Extent;
  /** A sentence. */
  readonly reason: string;
  /** Whose index it is, if it says that. */
  readonly identity: IndexHeader | undefined;
  /** Its chain value, over which the next one's goes. */
  readonly chain: string | undefined;
}

/** What a tail of segments still held. */
export interface RecoveredTail {
  /** Ascending by id, cut to what is whole and ready to be sealed, each with what its footer says; undefined: what the one before says. */
  readonly writers: readonly { readonly writer: SegmentWriter; readonly position: LogPosition | undefined }[];
  /** Up to here a capture's log is in the spool, or told as lost; undefined: they say nothing about it. */
  readonly position: LogPosition | undefined;
  readonly damaged: readonly DamagedFiles[];
  /** Sequences that were here and are not any more, without a file that held them. */
  readonly vanished: readonly Extent[];
}

type Sealed = ParsedIndex & { readonly header: IndexHeader };

interface TailFile {
  readonly files: SegmentFiles;
  readonly header: IndexHeader;
  readonly body: Buffer;
  /** The batches up to the first that is not whole. */
  readonly entries: readonly IndexEntry[];
  /** It was sealed once, and all its batches are whole. */
  readonly sealed: boolean;
  /** What is cut off may have been acknowledged. */
  readonly doubtful: boolean;
}

interface Run {
  readonly header: IndexHeader;
  readonly tail: TailFile[];
  readonly sealed: Sealed[];
  readonly damaged: DamagedFiles[];
}

/**
 * Recovers segments without a whole footer. `sealed`: the newest sealed segments, of which one may be of the same run as the first of `tail`. `aside`: what damaged ones
 * held that were set aside before. `accounted`: up to here nothing is missing that is not known. `spareId` gives an id that no segment has.
 */
export async function recoverTail(
  dir: string,
  tail: readonly SegmentFiles[],
  sealed: readonly ParsedIndex[],
  aside: readonly Extent[],
  accounted: LogPosition | undefined,
  spareId: () => number,
): Promise<RecoveredTail> {
  const runs: Run[] = [];
  const runOf = (header: IndexHeader): Run => {
    const known = runs.find((one) => sameRun(one.header, header));
    if (known !== undefined) return known;
    const run: Run = { header, tail: [], sealed: [], damaged: [] };
    runs.push(run);
    return run;
  };
  for (const index of sealed) if (index.header !== undefined) runOf(index.header).sealed.push(index as Sealed);
  const nowhere: DamagedFiles[] = [];
  const nameless: DamagedFiles[] = [];
  for (const files of tail) {
    const found = await readTail(dir, files);
    if (found === undefined) await removeSegment(dir, files);
    else if ('header' in found) runOf(found.header).tail.push(found);
    else if (found.identity !== undefined) runOf(found.identity).damaged.push(found);
    else nameless.push(found);
  }
  for (const found of nameless) {
    const run = placeOf(found, runs);
    if (run === undefined) nowhere.push(found);
    else run.damaged.push({ ...found, extent: { ...found.extent, node: run.header.node, epoch: run.header.epoch } });
  }
  runs.sort((a, b) => firstId(a) - firstId(b));
  const result = { writers: [] as RecoveredTail['writers'][number][], vanished: [] as Extent[] };
  let position: LogPosition | undefined;
  try {
    for (const [i, run] of runs.entries()) {
      const { writers, vanished, reached } = await settleRun(dir, run, runs.slice(i + 1), aside, accounted, spareId);
      result.writers.push(...writers);
      result.vanished.push(...vanished);
      position = reached ?? position;
    }
  } catch (error) {
    for (const { writer } of result.writers) await writer.close().catch(() => undefined);
    throw error;
  }
  return { ...result, position, damaged: [...runs.flatMap(({ damaged }) => damaged), ...nowhere] };
}

/** Keeps of a run what has no gap before it. `later`: the runs behind it. */
async function settleRun(
  dir: string,
  run: Run,
  later: readonly Run[],
  aside: readonly Extent[],
  accounted: LogPosition | undefined,
  spareId: () => number,
): Promise<Settled> {
  const { header, tail, sealed, damaged } = run;
  const { node, epoch, start, local } = header;
  const untouched = tail.length + damaged.length === 0;
  // Where something newer is sealed, a segment of this run may have been dropped, which is told.
  if (untouched && (local || later.some((one) => !one.header.local && one.sealed.length > 0)))
    return { writers: [], vanished: [], reached: sealed.at(-1)?.footer?.position };
  const told = [...damaged.map(({ extent }) => extent), ...aside].filter((one) => one.epoch === epoch && one.unknown !== true);
  // These stay as they are, or are told as lost as a whole.
  const fixed = [
    ...sealed.flatMap(({ footer }) => footer?.ranges ?? []),
    ...tail.filter((file) => file.sealed).flatMap(({ entries }) => rangesOf(entries)),
    ...told.flatMap(({ ranges }) => ranges).filter(({ last }) => last >= start),
  ];
  const from = local
    ? start
    : saidOf(run, later, accounted).reduce((most, one) => (one.sequence >= most ? one.sequence + 1n : most), start);
  const all = [...fixed, ...tail.flatMap(({ entries }) => rangesOf(entries))];
  const last = highest([beginOfNext(header, later) - 1n, ...fixed.map((range) => range.last)]);
  const missing = local ? [] : missingOf(from, last, all);
  const end = endOf(from, [...all, ...missing]);

  const writers: SegmentWriter[] = [];
  try {
    for (const file of tail) {
      const kept = file.entries.filter((entry) => entry.first < end);
      const newest = kept.at(-1);
      if (file.doubtful) await copyAside(dir, file.files, spareId());
      if (newest === undefined) await removeSegment(dir, file.files);
      else writers.push(await SegmentWriter.reopen(dir, file.header, kept, file.body.subarray(0, newest.offset + newest.length)));
    }
  } catch (error) {
    for (const writer of writers) await writer.close().catch(() => undefined);
    throw error;
  }
  const vanished = missing.length === 0 ? [] : [{ node, epoch, ranges: missing, count: countOf(missing) }];
  if (local)
    return { writers: withPositions(writers, header.position), vanished, reached: writers.length > 0 ? header.position : undefined };
  const reached = end === start && fixed.length === 0 ? undefined : { epoch, sequence: end - 1n };
  return { writers: withPositions(writers, reached), vanished, reached };
}

function highest(values: readonly bigint[]): bigint {
  return [...values].sort((a, b) => (a < b ? -1 : 1)).at(-1) ?? 0n;
}

/** How far the log of a run is accounted for, by what was sealed or told since. */
function saidOf({ header, sealed }: Run, later: readonly Run[], accounted: LogPosition | undefined): LogPosition[] {
  const positions = [
    accounted,
    ...[...sealed, ...later.flatMap((one) => one.sealed)].map(({ footer }) => footer?.position),
    ...later.flatMap((one) => one.tail.filter(({ entries }) => entries.length > 0).map((file) => file.header.position)),
  ];
  return positions.filter((one) => one !== undefined).filter((one) => one.epoch === header.epoch);
}

type Settled = Pick<RecoveredTail, 'writers' | 'vanished'> & { readonly reached: LogPosition | undefined };

/** Where the next run of the same log begins, up to which this one was whole; 0: nobody knows, or what is between is told as lost. */
function beginOfNext({ node, epoch }: IndexHeader, later: readonly Run[]): bigint {
  for (const { header } of later) {
    if (header.local && header.position?.epoch === epoch) return 0n;
    if (header.epoch === epoch && header.node === node) return header.start;
  }
  return 0n;
}

/** Keeps both files as they are before something is cut off, by an id of their own. */
async function copyAside(dir: string, { id, record }: SegmentFiles, spare: number): Promise<void> {
  for (const name of [bodyName, indexName]) {
    const file = await openToWrite(join(dir, QUARANTINE, name(spare, record)), 'w');
    try {
      await file.writeFile(await readFile(join(dir, name(id, record))));
      await file.sync();
    } finally {
      await file.close();
    }
  }
  await syncDirectory(join(dir, QUARANTINE));
}

function firstId({ tail, sealed, damaged }: Run): number {
  return Math.min(...[...tail, ...damaged].map(({ files }) => files.id), ...sealed.map(({ header }) => header.id));
}

/** The run that a damaged segment was of. */
function placeOf({ files, extent }: DamagedFiles, runs: Run[]): Run | undefined {
  const first = extent.ranges[0]?.first;
  if (first === undefined || extent.unknown === true) return undefined;
  const candidates = runs.filter(({ header }) => !header.local && (extent.epoch === '' || extent.epoch === header.epoch));
  const [run] = candidates.filter(({ header }) => header.start <= first).sort((a, b) => (a.header.start > b.header.start ? -1 : 1));
  if (run === undefined) return undefined;
  // Its own run, of which nothing else is left, follows that one.
  const reach = run.sealed.some(({ footer }) => footer?.position?.epoch === run.header.epoch && footer.position.sequence + 1n === first);
  if (!reach || run.tail.length > 0) return run;
  const { node, epoch } = run.header;
  const header: IndexHeader = { id: files.id, record: files.record, node, epoch, start: first, local: false, position: undefined };
  const own: Run = { header, tail: [], sealed: [], damaged: [] };
  runs.push(own);
  return own;
}

/**
 * Removes a segment's files, the index first and by another name: so a body whose index is missing was not half removed, it is damaged. What is left of a removal that was
 * broken off is removed by finishRemovals().
 */
export async function removeSegment(dir: string, files: Pick<SegmentFiles, 'id' | 'record'>): Promise<void> {
  const index = join(dir, indexName(files.id, files.record));
  await rename(index, index + GONE).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await rm(join(dir, bodyName(files.id, files.record)), { force: true });
  await rm(index + GONE, { force: true });
}

/** What the index of a segment that is being removed ends in. */
const GONE = '.gone';

/** Removes what an earlier process was removing when it ended. */
export async function finishRemovals(dir: string): Promise<void> {
  for (const name of await readdir(dir)) {
    const [, base] = /^(\d{12}\.(?:conn|control))\.idx\.gone$/.exec(name) ?? [];
    if (base === undefined) continue;
    await rm(join(dir, `${base}.pb`), { force: true });
    await rm(join(dir, name), { force: true });
  }
}

/** A file's batches, or what is wrong with it; undefined: it never held anything that was acknowledged. */
async function readTail(dir: string, files: SegmentFiles): Promise<TailFile | DamagedFiles | undefined> {
  const name = bodyName(files.id, files.record);
  const index = files.hasIndex ? parseIndex(await readFile(join(dir, indexName(files.id, files.record)))) : undefined;
  const body = files.hasBody ? await readFile(join(dir, name)) : Buffer.alloc(0);
  const header = index?.header;
  const sealed = index?.wasSealed === true;
  const known = [...(index?.entries ?? []), ...(index?.beyond ?? [])];
  if (index === undefined || header === undefined) {
    // A torn beginning has neither batches nor a footer.
    if (index !== undefined && !sealed && known.length === 0) return undefined;
    if (body.length === 0) return undefined;
    return damaged(dir, files, index, `The index of segment ${name} cannot be read.`);
  }
  if (header.id !== files.id || header.record !== files.record)
    return damaged(dir, files, undefined, `The index of segment ${name} is another segment's.`);
  const entries: IndexEntry[] = [];
  let offset = 0;
  for (const entry of index.entries) {
    if (!isWhole(entry, offset, body)) break;
    entries.push(entry);
    offset += entry.length;
  }
  const rest = known.slice(entries.length);
  if (sealed && (rest.length > 0 || offset !== body.length))
    return damaged(dir, files, index, `Segment ${name} was sealed and is damaged.`);
  const doubtful = rest.some((entry) => isWhole(entry, entry.offset, body));
  return { files, header, entries, body, sealed, doubtful };
}

function isWhole({ offset, length, crc32c: sum }: IndexEntry, expected: number, body: Buffer): boolean {
  return offset === expected && offset + length <= body.length && crc32c(body.subarray(offset, offset + length)) === sum;
}

async function damaged(dir: string, files: SegmentFiles, index: ParsedIndex | undefined, reason: string): Promise<DamagedFiles> {
  const { node = '', epoch = '' } = index?.identity ?? {};
  const found = await sequencesOf(dir, files, index);
  const ranges = found ?? rangesOf([...(index?.entries ?? []), ...(index?.beyond ?? [])]);
  const extent: Extent = { node, epoch, ranges, count: countOf(ranges), ...(found === undefined ? { unknown: true } : {}) };
  return { files, extent, reason, identity: index?.identity, chain: index?.footer?.chain };
}

/** Makes durable what an earlier process wrote and may not have synced: it died before that, or its policy was not to. */
export async function makeDurable(dir: string, segments: readonly Pick<SegmentFiles, 'id' | 'record'>[]): Promise<void> {
  for (const { id, record } of segments) {
    for (const name of [bodyName(id, record), indexName(id, record)]) {
      const file = await open(join(dir, name), 'r+');
      try {
        await file.datasync();
      } finally {
        await file.close();
      }
    }
  }
}

/** Whether a segment's files hold nothing, and never did: the process ended, or the disk was full, while it was begun. */
export async function holdsNothing(dir: string, files: SegmentFiles): Promise<boolean> {
  const size = files.hasBody ? (await stat(join(dir, bodyName(files.id, files.record)))).size : 0;
  if (size > 0) return false;
  const index = files.hasIndex ? parseIndex(await readFile(join(dir, indexName(files.id, files.record)))) : undefined;
  return index === undefined || (index.entries.length === 0 && index.beyond.length === 0 && !index.wasSealed);
}
