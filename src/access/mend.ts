import { chmodSync, lstatSync, readdirSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { giveToReaders, modeByRule } from './give.js';

/** What was found against the rule, and mended. */
export class Mended {
  /** Files and folders that others could read. */
  exposed = 0;
  /** Those that others could write. */
  writable = 0;
  /** Those that the readers' group could not read. */
  given = 0;

  /** Gives one file or folder the mode of the rule. Links, sockets and what is gone are left alone. Throws PlaceError, and the system's error. */
  add(path: string, stats: Stats | undefined = lstatSync(path, { throwIfNoEntry: false })): void {
    // A pipe is of the process alone that made it, and is never opened here: that could wait for ever.
    if (stats?.isFIFO() === true && (stats.mode & 0o077) !== 0) chmodSync(path, 0o600);
    if (stats === undefined || !(stats.isFile() || stats.isDirectory())) return;
    const folder = stats.isDirectory();
    const excess = stats.mode & 0o077 & ~modeByRule(stats.mode, folder);
    try {
      if (!giveToReaders(path, stats, folder)) return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    if (excess === 0) this.given++;
    else this.exposed++;
    if ((excess & 0o022) !== 0) this.writable++;
  }

  /** A folder and all that is below. A folder is closed before what is in it is looked at, so that nobody else can change it under us. */
  addTree(path: string): void {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    this.add(path, stats);
    if (stats?.isDirectory() !== true) return;
    let names: string[] = [];
    try {
      names = readdirSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    for (const name of names) this.addTree(join(path, name));
  }

  /** What a person should know of it. */
  notes(where: string): string[] {
    const many = (n: number): string => (n === 1 ? '1 file or folder' : `${n} files and folders`);
    const notes: string[] = [];
    if (this.exposed > 0) {
      const planted = this.writable === 0 ? '' : ` ${this.writable} of them could be written, too: what is in them may be somebody else's.`;
      notes.push(`${where}: ${many(this.exposed)} could be read by others than those who may read the log; that was mended.${planted}`);
    }
    if (this.given > 0) notes.push(`${where}: ${many(this.given)} can be read by the members of collector.read_group from now on.`);
    return notes;
  }
}
