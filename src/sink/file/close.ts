import { chmodSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Mended } from '../../access/mend.js';
import { folderAt } from '../../access/place.js';
import { readGroup } from '../../access/readers.js';
import { PART, parseFileName } from './names.js';
import { PRIVATE } from './state.js';

/**
 * Gives the files of the sink that are in a folder the modes of those who may read: those of an earlier version may be open to others. A folder that holds nothing else is closed to others, too;
 * which rights its group has is its owner's choice. Returns what a person should know. Throws PlaceError, and the system's error.
 */
export function closeFiles(dir: string): readonly string[] {
  const found = folderAt(dir);
  if (found === undefined) return [];
  const names = readdirSync(found.path);
  const notes: string[] = [];
  const mended = new Mended();
  if (found.stats.uid === process.geteuid?.() && names.every((name) => name === PRIVATE || isOurs(name))) {
    const { mode, gid } = found.stats;
    const group = readGroup();
    if (group !== undefined && group !== gid) mended.add(found.path);
    else {
      const wanted = (mode & 0o7770) | (group === undefined ? 0 : 0o050);
      if (wanted !== (mode & 0o7777)) chmodSync(found.path, wanted);
      if ((mode & 0o007) !== 0) notes.push(`${dir} was open to everybody; that was mended.`);
    }
  }
  mended.addTree(join(found.path, PRIVATE));
  for (const name of names.filter(isOurs)) mended.add(join(found.path, name));
  return [...notes, ...mended.notes(dir)];
}

function isOurs(name: string): boolean {
  return parseFileName(name.endsWith(PART) ? name.slice(0, -PART.length) : name) !== undefined;
}
