import { spawn } from 'node:child_process';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_MS = 200;

/** Waits until no engine uses the directory, `ms` at most: one whose collector died ends by itself. Resolves to whether it is free. */
export async function isFreeWithin(dir: string, ms: number, onWait: () => void): Promise<boolean> {
  const end = performance.now() + ms;
  while (!(await isFree(dir))) {
    if (performance.now() >= end) return false;
    onWait();
    await sleep(LOOK_MS);
  }
  return true;
}

/** Whether no engine uses the directory: it holds its file `status` by flock(2), which flock(1) tries on a descriptor that it inherits. */
async function isFree(dir: string): Promise<boolean> {
  let file: FileHandle;
  try {
    file = await open(join(dir, 'status'), 'r');
  } catch {
    return true; // never opened
  }
  try {
    return await new Promise((resolve, reject) => {
      const child = spawn('flock', ['-x', '-n', '3'], { stdio: ['ignore', 'ignore', 'ignore', file.fd] });
      child.once('error', (error) => reject(new Error(`flock (of util-linux or busybox) could not be run: ${error.message}.`)));
      // 1: somebody holds it. Any other failure is left to the engine's own lock.
      child.once('exit', (code) => resolve(code !== 1));
    });
  } finally {
    await file.close();
  }
}
