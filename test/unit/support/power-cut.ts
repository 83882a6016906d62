import { AsyncLocalStorage } from 'node:async_hooks';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import type * as promises from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';

type Files = typeof promises;
type FileHandle = promises.FileHandle;

type Write = { readonly at: number; readonly data: Buffer } | { readonly cut: number };

/** A file as the disk has it: what a sync made durable, and the writes since then, in order. */
interface Inode {
  durable: Buffer;
  pending: readonly Write[];
}

type NameChange = { readonly name: string; readonly inode: Inode | undefined };

/** A folder: the names that a sync made durable, and the changes since then. A journal keeps these in order. */
interface Folder {
  durable: ReadonlyMap<string, Inode>;
  pending: readonly NameChange[];
}

/** What the disk may have at one moment, and what had been promised by then. */
export interface Moment<Promised> {
  readonly promised: Promised;
  readonly folders: ReadonlyMap<string, Folder>;
  readonly inodes: ReadonlyMap<Inode, Inode>;
}

/** A process: what it has begun ends, and what it begins after its end never does. */
class Life {
  private ended = false;
  private readonly running = new Set<Promise<unknown>>();
  private readonly open: FileHandle[] = [];

  opened(handle: FileHandle): void {
    this.open.push(handle);
  }

  run<T>(action: () => Promise<T>): Promise<T> {
    if (this.ended) return new Promise(() => undefined);
    const step = action();
    const settled = step.catch(() => undefined).finally(() => this.running.delete(settled));
    this.running.add(settled);
    return this.ended ? step : step.then((value) => (this.ended ? new Promise(() => undefined) : value));
  }

  async end(): Promise<void> {
    this.ended = true;
    while (this.running.size > 0) await Promise.all(this.running);
    for (const handle of this.open) await handle.close().catch(() => undefined);
  }
}

/**
 * A model of the disk below one folder, kept by watching `node:fs/promises`: a write is durable only after a sync of its file, a name only after a sync of its folder
 * (POSIX promises no more). After each step it takes down what a power cut could leave; `restore` makes a folder of one of these possibilities.
 */
export class PowerCuts<Promised> {
  readonly moments: Moment<Promised>[] = [];
  private readonly folders = new Map<string, Folder>();
  private readonly promised: () => Promised;
  private readonly root: string;

  constructor(root: string, promised: () => Promised) {
    this.root = root;
    this.promised = promised;
  }

  /** What the process that lives now has open and does. */
  private process = new Life();

  private readonly context = new AsyncLocalStorage<Life>();

  /** Of whoever asks. */
  get life(): Life {
    return this.context.getStore() ?? this.process;
  }

  /** Runs what the process that lives now does; what is left of it ends with kill(). */
  live<T>(action: () => Promise<T>): Promise<T> {
    return this.context.run(this.process, action);
  }

  /** Ends the process, as kill -9 does: what it wrote stays, in memory or on disk, and it does nothing more. Its lock is given up. */
  async kill(): Promise<void> {
    const ended = this.process;
    this.process = new Life();
    await ended.end();
  }

  has(path: string): boolean {
    return !relative(this.root, path).startsWith('..');
  }

  folder(path: string): Folder {
    let folder = this.folders.get(path);
    if (folder === undefined) {
      folder = { durable: new Map(), pending: [] };
      this.folders.set(path, folder);
    }
    return folder;
  }

  inode(path: string): Inode | undefined {
    return namesOf(this.folder(dirname(path))).get(basename(path));
  }

  name(path: string, inode: Inode | undefined): void {
    const folder = this.folder(dirname(path));
    folder.pending = [...folder.pending, { name: basename(path), inode }];
    this.note();
  }

  write(inode: Inode, write: Write): void {
    inode.pending = [...inode.pending, write];
    this.note();
  }

  /** Takes down what could be left now. */
  note(): void {
    const folders = new Map([...this.folders].map(([path, folder]) => [path, { ...folder }]));
    const inodes = new Map<Inode, Inode>();
    for (const folder of folders.values()) {
      for (const inode of folder.durable.values()) inodes.set(inode, { ...inode });
      for (const { inode } of folder.pending) if (inode !== undefined) inodes.set(inode, { ...inode });
    }
    this.moments.push({ promised: this.promised(), folders, inodes });
  }

  /** Makes below `to` what one power cut at `moment` may leave; `roll(n)` chooses a whole number from 0 to n - 1. */
  restore(moment: Moment<Promised>, to: string, roll: (n: number) => number): void {
    for (const [path, folder] of moment.folders) {
      const target = join(to, relative(this.root, path));
      mkdirSync(target, { recursive: true });
      const names = namesOf({ durable: folder.durable, pending: folder.pending.slice(0, roll(folder.pending.length + 1)) });
      for (const [name, inode] of names) writeFileSync(join(target, name), left(moment.inodes.get(inode) ?? inode, roll));
    }
  }
}

function namesOf({ durable, pending }: Folder): Map<string, Inode> {
  const names = new Map(durable);
  for (const { name, inode } of pending) {
    if (inode === undefined) names.delete(name);
    else names.set(name, inode);
  }
  return names;
}

