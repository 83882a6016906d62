import type { SealedSpan } from '../spool/state.js';
import type { EpochReport } from '../spool/verify.js';
import { excusable } from './excused.js';
import type { StoreEpoch } from './store-comparison.js';

/** Sequences that were sealed in the spool and are neither there nor in the store. */
export interface GoneSpan {
  readonly node: string;
  readonly epoch: string;
  readonly first: number;
  readonly last: number;
  /** They were lost before the asked time, and recorded. */
  readonly excused: boolean;
}

/**
 * Compares everything that a spool ever sealed with what it has and with the ledger of the store, which is never thinned out. What lies between, the two tell by themselves.
 * `lackedTo`: segments up to this id the store is known to lack, which is told elsewhere. `spoolBefore`: events that were lost in spools before the asked time, by node.
 */
export function goneSpans(
  spans: readonly SealedSpan[],
  spool: readonly EpochReport[],
  store: readonly StoreEpoch[],
  lackedTo: number,
  spoolBefore: ReadonlyMap<string, number>,
): GoneSpan[] {
  const gone: { node: string; epoch: string; first: number; last: number }[] = [];
  for (const { node, epoch, firstId, lastId, ...span } of spans) {
    if (lastId <= lackedTo) continue;
    const [first, last] = [Number(span.first), Number(span.last)];
    const same = (one: { readonly node: string; readonly epoch: string }): boolean => one.node === node && one.epoch === epoch;
    const there = [
      ...spool.filter(same).map((one) => [Number(one.first), Number(one.last)] as const),
      ...store.filter((one) => same(one) && one.ledger > 0).map((one) => [one.first, one.last] as const),
    ];
    const lowest = Math.min(...there.map(([low]) => low));
    const highest = Math.max(...there.map(([, high]) => high));
    if (there.length === 0) gone.push({ node, epoch, first, last });
    else {
      if (lowest > first && firstId > lackedTo) gone.push({ node, epoch, first, last: lowest - 1 });
      if (highest < last) gone.push({ node, epoch, first: highest + 1, last });
    }
  }
  const excused = new Set(excusable(gone, ({ first, last }) => last - first + 1, spoolBefore));
  return gone.map((one) => ({ ...one, excused: excused.has(one) }));
}
