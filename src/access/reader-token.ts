import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  fchownSync,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { PlaceError } from './errors.js';
import { giveToReaders } from './give.js';
import { fileMode, otherGroup, readGroup } from './readers.js';

/** Bytes of chance in a token. */
const BYTES = 32;
/** What a token looks like: long enough that nobody tries it out, and nothing that a header could not carry. */
const TOKEN = /^[\x21-\x7e]{32,512}$/;
const LONGEST = 1024;

/** The file of the reading token in a data directory: who may read it may read the log, by files and by every port. */
export function readerTokenFile(data: string): string {
  return join(data, 'reader.token');
}

/** Whether a file in a data directory is the token's, or what a crash left of its making. */
export function isReaderToken(name: string): boolean {
  return name === 'reader.token' || name === 'reader.token.new';
}

/** The reading token, and what a person should know of it. */
export interface ReaderToken {
  readonly path: string;
  readonly token: string;
  readonly made: 'found' | 'first' | 'again';
}

/**
 * The reading token of a data directory, made where there is none. One that somebody could read or write who may not read the log is replaced: to close the file would not take back
 * what was copied from it. Throws PlaceError where the file is not ours, or holds no token, and the system's error.
 */
export function prepareReaderToken(data: string): ReaderToken {
  const path = readerTokenFile(data);
  const found = open(path);
  if (found === undefined) {
    const token = make(path, (temporary) => linkSync(temporary, path));
    return { path, token, made: 'first' };
  }
  try {
    const stats = fstatSync(found);
    if (!stats.isFile()) throw new PlaceError(`${path} is no file: remove it, and the next start makes one.`);
    if (stats.uid !== 0 && stats.uid !== process.geteuid?.())
      throw new PlaceError(`${path} belongs to user ${stats.uid}, and not to us: remove it, and the next start makes another.`);
    if (isExposed(stats)) return { path, token: make(path, (temporary) => renameSync(temporary, path)), made: 'again' };
    const token = textOf(found, path);
    giveToReaders(path, stats, false);
    return { path, token, made: 'found' };
  } finally {
    closeSync(found);
  }
}

/** The token in a file, for a client. Throws PlaceError, a sentence. */
export function readReaderToken(path: string): string {
  let file: number | undefined;
  try {
    file = open(path);
    if (file === undefined)
      throw new PlaceError(`There is no token in ${path}: start the collector, which makes it, or name its data directory.`);
    return textOf(file, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
    throw new PlaceError(`The token in ${path} may not be read: run as the collector's user, or become a member of collector.read_group.`);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Whether somebody has a right to the file who may not read the log, such as the group that once was collector.read_group. */
function isExposed({ mode, gid }: Stats): boolean {
  return (mode & 0o027) !== 0 || ((mode & 0o040) !== 0 && gid !== readGroup());
}

/** Undefined: it is not there. */
function open(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'ELOOP') throw new PlaceError(`${path} is a link: remove it, and the next start makes a file.`);
    throw error;
  }
}

function textOf(file: number, path: string): string {
  if (fstatSync(file).size > LONGEST) throw new PlaceError(`${path} is too long for a token: remove it, and the next start makes another.`);
  const token = readFileSync(file, 'utf8').trim();
  if (!TOKEN.test(token))
    throw new PlaceError(
      `${path} holds no token, which is one line of 32 characters or more: remove it, and the next start makes another.`,
    );
  return token;
}

/** Writes a new token beside its place, whole and on disk, and has it brought there. */
function make(path: string, place: (temporary: string) => void): string {
  const token = randomBytes(BYTES).toString('base64url');
  const temporary = `${path}.new`;
  rmSync(temporary, { force: true });
  const file = openSync(temporary, 'wx', 0o600);
  try {
    try {
      writeSync(file, `${token}\n`);
      const group = otherGroup();
      if (group !== undefined) fchownSync(file, -1, group);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    chmodSync(temporary, fileMode());
    place(temporary);
  } finally {
    rmSync(temporary, { force: true });
  }
  const folder = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
  return token;
}
