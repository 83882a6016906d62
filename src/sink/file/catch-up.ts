import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { EpochSpans, FileToRead } from './contents.js';
import { finishedFiles, finishFile, list, syncFile, unfinishedFiles } from './folder.js';
import { type FileName, PART, parseFileName } from './names.js';
import type { FileState, Hull, Ledger, OpenFile } from './state.js';

/** The sequences in a file. Rejects when it is damaged. */
export type ReadIndex = (file: FileToRead) => Promise<readonly EpochSpans[]>;

/**
 * A state that knows what the files of its folder have. Files may be newer than their state: a copy of the folder's notes was put back, or a crash came between a file and its note. What the state
 * does not speak of is read, and counts from now on: cut off, it would be gone for good, since the sink's cursor may be behind it; left alone, it would be there twice when it is delivered again.
 * Only an end that cannot be read is what a crash has left.
 */
export async function catchUp(dir: string, state: FileState, read: ReadIndex): Promise<FileState> {
  let { ledger, newestMs } = state;
  const open: { -readonly [K in keyof FileState['open']]: FileState['open'][K] } = { ...state.open };
  let changed = false;
  const learn = (found: readonly EpochSpans[], name: FileName): Hull[] => {
    ledger = withSpans(ledger, found);
    newestMs = Math.max(newestMs, name.begunMs);
    changed = true;
    return found.flatMap(({ node, epoch, spans }) => spans.map(([first, last]): Hull => [node, epoch, first, last]));
  };
  for (const { text, name } of await finishedFiles(dir)) {
    const noted = open[name.record]?.name === text ? open[name.record] : undefined;
    const path = join(dir, text);
    // A file is finished only after a state that has all of it.
    if (noted === undefined ? name.begunMs <= state.newestMs : (await sizeOf(path)) === noted.bytes) continue;
    const hulls = learn(await read({ path, name, bytes: undefined }), name);
    await list(dir, text, hulls);
    if (noted !== undefined) delete open[name.record];
  }
  for (const text of await unfinishedFiles(dir)) {
    const name = parseFileName(text);
    if (name === undefined) continue;
    const noted = open[name.record]?.name === text ? open[name.record] : undefined;
    const path = join(dir, text + PART);
    const bytes = await sizeOf(path);
    if (bytes === 0 || (noted === undefined ? name.begunMs <= state.newestMs : bytes <= noted.bytes)) continue;
    let found: readonly EpochSpans[];
    try {
      found = await read({ path, name, bytes });
    } catch {
      continue; // cut, or removed, by who repairs the folder
    }
    await syncFile(path);
    const hulls = learn(found, name);
    const adopted: OpenFile = { name: text, bytes, openedMs: noted?.openedMs ?? name.begunMs, hulls };
    await leaveOlder(dir, open[name.record], text);
    open[name.record] = adopted;
  }
  return changed ? { ledger, open, newestMs } : state;
}

/** The open file of before: it was finished when another one was begun, or is now. */
async function leaveOlder(dir: string, noted: OpenFile | undefined, adopted: string): Promise<void> {
  if (noted === undefined || noted.name === adopted) return;
  if ((await sizeOf(join(dir, noted.name + PART))) > 0) await finishFile(dir, noted);
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}

function withSpans(ledger: Ledger, found: readonly EpochSpans[]): Ledger {
  return found.reduce((sum, { node, epoch, spans }) => sum.with(node, epoch, spans), ledger);
}
