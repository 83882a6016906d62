import { Buffer } from 'node:buffer';

/** Room is taken in blocks of so many bytes; a power cut tears between them. */
const BLOCK = 4096;

/** Numbers below n. */
export type Dice = (n: number) => number;

interface Write {
  /** Undefined: the file got this length. */
  readonly data: Buffer | undefined;
  readonly at: number;
}

/** A file or a folder. */
export interface Inode {
  readonly isFolder: boolean;
  content: Buffer;
  /** What a power cut leaves surely. */
  kept: Buffer;
  /** Since the last sync. */
  pending: Write[];
  /** Of a folder. */
  entries: Map<string, Inode>;
  keptEntries: Map<string, Inode>;
  mtimeMs: number;
}

/** A name that was given, or taken away; a rename is two of them at once. */
interface Change {
  readonly folder: Inode;
  readonly name: string;
  readonly to: Inode | undefined;
}

/** What goes wrong with the disk. */
export interface Faults {
  /** So many operations more are done; then the process that asks for the next one is dead. Undefined: nothing happens. */
  diesIn: number | undefined;
  /** So many operations more are done; then one fails with EIO. */
  failsIn: number | undefined;
  /** So many syncs of files more are done; then one fails with EIO. */
  failsSyncIn: number | undefined;
  /** Bytes that files may take together. */
  room: number;
}

/** A disk in memory, of which one process at a time knows. A process sees it below a folder that is its own; that of a process that has died answers no more. */
export class MemoryDisk {
  readonly faults: Faults = { diesIn: undefined, failsIn: undefined, failsSyncIn: undefined, room: Number.POSITIVE_INFINITY };
  private root = folder();
  /** Changes of names that a power cut may take back, in their order. */
  private unsynced: (readonly Change[])[] = [];
  private used = 0;
  private life = 1;
  private readonly now: () => number;
  /** Told when the process died of `diesIn`. */
  onDeath: () => void = () => undefined;

  /** `now`: ms since 1970. */
  constructor(now: () => number) {
    this.now = now;
  }

  /** Folder below which the process that lives now sees the disk. */
  get place(): string {
    return `/sim/${this.life}`;
  }

  /** The process that lives now is no more: nothing that it asks for is answered. */
  kill(): void {
    this.life++;
    this.faults.diesIn = undefined;
  }

  /** Takes what nobody synced, or some of it. */
  powerCut(dice: Dice): void {
    this.kill();
    for (const changes of this.unsynced.slice(0, dice(this.unsynced.length + 1))) this.keep(changes);
    this.unsynced = [];
    const seen = new Set<Inode>();
    const settle = (inode: Inode): void => {
      if (seen.has(inode)) return;
      seen.add(inode);
      if (inode.isFolder) {
        inode.entries = new Map(inode.keptEntries);
        for (const child of inode.entries.values()) settle(child);
        return;
      }
      inode.content = torn(inode.kept, inode.pending, dice);
      inode.kept = inode.content;
      inode.pending = [];
    };
    settle(this.root);
    this.used = usedOf(this.root);
  }

  /** All that is on the disk, as it is now. */
  copy(): Inode {
    return copyOf(this.root);
  }

  /** Puts an earlier copy into the place of everything. It is durable. */
  restore(copy: Inode): void {
    this.kill();
    this.root = copyOf(copy);
    this.unsynced = [];
    this.used = usedOf(this.root);
  }

  /** Bytes that files take. */
  get taken(): number {
    return this.used;
  }

  /** For whoever lays hands on the disk; undefined: there is no such path, which begins behind the process's folder. */
  at(path: string): Inode | undefined {
    let at: Inode | undefined = this.root;
    for (const name of path.split('/').filter((part) => part !== '')) at = at?.entries.get(name);
    return at;
  }

  /** Somebody removes a file behind everybody's back; durable. */
  removeBehind(path: string): void {
    const { parent, name } = this.split(`${this.place}/${path}`);
    parent.entries.delete(name);
    parent.keptEntries.delete(name);
    this.used = usedOf(this.root);
  }

  /** Whether a path is on this disk. */
  static has(path: unknown): path is string {
    return typeof path === 'string' && (path === '/sim' || path.startsWith('/sim/'));
  }

  /** One operation of the process that `path` is of: counted, failed, or never answered. */
  async operate<T>(path: string, action: () => T): Promise<T> {
    return this.ofLife(lifeOf(path), action);
  }

  async ofLife<T>(life: number, action: () => T): Promise<T> {
    await undefined;
    if (life !== this.life) return never();
    const { faults } = this;
    if (faults.diesIn !== undefined && faults.diesIn-- <= 0) {
      this.kill();
      this.onDeath();
      return never();
    }
    if (faults.failsIn !== undefined && faults.failsIn-- <= 0) {
      faults.failsIn = undefined;
      throw systemError('EIO', 'i/o error');
    }
    return action();
  }

  lookUp(path: string): Inode {
    const found = this.find(path);
    if (found === undefined) throw systemError('ENOENT', 'no such file or directory', path);
    return found;
  }

  find(path: string): Inode | undefined {
    return this.at(path.split('/').slice(3).join('/'));
  }

  makeFolder(path: string): void {
    const { parent, name } = this.split(path);
    if (parent.entries.has(name)) throw systemError('EEXIST', 'file already exists', path);
    this.change({ folder: parent, name, to: folder() });
  }

  /** A file that is there, or is made. */
  create(path: string): Inode {
    const { parent, name } = this.split(path);
    const there = parent.entries.get(name);
    if (there !== undefined) return there;
    const made: Inode = { ...folder(), isFolder: false, mtimeMs: this.now() };
    this.change({ folder: parent, name, to: made });
    return made;
  }

