import { chownSync, existsSync, mkdirSync, renameSync, rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../support/patience.js';
import { compileTool, runTool } from './tools.js';

/** Bytes of the whole disk; what nobody writes takes no room. */
const SIZE = 2 * 1024 ** 3;

/** A disk of its own for one machine: an ext4 file system in a file. Whoever works on it is gone before its power is cut, or an older copy is put back. Needs root. */
export class FaultDisk {
  /** Where it is mounted. */
  readonly folder: string;
  private readonly image: string;
  private readonly kept: string;
  private readonly filler: string;
  private readonly cutter: string;
  private mounted = false;

  /** `below`: an existing folder, for all that belongs to it. `owner`: of what is on the disk. */
  constructor(below: string, owner: { readonly uid?: number | undefined; readonly gid?: number | undefined }) {
    this.folder = join(below, 'disk');
    this.image = join(below, 'disk.img');
    this.kept = join(below, 'disk.kept');
    this.filler = join(this.folder, 'filler');
    this.cutter = compileTool('power_cut', below);
    mkdirSync(this.folder);
    writeFileSync(this.image, '');
    truncateSync(this.image, SIZE);
    runTool('mkfs.ext4', '-q', '-F', '-m', '0', this.image);
    this.mount();
    if (owner.uid !== undefined) chownSync(this.folder, owner.uid, owner.gid ?? owner.uid);
  }

  private mount(): void {
    runTool('mount', '-o', 'loop', this.image, this.folder);
    this.mounted = true;
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

  /** Somebody else fills it, but for so many bytes. */
  fill(left: number): void {
    const { bavail, bsize } = statfsSync(this.folder);
    runTool('fallocate', '-l', String(Math.max(bsize, bavail * bsize - left)), this.filler);
  }

  /** What filled it goes. */
  empty(): void {
    rmSync(this.filler, { force: true });
  }

  /** Unmounts it; its files are for whoever owns the folder to remove. */
  async remove(): Promise<void> {
    await this.unmount();
  }
}
