import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Exit } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { siphash128 } from './siphash.js';

/** The key of hashed addresses, as native/daemon/client_key.h has it. */
export interface ClientKey {
  readonly bytes: Uint8Array;
  /** 8 hexadecimal digits that do not tell the key. */
  readonly id: string;
}

const ID = /^[0-9a-f]{8}$/;
const MODE = 0o600;

export function keyOf(bytes: Uint8Array): ClientKey {
  const hash = siphash128(bytes, Buffer.from("vslog: key's id."));
  return { bytes, id: Buffer.from(hash.subarray(0, 4)).toString('hex') };
}

/** The hash of an address, 16 bytes: an address of fd00::/8. */
export function hashOf(key: ClientKey, address: Uint8Array): Uint8Array {
  const hash = siphash128(key.bytes, address);
  hash[0] = 0xfd;
  return hash;
}

/** Reads a key that nobody else may read. Throws Failure, a sentence that says what to do; the capture refuses the same. */
export function readKey(path: string): ClientKey {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw unreadable(path, error);
  }
  try {
    // Of what was opened: neither a link nor a rename changes it.
    const { uid, mode } = fstatSync(fd);
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw new Failure(Exit.failure, `${path} is no regular file.`);
    const own = process.geteuid?.();
    if (own !== undefined && uid !== own) {
      throw new Failure(
        Exit.failure,
        `The key file ${path} belongs to user ${uid}, not to you: run this as the user that the capture runs as.`,
      );
    }
    if ((mode & 0o077) !== 0) {
      const text = (mode & 0o7777).toString(8).padStart(4, '0');
      throw new Failure(Exit.failure, `The key file ${path} has mode ${text}, so others than its owner may use the key: chmod 600 ${path}`);
    }
    const [line = ''] = readFileSync(fd, 'latin1').split('\n');
    if (!/^[0-9a-fA-F]{32}$/.test(line)) throw new Failure(Exit.failure, `The first line of ${path} must be 32 hexadecimal digits.`);
    return keyOf(Buffer.from(line, 'hex'));
  } finally {
    closeSync(fd);
  }
}

/** Where a key that was replaced is kept. */
export function keptPath(path: string, id: string): string {
  return `${path}.${id}`;
}

/** Ids of the replaced keys that are still there, the latest last. */
export function keptIds(path: string): string[] {
  const name = `${basename(path)}.`;
  return readdirSync(dirname(path))
    .filter((one) => one.startsWith(name) && ID.test(one.slice(name.length)))
    .map((one) => ({ id: one.slice(name.length), replaced: lstatSync(join(dirname(path), one)).ctimeMs }))
    .sort((a, b) => a.replaced - b.replaced)
    .map(({ id }) => id);
}

/** Puts a new key in the place of what is there, if anything is, and keeps that beside it. A reader finds the one or the other, whole. Throws Failure. */
export function replaceKey(path: string): { before: ClientKey | undefined; now: ClientKey } {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there?.isSymbolicLink() === true) {
    throw new Failure(
      Exit.failure,
      `${path} is a link, which would be replaced: rotate the file that it points to, or put a new key where that comes from.`,
    );
  }
  const before = there === undefined ? undefined : readKey(path);
  const now = keyOf(randomBytes(16));
  const next = `${path}.next`;
  writeNew(next, `${Buffer.from(now.bytes).toString('hex')}\n`);
  if (before !== undefined) keep(path, keptPath(path, before.id));
  renameSync(next, path);
  const folder = openSync(dirname(path), constants.O_RDONLY);
  fsyncSync(folder);
  closeSync(folder);
  return { before, now };
}

function writeNew(path: string, text: string): void {
  let fd: number;
  try {
    fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, MODE);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new Failure(Exit.failure, `${path} is there: another rotation is under way, or one was cut off. When none is, remove that file.`);
  }
  writeSync(fd, text);
  fsyncSync(fd);
  closeSync(fd);
}

/** A second name for the file: what is there under it already is the same key, of a rotation that was cut off. */
function keep(path: string, kept: string): void {
  try {
    linkSync(path, kept);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function unreadable(path: string, error: unknown): Failure {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return new Failure(Exit.failure, `There is no key file ${path}: "vslog key rotate" makes it.`);
  if (code === 'EACCES')
    return new Failure(
      Exit.denied,
      `The key file ${path} is not yours to read: who may read it can find out whom a hash means. Run this as its owner.`,
    );
  return new Failure(Exit.failure, `The key file ${path} cannot be read: ${message}.`);
}