/** A content that a power cut may leave: without the writes since the last sync, with all, with some and a part of one, or with the room of one but not its bytes. */
function left({ durable, pending }: Inode, roll: (n: number) => number): Buffer {
  const way = roll(4);
  if (way === 0 || pending.length === 0) return durable;
  if (way === 1) return written(durable, pending);
  const torn = roll(pending.length);
  const write = pending[torn] as Write;
  if ('cut' in write) return written(durable, pending.slice(0, torn));
  const before = written(durable, pending.slice(0, torn));
  const data = way === 2 ? write.data.subarray(0, roll(write.data.length + 1)) : lostIn(before, write.at, write.data);
  return written(before, [{ at: write.at, data }]);
}

/** What may be where a write was to be: nothing, but for what was there already and was written once more. */
function lostIn(before: Buffer, at: number, data: Buffer): Buffer {
  return Buffer.from(data.map((byte, i) => (before[at + i] === byte ? byte : 0)));
}

function written(content: Buffer, writes: readonly Write[]): Buffer {
  let now = content;
  for (const write of writes) {
    if ('cut' in write) {
      now = write.cut <= now.length ? now.subarray(0, write.cut) : Buffer.concat([now, Buffer.alloc(write.cut - now.length)]);
    } else {
      const next = Buffer.alloc(Math.max(now.length, write.at + write.data.length));
      now.copy(next);
      write.data.copy(next, write.at);
      now = next;
    }
  }
  return now;
}

/** `node:fs/promises` with a model beside it: `cuts()` is asked at each call, and undefined where nothing is modelled. */
export function watched(real: Files, cuts: () => PowerCuts<unknown> | undefined): Files {
  const at = (path: unknown): PowerCuts<unknown> | undefined => {
    const model = cuts();
    return typeof path === 'string' && model?.has(path) === true ? model : undefined;
  };
  const open: Files['open'] = async (path, flags, mode) => {
    const model = at(path);
    if (model === undefined || typeof path !== 'string') return real.open(path, flags, mode);
    return model.life.run(() => opened(model, path, flags, mode));
  };
  const opened = async (model: PowerCuts<unknown>, path: string, flags: string | number | undefined, mode: unknown) => {
    const known = existsSync(path);
    const handle = await real.open(path, flags, mode as number | undefined);
    model.life.opened(handle);
    if ((await handle.stat()).isDirectory()) return folderHandle(handle, model, path);
    if (flags === 'r' || flags === undefined) return handle;
    let inode = known ? model.inode(path) : undefined;
    if (inode === undefined) {
      inode = { durable: Buffer.alloc(0), pending: [] };
      model.name(path, inode);
    } else if (String(flags).startsWith('w')) model.write(inode, { cut: 0 });
    return fileHandle(handle, model, inode);
  };
  const rm: Files['rm'] = async (path, options) => {
    const model = at(path);
    const removed = async (): Promise<void> => {
      const known = typeof path === 'string' && existsSync(path);
      await real.rm(path, options);
      if (known) model?.name(path, undefined);
    };
    return model === undefined ? removed() : model.life.run(removed);
  };
  const rename: Files['rename'] = async (from, to) => {
    const model = at(from);
    const renamed = async (): Promise<void> => {
      await real.rename(from, to);
      if (model === undefined || typeof from !== 'string' || typeof to !== 'string') return;
      model.name(to, model.inode(from));
      model.name(from, undefined);
    };
    return model === undefined ? renamed() : model.life.run(renamed);
  };
  return { ...real, open, rm, rename };
}

function folderHandle(handle: FileHandle, model: PowerCuts<unknown>, path: string): FileHandle {
  const { life } = model;
  return replaced(handle, {
    sync: () =>
      life.run(async () => {
        const folder = model.folder(path);
        const { pending } = folder;
        await handle.sync();
        folder.durable = namesOf({ durable: folder.durable, pending });
        folder.pending = folder.pending.slice(pending.length);
        model.note();
      }),
  });
}

function fileHandle(handle: FileHandle, model: PowerCuts<unknown>, inode: Inode): FileHandle {
  const { life } = model;
  const synced = (sync: () => Promise<void>): Promise<void> =>
    life.run(async () => {
      const { pending } = inode;
      await sync();
      inode.durable = written(inode.durable, pending);
      inode.pending = inode.pending.slice(pending.length);
      model.note();
    });
  /** The model has a write before the disk has it. */
  const wrote = <T>(write: Write, action: () => Promise<T>): Promise<T> =>
    life.run(() => {
      model.write(inode, write);
      return action();
    });
  return replaced(handle, {
    write(data: Buffer, offset: number, length: number, position: number) {
      const write = { at: position, data: Buffer.from(data.subarray(offset, offset + length)) };
      return wrote(write, () => handle.write(data, offset, length, position));
    },
    writev(buffers: readonly Buffer[], position: number) {
      return wrote({ at: position, data: Buffer.concat(buffers) }, () => handle.writev(buffers, position));
    },
    writeFile(content: string | Buffer) {
      return wrote({ at: 0, data: Buffer.from(content as string) }, () => handle.writeFile(content));
    },
    truncate(length: number) {
      return wrote({ cut: length }, () => handle.truncate(length));
    },
    sync: () => synced(() => handle.sync()),
    datasync: () => synced(() => handle.datasync()),
  });
}

function replaced(handle: FileHandle, methods: object): FileHandle {
  return new Proxy(handle, {
    get(target, key) {
      if (key in methods) return Reflect.get(methods, key);
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
