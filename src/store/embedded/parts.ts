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
 * Whether other parts of the table hold every block of a part, so that without it no row is missing: those that it was merged of, which the engine keeps for some minutes and reads again
 * when the merged one is not there; or one that it was merged into. `there`: names of parts that can be read. False also where a number between them was another partition's block, or
 * nobody's.
 */
export function isHeldBy(name: string, there: readonly string[]): boolean {
  const whole = blocksOf(name);
  if (whole === undefined) return false;
  const parts = there
    .filter((one) => one !== name)
    .map(blocksOf)
    .filter((one): one is Blocks => one?.partition === whole.partition);
  for (let next = whole.first; next <= whole.last; ) {
    const reach = Math.max(...parts.filter(({ first, last }) => first <= next && last >= next).map(({ last }) => last));
    if (reach < next) return false;
    next = reach + 1;
  }
  return true;
}
