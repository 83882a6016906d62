import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Removes records of mutations that a full disk left empty in a folder of the engine: such a one was never begun, and with it the engine does not open its tables. The
 * engine must not run. Returns how many there were.
 */
export function removeTornMutations(dir: string): number {
  let removed = 0;
  for (const prefix of entries(join(dir, 'store')))
    for (const table of entries(join(dir, 'store', prefix)))
      for (const name of entries(join(dir, 'store', prefix, table))) {
        const path = join(dir, 'store', prefix, table, name);
        if (!/^mutation_\d+\.txt$/.test(name) || statSync(path, { throwIfNoEntry: false })?.size !== 0) continue;
        rmSync(path, { force: true });
        removed++;
      }
  return removed;
}

function entries(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return []; // no folder, or gone meanwhile
  }
}