  rename(from: string, to: string): void {
    const [source, target] = [this.split(from), this.split(to)];
    const inode = this.lookUp(from);
    const replaced = target.parent.entries.get(target.name);
    if (replaced !== undefined && replaced !== inode) this.used -= blocks(replaced.content.length);
    this.change({ folder: target.parent, name: target.name, to: inode }, { folder: source.parent, name: source.name, to: undefined });
  }

  link(from: string, to: string): void {
    const { parent, name } = this.split(to);
    const inode = this.lookUp(from);
    if (parent.entries.has(name)) throw systemError('EEXIST', 'file already exists', to);
    this.used += blocks(inode.content.length);
    this.change({ folder: parent, name, to: inode });
  }

  remove(path: string, force: boolean): void {
    if (force && this.find(path) === undefined) return;
    const { parent, name } = this.split(path);
    const inode = parent.entries.get(name);
    if (inode === undefined) throw systemError('ENOENT', 'no such file or directory', path);
    this.used -= blocks(inode.content.length);
    this.change({ folder: parent, name, to: undefined });
  }

  /** Writes what there is room for; how many bytes that was. */
  write(inode: Inode, data: Buffer, at: number): number {
    const before = blocks(inode.content.length);
    const room = this.faults.room - this.used + before;
    const fitting = at + data.length <= before ? data.length : Math.min(data.length, Math.max(0, Math.floor(room / BLOCK) * BLOCK - at));
    if (fitting === 0 && data.length > 0) throw systemError('ENOSPC', 'no space left on device');
    const part = Buffer.from(data.subarray(0, fitting));
    inode.content = applied(inode.content, { data: part, at });
    inode.pending.push({ data: part, at });
    inode.mtimeMs = this.now();
    this.used += blocks(inode.content.length) - before;
    return fitting;
  }

  truncate(inode: Inode, length: number): void {
    if (length === inode.content.length) return;
    this.used -= blocks(inode.content.length);
    inode.content = applied(inode.content, { data: undefined, at: length });
    inode.pending.push({ data: undefined, at: length });
    inode.mtimeMs = this.now();
    this.used += blocks(length);
  }

  sync(inode: Inode): void {
    if (!inode.isFolder) {
      const { faults } = this;
      const fails = faults.failsSyncIn !== undefined && faults.failsSyncIn-- <= 0;
      // As Linux does: what could not be written counts as written, and is seen until it is read from the disk again; only what is written anew comes there.
      if (!fails) inode.kept = inode.pending.reduce(applied, inode.kept);
      inode.pending = [];
      if (!fails) return;
      faults.failsSyncIn = undefined;
      throw systemError('EIO', 'i/o error');
    }
    // The journal of a file system keeps names in their order.
    const last = this.unsynced.findLastIndex((changes) => changes.some((change) => change.folder === inode));
    for (const changes of this.unsynced.splice(0, last + 1)) this.keep(changes);
  }

  private split(path: string): { parent: Inode; name: string } {
    const names = path.split('/').filter((part) => part !== '');
    const name = names.pop() ?? '';
    return { parent: this.lookUp(`/${names.join('/')}`), name };
  }

  private change(...changes: Change[]): void {
    for (const { folder: of, name, to } of changes) {
      if (to === undefined) of.entries.delete(name);
      else of.entries.set(name, to);
    }
    this.unsynced.push(changes);
  }

  private keep(changes: readonly Change[]): void {
    for (const { folder: of, name, to } of changes) {
      if (to === undefined) of.keptEntries.delete(name);
      else of.keptEntries.set(name, to);
    }
  }
}

export function lifeOf(path: string): number {
  return Number(path.split('/')[2]);
}

export function systemError(code: string, words: string, path?: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${words}${path === undefined ? '' : `, ${path}`}`), { code });
}

function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}

function folder(): Inode {
  return {
    isFolder: true,
    content: Buffer.alloc(0),
    kept: Buffer.alloc(0),
    pending: [],
    entries: new Map(),
    keptEntries: new Map(),
    mtimeMs: 0,
  };
}

function blocks(bytes: number): number {
  return Math.ceil(bytes / BLOCK) * BLOCK;
}

function usedOf(inode: Inode): number {
  let sum = blocks(inode.content.length);
  for (const child of inode.entries.values()) sum += usedOf(child);
  return sum;
}

/** A write on a content; the content before stays as it is. */
function applied(content: Buffer, { data, at }: Write): Buffer {
  if (data === undefined)
    return at <= content.length ? content.subarray(0, at) : Buffer.concat([content, Buffer.alloc(at - content.length)]);
  if (at === content.length) return Buffer.concat([content, data]);
  const whole = Buffer.alloc(Math.max(content.length, at + data.length));
  content.copy(whole);
  data.copy(whole, at);
  return whole;
}

/** What a power cut leaves of a file: each block as it was at some time since the last sync, for a block is written whole, and the length of some time. */
function torn(kept: Buffer, pending: readonly Write[], dice: Dice): Buffer {
  if (pending.length === 0) return kept;
  const versions = [kept];
  for (const write of pending) versions.push(applied(versions.at(-1) ?? kept, write));
  const left = Buffer.alloc(versions[dice(versions.length)]?.length ?? 0);
  for (let at = 0; at < left.length; at += BLOCK) versions[dice(versions.length)]?.copy(left, at, at, at + BLOCK);
  return left;
}

function copyOf(inode: Inode): Inode {
  const entries = new Map([...inode.entries].map(([name, child]) => [name, copyOf(child)]));
  return { ...inode, content: inode.content, kept: inode.content, pending: [], entries, keptEntries: new Map(entries) };
}
