import { createHash } from 'node:crypto';
import { readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { openToWrite } from '../access/readers.js';
import { crc32c } from '../wire/crc32c.js';
import { loadIndex, loadSealed } from './catalog.js';
import { DamagedSegmentError } from './errors.js';
import { ENTRY_SIZE, encodeEntry, encodeFooter, encodeHeader, type IndexFooter, type IndexHeader } from './index-file.js';
import { bodyName, indexName, type SegmentFiles, syncDirectory } from './layout.js';
import type { Segment } from './segment.js';
import { segmentOf } from './segment-writer.js';

/*
 * A sealed segment is rewritten so that a crash leaves the old one or the new one. The new body is written as `NAME.pb.new` and made durable, then the new index, which
 * gets the name `NAME.idx.new` only when it is whole: from then on the new segment counts, and whoever finds that name finishes what is left, two renames.
 */
const NEW = '.new';
const HALF = '.half';

/** Changes whole events of a batch in place; how many. Their lengths stay. */
export type Change = (batch: Buffer) => number;

/** A new segment beside the old one, not yet in its place. */
export interface Rewritten {
  readonly segment: Segment;
  /** Events that were changed. */
  readonly events: number;
}

/** Bytes after which others get a turn. */
const TURN_BYTES = 1 << 20;

/** Hands every batch of a sealed segment to `change`, which may change it in place. Rejects with DamagedSegmentError when it cannot be read. */
async function eachBatch(dir: string, { id, record }: Pick<Segment, 'id' | 'record'>, change: Change) {
  const files: SegmentFiles = { id, record, hasBody: true, hasIndex: true };
  const index = await loadIndex(dir, files);
  const { header, footer } = await loadSealed(dir, files, index);
  const body = await readFile(join(dir, bodyName(id, record)));
  const entries = [...(index?.entries ?? [])];
  const hash = createHash('sha256');
  let events = 0;
  let since = 0;
  for (const [i, entry] of entries.entries()) {
    const batch = body.subarray(entry.offset, entry.offset + entry.length);
    if (crc32c(batch) !== entry.crc32c)
      throw new DamagedSegmentError(`Segment ${bodyName(id, record)} is damaged in the batch at byte ${entry.offset}.`);
    const changed = change(batch);
    if (changed > 0) entries[i] = { ...entry, crc32c: crc32c(batch) };
    events += changed;
    hash.update(batch);
    since += batch.length;
    if (since < TURN_BYTES) continue;
    since = 0;
    await turn();
  }
  return { header, footer, body, entries, events, sha256: hash.digest('hex') };
}

/** How many events of a sealed segment `count` finds, which must not change them. Rejects with DamagedSegmentError when it cannot be read. */
export async function countEvents(dir: string, segment: Pick<Segment, 'id' | 'record'>, count: Change): Promise<number> {
  return (await eachBatch(dir, segment, count)).events;
}

/** Writes the new files of a segment beside it, durably; undefined: nothing is to be changed. Rejects with DamagedSegmentError when it cannot be read. */
export async function prepareRewrite(
  dir: string,
  { id, record }: Pick<Segment, 'id' | 'record'>,
  change: Change,
): Promise<Rewritten | undefined> {
  const { header, footer, body, entries, events, sha256 } = await eachBatch(dir, { id, record }, change);
  const path = join(dir, bodyName(id, record));
  if (events === 0) return undefined;
  const erased = { events: events + (footer.erased?.events ?? 0), sha256: footer.erased?.sha256 ?? footer.sha256 };
  const next: IndexFooter = { ...footer, sha256, erased };
  const bytes = Buffer.alloc(entries.length * ENTRY_SIZE);
  for (const [i, entry] of entries.entries()) encodeEntry(entry, bytes, i * ENTRY_SIZE);
  try {
    await writeDurably(`${path}${NEW}`, [body]);
    await writeDurably(join(dir, indexName(id, record)) + HALF, [encodeHeader(header), bytes, encodeFooter(next)]);
  } catch (error) {
    await discardRewrite(dir, { id, record });
    throw error;
  }
  return { segment: segmentOf(header as IndexHeader, next, path), events };
}

/** Puts the new files into the place of the old ones. The segment's index keeps its time, by which it grows old. */
export async function commitRewrite(dir: string, { id, record }: Pick<Segment, 'id' | 'record'>): Promise<void> {
  const [body, index] = [join(dir, bodyName(id, record)), join(dir, indexName(id, record))];
  await rename(index + HALF, index + NEW);
  await syncDirectory(dir);
  await finish(dir, body, index);
}

/** Removes new files that are not to be used. */
export async function discardRewrite(dir: string, { id, record }: Pick<Segment, 'id' | 'record'>): Promise<void> {
  await rm(join(dir, indexName(id, record)) + HALF, { force: true });
  await rm(join(dir, bodyName(id, record)) + NEW, { force: true });
}

async function finish(dir: string, body: string, index: string): Promise<void> {
  await rename(body + NEW, body).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error; // that was done
  });
  // One after the other also on the disk: the new index without the new body would say that it is damaged.
  await syncDirectory(dir);
  await rename(index + NEW, index);
  await syncDirectory(dir);
}

/** Finishes or undoes what an earlier process was rewriting in a folder when it ended. */
export async function recoverRewrites(dir: string): Promise<void> {
  const names = await readdir(dir).catch(() => []);
  for (const name of names) {
    const [, base] = /^(\d{12}\.(?:conn|control))\.idx\.new$/.exec(name) ?? [];
    if (base !== undefined) await finish(dir, join(dir, `${base}.pb`), join(dir, `${base}.idx`));
  }
  const committed = new Set(names.filter((name) => name.endsWith(`.idx${NEW}`)).map((name) => name.slice(0, -`.idx${NEW}`.length)));
  for (const name of names) {
    const left = name.endsWith(HALF) || (name.endsWith(`.pb${NEW}`) && !committed.has(name.slice(0, -`.pb${NEW}`.length)));
    if (/^\d{12}\.(conn|control)\./.test(name) && left) await rm(join(dir, name), { force: true });
  }
}

/** Whether a segment of a folder is being put into its place at this moment: its two files may not agree. */
export async function isBeingReplaced(dir: string, { id, record }: Pick<Segment, 'id' | 'record'>): Promise<boolean> {
  return stat(join(dir, indexName(id, record)) + NEW).then(
    () => true,
    () => false,
  );
}

/** Replaces a file as a whole by what `change` makes of its bytes in place; how much was changed, 0: it stays. For bodies that are damaged, whose index fits no more. */
export async function rewriteFile(dir: string, name: string, change: Change): Promise<number> {
  const body = await readFile(join(dir, name));
  const changed = change(body);
  if (changed === 0) return 0;
  const half = join(dir, name) + HALF;
  await writeDurably(half, [body]);
  await rename(half, join(dir, name));
  await syncDirectory(dir);
  return changed;
}

async function writeDurably(path: string, parts: readonly Buffer[]): Promise<void> {
  const file = await openToWrite(path, 'w');
  try {
    await file.writeFile(parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts));
    await file.sync();
  } finally {
    await file.close();
  }
}
