import { type Dirent, readdirSync } from 'node:fs';
import { PlaceError } from './errors.js';
import { Mended } from './mend.js';
import { folderAt, makeFolder, ownFolderAt } from './place.js';
import { isReaderToken } from './reader-token.js';

/** What may lie in a data directory that is the collector's alone, beside sockets. */
const KNOWN: readonly string[] = ['spool', 'store', 'erase', 'lost+found'];

/**
 * Makes the data directory, or gives one that is there, and the folders inside it, the modes of the rule: those of an earlier version may be open to others. What else lies in it is left
 * alone. Resolves to what a person should know. Throws PlaceError, and the system's error.
 */
export function closeDataFolder(data: string, folders: readonly string[]): readonly string[] {
  const mended = new Mended();
  const found = folderAt(data);
  if (found === undefined) makeFolder(data);
  else if (isOurs(found.stats.uid)) {
    const alone = readdirSync(found.path, { withFileTypes: true }).every(isKnown);
    // Perhaps somebody's home or a mount point: what is ours in it is closed all the same.
    if (alone) mended.add(found.path);
  }
  ownFolderAt(data);
  for (const folder of folders) {
    const at = folderAt(folder);
    if (at === undefined) continue;
    if (!isOurs(at.stats.uid))
      throw new PlaceError(
        `The folder ${at.path} belongs to user ${at.stats.uid}, and not to us: run vslog as that user, or choose another directory.`,
      );
    mended.addTree(at.path);
  }
  return mended.notes(data);
}

function isKnown(entry: Dirent): boolean {
  return KNOWN.includes(entry.name) || isReaderToken(entry.name) || entry.isSocket();
}

function isOurs(uid: number): boolean {
  return uid === process.geteuid?.();
}
