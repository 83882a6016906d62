import {
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { until } from '../support/patience.js';
import { compileTool, runTool } from './tools.js';

/** Bytes of the whole disk; what nobody writes takes no room. */
const SIZE = 3 * 1024 ** 3;
/** Most bytes that are free on a disk that counts as full: allocation is by blocks and groups of them. */
const FULL = 4 * 1024 ** 2;

/** Owner of what is on a disk; without a uid: root. */
export interface DiskOwner {
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

/** A disk of its own for one machine: an ext4 file system in a file. Whoever works on it is gone before its power is cut, or an older copy is put back. Needs root. */
export class FaultDisk {
  /** Where it is mounted. */
  readonly folder: string;
  private readonly image: string;
  private readonly kept: string;
  private readonly filler: string;
  private readonly below: string;
  private readonly owner: DiskOwner;
  private cutter = '';
  private mounted = false;

  /** `below`: an existing folder, for all that belongs to it. */
  constructor(below: string, owner: DiskOwner) {
    this.below = below;
    this.owner = owner;
    this.folder = join(below, 'disk');
    this.image = join(below, 'disk.img');
    this.kept = join(below, 'disk.kept');
    this.filler = join(this.folder, 'filler');
  }

  /** Makes the file system and mounts it. Throws a sentence where that cannot be. */
  make(): void {
    this.cutter = compileTool('power_cut', this.below);
    mkdirSync(this.folder);
    writeFileSync(this.image, '');
    truncateSync(this.image, SIZE);
    runTool('mkfs.ext4', '-q', '-F', '-m', '0', this.image);
    this.mount();
    const { uid, gid = uid } = this.owner;
    if (uid !== undefined && gid !== undefined) chownSync(this.folder, uid, gid);
  }

  private mount(): void {
    try {
      runTool('mount', '-o', 'loop', this.image, this.folder);
    } catch (error) {
      throw new Error(
        `The collector's disk cannot be mounted. Run this as root on a machine that allows loop mounts. ${(error as Error).message}`,
      );
    }
    this.mounted = true;
  }

  /** Cuts the power once while nobody is on it. Throws unless exactly the bytes that were not synced are gone: otherwise a power cut would test nothing. */
  async proveCut(): Promise<void> {
    const [synced, unsynced] = [join(this.folder, 'synced'), join(this.folder, 'unsynced')];
    writeFileSync(synced, 'synced');
    for (const path of [synced, this.folder]) {
      const file = openSync(path, 'r');
      fsyncSync(file);
      closeSync(file);
    }
    writeFileSync(unsynced, 'unsynced');
    this.cut();
    await this.powerOn();
    if (!existsSync(synced) || readFileSync(synced, 'utf8') !== 'synced') throw new Error('The power cut took bytes that were synced.');
    if (existsSync(unsynced) && readFileSync(unsynced, 'utf8') !== '') throw new Error('The power cut kept bytes that were not synced.');
    for (const path of [synced, unsynced]) rmSync(path, { force: true });
  }

  private async unmount(): Promise<void> {
    if (!this.mounted) return;
    let why = '';
    await until(
      'a disk that nobody uses',
      () => {
        try {
          runTool('umount', this.folder);
          return true;
        } catch (error) {
          why = (error as Error).message;
          return undefined;
        }
      },
      { detail: () => why },
    );
    this.mounted = false;
  }

  /** From now on nothing reaches the disk, and what had not yet is lost. */
  cut(): void {
    runTool(this.cutter, this.folder);
  }

  /** After a cut, when nobody is on it any more: the power is back. */
  async powerOn(): Promise<void> {
    await this.unmount();
    this.mount();
  }

  /** Whether there is an older copy. */
  get hasCopy(): boolean {
    return existsSync(this.kept);
  }

  /** Keeps a copy of all that is on it. Nobody may be on it. */
  async keepCopy(): Promise<void> {
    await this.unmount();
    runTool('cp', '--sparse=always', '--reflink=auto', this.image, this.kept);
    this.mount();
  }

  /** Puts the older copy in the place of everything. Nobody may be on it. */
  async restoreCopy(): Promise<void> {
    await this.unmount();
    renameSync(this.kept, this.image);
    this.mount();
  }

  /** Fills it with a file of another program, except for `left` bytes. Throws when it is not full then. */
  fill(left: number): void {
    const { bavail, bsize } = statfsSync(this.folder);
    try {
      runTool('fallocate', '-l', String(Math.max(bsize, bavail * bsize - left)), this.filler);
    } catch (error) {
      // The collector wrote meanwhile: the filler has got all that was left.
      if (!/No space left/.test((error as Error).message)) throw error;
    }
    if (this.free > FULL) throw new Error(`The disk is not full: ${this.free} bytes are free.`);
  }

  /** Processes that work on it: their folder, or a file that they have open, is there. */
  users(): number[] {
    const isHere = (link: string): boolean => {
      try {
        return `${readlinkSync(link)}/`.startsWith(`${this.folder}/`);
      } catch {
        return false; // it ended, or closed that, meanwhile
      }
    };
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .filter((name) => isHere(`/proc/${name}/cwd`) || openOf(name).some(isHere))
      .map(Number);
  }

  /** Bytes that an unprivileged program may still write. */
  get free(): number {
    const { bavail, bsize } = statfsSync(this.folder);
    return bavail * bsize;
  }

  /** What filled it goes. */
  empty(): void {
    rmSync(this.filler, { force: true });
  }

  /** Unmounts it; its files are for whoever owns the folder to remove. */
  async remove(): Promise<void> {
    await this.unmount();
  }

  /** Unmounts it at once, for a run that is ended itself: the kernel lets it go when the last file is closed. */
  removeAtOnce(): void {
    if (!this.mounted) return;
    this.mounted = false;
    runTool('umount', '--lazy', this.folder);
  }
}

/** Links to what a process has open. */
function openOf(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => `/proc/${pid}/fd/${fd}`);
  } catch {
    return [];
  }
}
