import { chmodSync, lstatSync, mkdirSync, readlinkSync, type Stats } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { PlaceError } from './errors.js';
import { giveToReaders } from './give.js';
import { folderMode, readGroup } from './readers.js';

const OTHERS_WRITE = 0o002;
const GROUP_WRITES = 0o020;
const STICKY = 0o1000;
/** As many links as the kernel follows. */
const MOST_LINKS = 40;

/**
 * The folder at a path, links resolved; undefined: it is not there. Throws PlaceError where somebody else decides what is at the path: a part of it lies in a folder in which everybody
 * may write (the temporary directory), and belongs to another user than us and root.
 */
export function folderAt(path: string): { readonly path: string; readonly stats: Stats } | undefined {
  const rest = parts(resolve(path));
  let at = '/';
  let stats = lstatSync(at);
  let links = 0;
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    const next = join(at, name);
    const shared = (stats.mode & OTHERS_WRITE) !== 0;
    if (shared && (stats.mode & STICKY) === 0)
      throw new PlaceError(
        `Everybody may write to ${at}, and so replace ${next}: take that away by "chmod o-w ${at}", or choose another place.`,
      );
    const found = lstatSync(next, { throwIfNoEntry: false });
    if (found === undefined) return undefined;
    if (shared && !isTrusted(found.uid))
      throw new PlaceError(
        `${next} belongs to ${userWord(found.uid)}, and not to us: it was put there by somebody else. Remove it, or choose another place.`,
      );
    if (found.isSymbolicLink()) {
      if (++links > MOST_LINKS) throw new PlaceError(`${path} has too many links.`);
      const target = readlinkSync(next);
      rest.unshift(...parts(target));
      if (!isAbsolute(target)) continue;
      at = '/';
      stats = lstatSync(at);
      continue;
    }
    if (!found.isDirectory()) throw new PlaceError(`${next} is no folder: remove it, or choose another place.`);
    at = next;
    stats = found;
  }
  return { path: at, stats };
}

/** As folderAt(), for what we keep there: the folder must be ours or root's, and nobody else's to write. Throws PlaceError. */
export function ownFolderAt(path: string): ReturnType<typeof folderAt> {
  const found = folderAt(path);
  if (found === undefined) return undefined;
  const { uid, gid, mode } = found.stats;
  if (!isTrusted(uid))
    throw new PlaceError(
      `The folder ${found.path} belongs to ${userWord(uid)}, and not to us: run vslog as that user, or choose another place.`,
    );
  if ((mode & OTHERS_WRITE) !== 0)
    throw new PlaceError(
      `Everybody may write to the folder ${found.path}: look what is in it, then "chmod 700 ${found.path}", or choose another place.`,
    );
  if ((mode & GROUP_WRITES) !== 0 && gid !== 0 && gid !== process.getegid?.())
    throw new PlaceError(
      `Group ${gid} may write to the folder ${found.path}: take that away by "chmod g-w ${found.path}", or choose another place.`,
    );
  return found;
}

/** Makes a folder of ours, with its parents, for those who may read it, where it is not there; its path without links. Throws PlaceError, and the system's error. */
export function makeFolder(path: string): string {
  return ownFolderAt(path)?.path ?? make(path, (made) => void giveToReaders(made, lstatSync(made), true), folderMode());
}

/** Makes a folder that is ours alone, whoever may read the log; one that is there is closed. Throws PlaceError, and the system's error. */
export function makePrivateFolder(path: string): void {
  const found = ownFolderAt(path);
  if (found === undefined) make(path, (made) => chmodSync(made, 0o700), 0o700);
  else if (found.stats.uid === process.geteuid?.() && (found.stats.mode & 0o7777) !== 0o700) chmodSync(found.path, 0o700);
}

/**
 * Makes a folder for sockets. `passable`: others, too, may come to the sockets in it, which decide for themselves; nobody may list it. `ours`: it is vslog's by its name, so that rights which
 * an earlier version gave are taken away; another one is left as it is. Throws PlaceError, and the system's error.
 */
export function makeRuntimeFolder(path: string, passable: boolean, ours: boolean): void {
  const wanted = passable ? 0o711 : 0o700;
  const found = ownFolderAt(path);
  if (found === undefined) {
    make(path, (made) => chmodSync(made, wanted), wanted);
    return;
  }
  const mode = found.stats.mode & 0o7777;
  const ruled = (mode & ~0o066) | wanted;
  if (ours && ruled !== mode && found.stats.uid === process.geteuid?.()) chmodSync(found.path, ruled);
}

/** Makes a folder and those above it that are missing, and has each of them finished. */
function make(path: string, finish: (made: string) => void, mode: number): string {
  const first = madeWithParents(path, mode);
  // Was it made by somebody else between the look and now?
  const made = ownFolderAt(path);
  if (made === undefined) throw new PlaceError(`The folder ${path} was removed while it was made.`);
  if (first === undefined) return made.path;
  for (let at = resolve(path); at.length >= resolve(first).length; at = dirname(at)) finish(at);
  return made.path;
}

/**
 * Makes a folder and those above it that are missing; the first that was made, undefined: all were there. Throws the system's error. Not by Node's own recursive way, which never
 * ends where the file system says ENOENT to a name that it does not take, such as /proc/x.
 */
export function madeWithParents(path: string, mode: number): string | undefined {
  const missing: string[] = [];
  for (let at = resolve(path); lstatSync(at, { throwIfNoEntry: false }) === undefined; at = dirname(at)) missing.unshift(at);
  for (const at of missing) {
    try {
      mkdirSync(at, { mode });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Somebody made it meanwhile.
      if (code === 'EEXIST') continue;
      // What is above it is there, so it is the file system that does not take the name.
      throw code === 'ENOENT' ? Object.assign(error as Error, { code: 'ENODEV' }) : error;
    }
  }
  return missing[0];
}

/** Whether the members of the readers' group can come to what lies in a folder of ours; true where there is no such group. */
export function isOpenToReaders(path: string): boolean {
  const group = readGroup();
  const found = folderAt(path);
  if (group === undefined || found === undefined) return true;
  const { mode, gid } = found.stats;
  return (mode & (gid === group ? 0o010 : 0o001)) !== 0;
}

function isTrusted(uid: number): boolean {
  return uid === 0 || uid === process.geteuid?.();
}

function userWord(uid: number): string {
  return uid === 65_534 ? 'another user' : `user ${uid}`;
}

function parts(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}
