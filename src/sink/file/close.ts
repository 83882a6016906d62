import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Mended } from '../../access/mend.js';
import { folderAt } from '../../access/place.js';
import { PART, parseFileName } from './names.js';
import { PRIVATE } from './state.js';

/**
 * Gives the files of the sink that are in a folder the modes of those who may read: those of an earlier version may be open to others. The folder itself and what else is in it are its
 * owner's. Returns what a person should know. Throws PlaceError, and the system's error.
 */
export function closeFiles(dir: string): readonly string[] {
  const found = folderAt(dir);
  if (found === undefined) return [];
  const mended = new Mended();
  mended.addTree(join(found.path, PRIVATE));
  for (const text of readdirSync(found.path)) {
    const name = text.endsWith(PART) ? text.slice(0, -PART.length) : text;
    if (parseFileName(name) !== undefined) mended.add(join(found.path, text));
  }
  return mended.notes(dir);
}
