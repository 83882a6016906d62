import { PART } from './folder.js';

/** Blocks of rows that a part holds, both ends included: `PARTITION_FIRST_LAST_LEVEL[_MUTATION]`. */
interface Blocks {
  readonly partition: string;
  readonly first: number;
  readonly last: number;
}

function blocksOf(name: string): Blocks | undefined {
  const partition = PART.exec(name)?.[1];
  if (partition === undefined) return undefined;
  const [first = 0, last = 0] = name
    .slice(partition.length + 1)
    .split('_')
    .map(Number);
  return { partition, first, last };
}

/**
 * Whether other parts of the table hold every block of a part, so that without it no row is missing: the engine keeps what it merged for some minutes, and reads
 * those parts again when the merged one is not there (merges of before 017_merges.sql were not synced). Only those count: a merge goes across numbers that are missing, so a part that was
 * merged later may cover a block by its name and not have its rows. `there`: names of parts that can be read. False also where a number between them was another partition's block, or nobody's.
 */
export function isMadeOf(name: string, there: readonly string[]): boolean {
  const whole = blocksOf(name);
  if (whole === undefined) return false;
  const parts = there
    .filter((one) => one !== name)
    .map(blocksOf)
    .filter((one) => one !== undefined)
    .filter(({ partition, first, last }) => partition === whole.partition && first >= whole.first && last <= whole.last);
  for (let next = whole.first; next <= whole.last; ) {
    const reach = Math.max(...parts.filter(({ first, last }) => first <= next && last >= next).map(({ last }) => last));
    if (reach < next) return false;
    next = reach + 1;
  }
  return true;
}
