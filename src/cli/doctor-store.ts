import { existsSync } from 'node:fs';
import { parseRoom } from '../config/value.js';
import { plural } from '../text/format.js';
import { type Finding, ok, warn } from './finding.js';

/** How the embedded store is on its disk. `keepFree`: store.keep_free. */
export async function storeFindings(dir: string, keepFree: string): Promise<Finding[]> {
  if (!existsSync(dir)) return [];
  const { roomOf, setAsideIn, tooFull } = await import('../store/index.js');
  const full = tooFull(dir, roomOf(dir, parseRoom(keepFree) ?? { bytes: 0 }));
  const aside = setAsideIn(dir);
  return [
    full === undefined
      ? ok('store disk', `there is more free than store.keep_free (${keepFree}) in ${dir}`)
      : warn('store disk', full, 'Make room, lower store.keep_events and its like, or lower store.keep_free.'),
    ...(aside.length === 0
      ? []
      : [
          warn(
            'store damage',
            `${plural(aside.length, 'damaged thing')} of the store ${aside.length === 1 ? 'was' : 'were'} set aside. ${aside.at(-1)?.what}`,
            `What could not be brought again stands in "vslog report loss". Look at the disk, then remove ${dir}/set-aside.`,
          ),
        ]),
  ];
}
