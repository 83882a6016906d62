import { spawn } from 'node:child_process';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { openToWrite } from '../access/readers.js';
import { SpoolInUseError } from './errors.js';
import { LOCK_FILE } from './layout.js';

/**
 * Holds a directory for one process, by flock(2) on `lock` in it. Node cannot call flock; flock(1) can, on a descriptor that it inherits: the lock belongs to the open
 * file, which stays ours after flock(1) has ended, and the kernel gives it up when we die, however we die.
 */
export async function lockDirectory(dir: string): Promise<FileHandle> {
  const file = await openToWrite(join(dir, LOCK_FILE), 'a+');
  try {
    const status = await flock(file.fd);
    if (status === 1) {
      const holder = (await file.readFile('utf8')).trim();
      const who = holder === '' ? 'another process' : `process ${holder}`;
      throw new SpoolInUseError(`The spool ${dir} is in use by ${who}: stop it first, or choose another directory.`);
    }
    if (status !== 0) throw new SpoolInUseError(`The spool ${dir} could not be locked: flock ended with status ${status}.`);
    await file.truncate(0);
    await file.writeFile(`${process.pid}\n`).catch(() => undefined); // only for the message above; a full disk must not stop us
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** flock(1)'s exit status: 0 locked, 1 held by another. */
function flock(fd: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn('flock', ['-x', '-n', '3'], { stdio: ['ignore', 'ignore', 'ignore', fd] });
    child.once('error', (error) => reject(new SpoolInUseError(`flock (of util-linux or busybox) could not be run: ${error.message}.`)));
    child.once('exit', (code) => resolve(code ?? -1));
  });
}
