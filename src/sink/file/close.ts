import { chmodSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Mended } from '../../access/mend.js';
import { folderAt } from '../../access/place.js';
import { PART, parseFileName } from './names.js';
import { PRIVATE } from './state.js';

/**
 * Gives the files of the sink that are in a folder the modes of those who may read: those of an earlier version may be open to others. A folder that holds nothing else is closed to others, too;
 * a group that may write to it stays. Returns what a person should know. Throws PlaceError, and the system's error.
 */
export function closeFiles(dir: string): readonly string[] {
  const found = folderAt(dir);
  if (found === undefined) return [];
  const names = readdirSync(found.path);
  const notes: string[] = [];
  const mended = new Mended();
  if (found.stats.uid === process.geteuid?.() && names.every((name) => name === PRIVATE || isOurs(name))) {
    const { mode } = found.stats;
    // Its group takes files away: the owner set that up, so it stays; who may read the files is another matter.
    if ((mode & 0o022) !== 0o020) mended.add(found.path);
    else if ((mode & 0o007) !== 0) {
      chmodSync(found.path, mode & 0o7770);
      notes.push(`${dir} was open to everybody; that was mended.`);
    }
  }
  mended.addTree(join(found.path, PRIVATE));
  for (const name of names.filter(isOurs)) mended.add(join(found.path, name));
  return [...notes, ...mended.notes(dir)];
}

function isOurs(name: string): boolean {
  return parseFileName(name.endsWith(PART) ? name.slice(0, -PART.length) : name) !== undefined;
}
