import { accessSync, constants, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';

const MEMORY = '/dev/shm';
/** Room that the tests of a run may need at a time, bytes. */
const ROOM = 2 ** 30;

/**
 * A folder for temporary files that is kept in memory: what syncs its files after each step waits for the disk most of the time. The usual folder where there is no such
 * one, or not enough room.
 */
export function memoryFolder(): string {
  try {
    accessSync(MEMORY, constants.W_OK);
    const { bavail, bsize } = statfsSync(MEMORY);
    return bavail * bsize >= ROOM ? MEMORY : tmpdir();
  } catch {
    return tmpdir();
  }
}
