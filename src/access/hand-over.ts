import { closeSync, constants, fstatSync, lchownSync, lstatSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeRuntimeFolder } from './place.js';
import type { User } from './user.js';

/**
 * Gives a folder of root's, and all in it that is root's, to another user; how many that were. Each folder is opened first and its entries are reached through that, and no link is followed: whoever may
 * write to a part of the tree cannot lead us elsewhere while we walk. The folder itself comes last, so that what was broken off is taken up again. What is gone meanwhile is passed over; throws
 * the system's error.
 */
export function handOver(path: string, user: User): number {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined || !stats.isDirectory() || stats.uid !== 0) return 0;
  return giveFolder(path, user);
}

/**
 * Makes a folder for another user's sockets, where it is not there. `passable`: others, too, may come to the sockets in it. `ours`: it is vslog's by its name, so that one of root's becomes that
 * user's. Throws PlaceError, and the system's error.
 */
export function giveRuntimeFolder(path: string, user: User, passable: boolean, ours: boolean): void {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there === undefined) makeRuntimeFolder(path, passable, false);
  if (there === undefined || (ours && there.isDirectory() && there.uid === 0)) lchownSync(path, user.uid, user.gid);
}

function giveFolder(path: string, user: User): number {
  let folder: number;
  try {
    folder = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes((error as NodeJS.ErrnoException).code ?? '')) return 0;
    throw error;
  }
  try {
    // The kernel's own name for what is open: it leads to this folder, whatever is at its path by now.
    const inside = `/proc/self/fd/${folder}`;
    let given = 0;
    for (const name of readdirSync(inside)) {
      const entry = join(inside, name);
      const stats = lstatSync(entry, { throwIfNoEntry: false });
      if (stats === undefined) continue;
      if (stats.isDirectory()) given += giveFolder(entry, user);
      else if (stats.uid === 0 && (stats.nlink === 1 || nobodyLinksToOurs())) {
        lchownSync(entry, user.uid, user.gid);
        given++;
      }
    }
    if (fstatSync(folder).uid !== 0) return given;
    lchownSync(`${inside}/.`, user.uid, user.gid);
    return given + 1;
  } finally {
    closeSync(folder);
  }
}

/** Whether the kernel lets nobody give a file of root's another name: else one with two could be any file of the machine (fs.protected_hardlinks). The engine makes such names itself. */
function nobodyLinksToOurs(): boolean {
  try {
    return readFileSync('/proc/sys/fs/protected_hardlinks', 'utf8').trim() === '1';
  } catch {
    return false;
  }
}
