import type * as fs from 'node:fs';
import type * as promises from 'node:fs/promises';
import { Readable } from 'node:stream';
import { type Inode, lifeOf, MemoryDisk, systemError } from './disk.js';

/*
 * What production asks of Node's file system modules, answered by a disk in memory for paths that are on it, and by Node itself for all others. Only what is asked for is here: anything
 * else fails, so that nobody works on another disk than the one that is watched.
 */

let disk: MemoryDisk | undefined;

/** Whose paths begin with /sim from now on. */
export function useDisk(used: MemoryDisk | undefined): void {
  disk = used;
}

function current(): MemoryDisk {
  if (disk === undefined) throw new Error('There is no disk in memory now.');
  return disk;
}

interface Stats {
  readonly size: number;
  readonly mtimeMs: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  isDirectory(): boolean;
  isFile(): boolean;
  isSymbolicLink(): boolean;
}

function statsOf({ content, mtimeMs, isFolder }: Inode): Stats {
  return {
    size: content.length,
    mtimeMs,
    mode: isFolder ? 0o040700 : 0o100600,
    uid: process.geteuid?.() ?? 0,
    gid: process.getegid?.() ?? 0,
    isDirectory: () => isFolder,
    isFile: () => !isFolder,
    isSymbolicLink: () => false,
  };
}

class Handle {
  readonly fd = -1;
  private readonly inode: Inode;
  private readonly life: number;
  private readonly on: MemoryDisk;
  private readonly appends: boolean;
  private isClosed = false;

  constructor(on: MemoryDisk, inode: Inode, life: number, appends: boolean) {
    this.on = on;
    this.inode = inode;
    this.life = life;
    this.appends = appends;
  }

  private do<T>(action: () => T): Promise<T> {
    return this.isClosed ? Promise.reject(systemError('EBADF', 'bad file descriptor')) : this.on.ofLife(this.life, action);
  }

  read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number; buffer: Buffer }> {
    return this.do(() => ({ bytesRead: this.inode.content.copy(buffer, offset, position, position + length), buffer }));
  }

  write(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesWritten: number; buffer: Buffer }> {
    return this.do(() => ({ bytesWritten: this.on.write(this.inode, buffer.subarray(offset, offset + length), position), buffer }));
  }

  writev(buffers: readonly Buffer[], position: number): Promise<{ bytesWritten: number; buffers: readonly Buffer[] }> {
    return this.do(() => ({ bytesWritten: this.on.write(this.inode, Buffer.concat(buffers), position), buffers }));
  }

  async writeFile(content: string | Buffer): Promise<void> {
    const data = typeof content === 'string' ? Buffer.from(content) : content;
    let at = this.appends ? this.inode.content.length : 0;
    for (let done = 0; done < data.length; ) {
      const written = await this.do(() => this.on.write(this.inode, data.subarray(done), at));
      done += written;
      at += written;
    }
  }

  readFile(encoding?: BufferEncoding): Promise<Buffer | string> {
    return this.do(() => (encoding === undefined ? Buffer.from(this.inode.content) : this.inode.content.toString(encoding)));
  }

  truncate(length = 0): Promise<void> {
    return this.do(() => this.on.truncate(this.inode, length));
  }

  sync(): Promise<void> {
    return this.do(() => this.on.sync(this.inode));
  }

  datasync(): Promise<void> {
    return this.sync();
  }

  stat(): Promise<Stats> {
    return this.do(() => statsOf(this.inode));
  }

  async chmod(): Promise<void> {}

  async chown(): Promise<void> {}

  /** Closing fails nowhere and takes no time. */
  async close(): Promise<void> {
    this.isClosed = true;
  }
}

function openFile(path: string, flags: string | number | undefined): Handle {
  const on = current();
  const word = flags ?? 'r';
  const there = on.find(path);
  if (word === 'wx' && there !== undefined) throw systemError('EEXIST', 'file already exists', path);
  const makes = word === 'w' || word === 'wx' || word === 'a' || word === 'a+';
  if (!makes && word !== 'r' && word !== 'r+') throw new Error(`Nobody opened a file with ${String(word)} when this was written.`);
  const inode = makes ? on.create(path) : on.lookUp(path);
  if (word === 'w') on.truncate(inode, 0);
  return new Handle(on, inode, lifeOf(path), word === 'a' || word === 'a+');
}

type Promises = typeof promises;
type Fs = typeof fs;

const ours = {
  open: (path: string, flags?: string | number) => current().operate(path, () => openFile(path, flags)),
  readFile: (path: string, encoding?: BufferEncoding | { encoding?: BufferEncoding }) =>
    current().operate(path, () => {
      const { content, isFolder } = current().lookUp(path);
      if (isFolder) throw systemError('EISDIR', 'illegal operation on a directory', path);
      const word = typeof encoding === 'string' ? encoding : encoding?.encoding;
      return word === undefined ? Buffer.from(content) : content.toString(word);
    }),
  readdir: (path: string) => current().operate(path, () => [...current().lookUp(path).entries.keys()].sort()),
  stat: (path: string) => current().operate(path, () => statsOf(current().lookUp(path))),
  lstat: (path: string) => current().operate(path, () => statsOf(current().lookUp(path))),
  rename: (from: string, to: string) => current().operate(from, () => current().rename(from, to)),
  link: (from: string, to: string) => current().operate(from, () => current().link(from, to)),
  rm: (path: string, { force = false }: { force?: boolean } = {}) => current().operate(path, () => current().remove(path, force)),
};

/** Node's promised file system, but for paths on the disk in memory. */
export function promisedFiles(node: Promises): Promises {
  const mixed = Object.fromEntries(
    Object.entries(node).map(([name, original]) => {
      if (typeof original !== 'function') return [name, original];
      const own = ours[name as keyof typeof ours] as ((...args: unknown[]) => unknown) | undefined;
      return [
        name,
        (...args: unknown[]): unknown => {
          if (!MemoryDisk.has(args[0])) return (original as (...all: unknown[]) => unknown)(...args);
          if (own === undefined) throw new Error(`The disk in memory has no ${name}.`);
          return own(...args);
        },
      ];
    }),
  );
  return { ...mixed, default: mixed } as unknown as Promises;
}

const oursAtOnce = {
  lstatSync: (path: string, { throwIfNoEntry = true }: { throwIfNoEntry?: boolean } = {}) => {
    const found = current().find(path);
    if (found === undefined && throwIfNoEntry) throw systemError('ENOENT', 'no such file or directory', path);
    return found === undefined ? undefined : statsOf(found);
  },
  mkdirSync: (path: string) => current().makeFolder(path),
  chmodSync: () => undefined,
  chownSync: () => undefined,
  createReadStream: (path: string) => Readable.from(piecesOf(path)),
};

async function* piecesOf(path: string): AsyncGenerator<Buffer> {
  const content = await ours.readFile(path);
  yield content as Buffer;
}

/** Node's file system, as far as production asks it at once, but for paths on the disk in memory. */
export function filesAtOnce(node: Fs): Fs {
  const mixed = Object.fromEntries(
    Object.entries(node).map(([name, original]) => {
      const own = oursAtOnce[name as keyof typeof oursAtOnce] as ((...args: unknown[]) => unknown) | undefined;
      if (own === undefined || typeof original !== 'function') return [name, original];
      return [
        name,
        (...args: unknown[]): unknown =>
          MemoryDisk.has(args[0]) ? own(...args) : (original as unknown as (...all: unknown[]) => unknown)(...args),
      ];
    }),
  );
  return { ...mixed, default: mixed } as unknown as Fs;
}
