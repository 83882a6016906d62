import { join } from 'node:path';
import type { EpochSpans, FileToRead } from './contents.js';
import { finishedFiles, readHulls } from './folder.js';
import { PART, parseFileName } from './names.js';
import type { FileState, Hull } from './state.js';

/** The files of a folder that may hold any of the wanted sequences. The state must be read before the folder: what is finished meanwhile is then seen once. */
export async function filesWith(dir: string, state: FileState, wanted: readonly EpochSpans[]): Promise<FileToRead[]> {
  const hulls = await readHulls(dir);
  const finished = await finishedFiles(dir);
  const among = ([node, epoch, first, last]: Hull): boolean =>
    wanted.some((one) => one.node === node && one.epoch === epoch && one.spans.some(([from, to]) => from <= last && to >= first));
  const files: FileToRead[] = finished
    .filter(({ text }) => hulls.get(text)?.some(among) ?? true)
    .map(({ text, name }) => ({ path: join(dir, text), name, bytes: undefined }));
  const done = new Set(finished.map(({ text }) => text));
  for (const file of Object.values(state.open)) {
    const name = file === undefined ? undefined : parseFileName(file.name);
    if (file === undefined || name === undefined || done.has(file.name) || hulls.has(file.name) || !file.hulls.some(among)) continue;
    files.push({ path: join(dir, file.name + PART), name, bytes: file.bytes });
  }
  return files;
}

/** Names what was read of a file: as long as it is the same, so is the content. */
export function indexOf({ path, bytes }: Pick<FileToRead, 'path' | 'bytes'>): string {
  return `${bytes ?? ''} ${path}`;
}
