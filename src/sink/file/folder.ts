import { open, readdir, readFile, rename, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { openToWrite } from '../../access/readers.js';
import { replaceFile, syncDirectory } from '../../spool/layout.js';
import type { RecordName } from '../../spool/segment.js';
import type { TakenSpan } from '../sink.js';
import { type FileName, PART, parseFileName } from './names.js';
import { SequenceSet } from './sequences.js';
import { type FileState, type Hull, type OpenFile, PRIVATE, StateError } from './state.js';

const INDEX = 'index.jsonl';
/** Files that are gone and remembered, at least. */
const TAKEN_FILES = 10_000;

/** A finished file. */
export interface FinishedFile {
  readonly text: string;
  readonly name: FileName;
}

/** The finished files of a folder, oldest first. Files of other names are left alone. */
export async function finishedFiles(dir: string): Promise<FinishedFile[]> {
  const found: FinishedFile[] = [];
  for (const text of await readdir(dir)) {
    const name = parseFileName(text);
    if (name !== undefined) found.push({ text, name });
  }
  return found.sort((a, b) => a.name.begunMs - b.name.begunMs || (a.text < b.text ? -1 : 1));
}

/** Names of unfinished files in a folder, without `.part`. */
export async function unfinishedFiles(dir: string): Promise<string[]> {
  const parts = (await readdir(dir)).filter((text) => text.endsWith(PART)).map((text) => text.slice(0, -PART.length));
  return parts.filter((text) => parseFileName(text) !== undefined);
}

/** Makes an empty file to be written, which is there after a crash. */
export async function beginFile(dir: string, name: string): Promise<void> {
  await (await openToWrite(join(dir, name + PART), 'w')).close();
  await syncDirectory(dir);
}

/** Gives a file its final name, durably. */
export async function finishFile(dir: string, { name, hulls }: OpenFile): Promise<void> {
  await rename(join(dir, name + PART), join(dir, name));
  await syncDirectory(dir);
  await list(dir, name, hulls);
}

/** Lists what a finished file holds. A file that is not listed is read by those who look for a sequence, and counts as missing when somebody takes it. */
export async function list(dir: string, name: string, hulls: readonly Hull[]): Promise<void> {
  try {
    const file = await openToWrite(join(dir, PRIVATE, INDEX), 'a');
    try {
      await file.appendFile(`${JSON.stringify([name, hulls])}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch {
    // It is looked into instead.
  }
}

/** Lists a file that got its final name just before a crash. */
async function noteFinished(dir: string, { name, hulls }: OpenFile): Promise<void> {
  const finished = (await readdir(dir)).includes(name);
  if (finished && !(await readHulls(dir)).has(name)) await list(dir, name, hulls);
}

/** What the finished files of a folder hold, by name; those that are not in it may hold anything. */
export async function readHulls(dir: string): Promise<Map<string, readonly Hull[]>> {
  const hulls = new Map<string, readonly Hull[]>();
  const text = await readFile(join(dir, PRIVATE, INDEX), 'utf8').catch(() => '');
  for (const line of text.split('\n')) {
    try {
      const [name, held] = JSON.parse(line) as [string, Hull[]];
      hulls.set(name, held);
    } catch {
      // Torn by a crash.
    }
  }
  return hulls;
}

/**
 * What finished files held that are gone, by node, epoch and record type: taken by somebody, or removed by the limits. What is in another file again is not among it.
 * The state must be read before.
 */
export async function takenFrom(dir: string, state: FileState): Promise<TakenSpan[]> {
  // The list of what was finished comes first: a file that is finished and taken in between is then seen as neither.
  const hulls = await readHulls(dir);
  const there = new Set((await readdir(dir)).map((text) => (text.endsWith(PART) ? text.slice(0, -PART.length) : text)));
  const gone = new Map<string, SequenceSet>();
  const held = new Map<string, SequenceSet>();
  const open = Object.values(state.open).flatMap((file): [string, readonly Hull[]][] =>
    file === undefined ? [] : [[file.name, file.hulls]],
  );
  for (const [text, spans] of [...hulls, ...open.filter(([name]) => !hulls.has(name))]) {
    const name = parseFileName(text);
    if (name === undefined || (!hulls.has(text) && !there.has(text))) continue;
    const into = there.has(text) ? held : gone;
    for (const [node, epoch, first, last] of spans) {
      const key = JSON.stringify([node, epoch, name.record]);
      const set = into.get(key) ?? new SequenceSet();
      set.add(first, last);
      into.set(key, set);
    }
  }
  return [...gone].flatMap(([key, set]) => {
    const [node, epoch, record] = JSON.parse(key) as [string, string, RecordName];
    const again = held.get(key) ?? new SequenceSet();
    return set.spans
      .flatMap(([first, last]) => again.missing(first, last))
      .map(([first, last]) => ({ node, epoch, record, first: BigInt(first), last: BigInt(last) }));
  });
}

/**
 * Makes a folder agree with its state after whatever happened: unfinished files are cut back to what counts, those that never counted are removed, and what was
 * finished or taken away is no longer open. The state has caught up with its files before (catchUp). Rejects with StateError when something that counted is gone from a file.
 */
export async function repairFolder(dir: string, state: FileState): Promise<FileState> {
  await syncDirectory(join(dir, PRIVATE)); // a state that was read, but not durable, must not be relied upon
  const opened: Partial<Record<FileName['record'], OpenFile>> = {};
  for (const [record, file] of Object.entries(state.open) as [FileName['record'], OpenFile][]) {
    const path = join(dir, file.name + PART);
    const size = await stat(path).then(
      ({ size: bytes }) => bytes,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      },
    );
    if (size === undefined) {
      await noteFinished(dir, file);
      continue;
    }
    if (size < file.bytes)
      throw new StateError(
        `${path} has ${size} bytes, and should have ${file.bytes}: move it elsewhere, then vslog replay --sink file brings what the spool still has of it.`,
      );
    if (size > file.bytes) {
      await truncate(path, file.bytes);
      await syncFile(path);
    }
    opened[record] = file;
  }
  const known = new Set(Object.values(opened).map(({ name }) => name));
  for (const name of await unfinishedFiles(dir)) if (!known.has(name)) await rm(join(dir, name + PART), { force: true });
  await tidyIndex(dir);
  return { ...state, open: opened };
}

/** Whether a folder without a state has files that only one with a state can have. */
export async function hasFiles(dir: string): Promise<boolean> {
  return (await finishedFiles(dir)).length > 0 || (await unfinishedFiles(dir)).length > 0;
}

/** Removes finished files until the limits hold, oldest first; 0 is no limit. */
export async function removeOldFiles(dir: string, keepBytes: number, keepFiles: number): Promise<void> {
  if (keepBytes === 0 && keepFiles === 0) return;
  const files = await Promise.all(
    (await finishedFiles(dir)).map(async (file) => ({
      ...file,
      bytes: (await stat(join(dir, file.text)).catch(() => ({ size: 0 }))).size,
    })),
  );
  let total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const counts = { conn: 0, control: 0 };
  for (const { name } of files) counts[name.record]++;
  for (const { text, name, bytes } of files) {
    const tooMany = keepFiles > 0 && counts[name.record] > keepFiles;
    const tooLarge = keepBytes > 0 && total > keepBytes;
    if (!tooMany && !tooLarge) continue;
    await rm(join(dir, text), { force: true });
    counts[name.record]--;
    total -= bytes;
  }
}

/** Leaves out of the index what was taken long ago, once that is a lot. */
async function tidyIndex(dir: string): Promise<void> {
  const hulls = await readHulls(dir);
  const there = new Set((await finishedFiles(dir)).map(({ text }) => text));
  const gone = [...hulls.keys()].filter((name) => !there.has(name));
  if (gone.length < 2 * TAKEN_FILES) return;
  const forgotten = new Set(gone.slice(0, -TAKEN_FILES));
  const kept = [...hulls].filter(([name]) => !forgotten.has(name));
  await replaceFile(join(dir, PRIVATE), INDEX, kept.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

/** Makes what a file holds durable. */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
}
