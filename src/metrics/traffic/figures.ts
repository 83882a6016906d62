import { OUTCOMES, type Outcome } from '../../outcome/outcome.js';

/** Counts by their number below. */
export type Figures = Map<number, number>;

/** The counts of a series that are no ends. */
export const Figure = { creates: 0, dropPackets: 1, schedFails: 2, lifetimeSeconds: 3, changes: 4, withdrawals: 5, overloads: 6 } as const;

/** Ends are counted by outcome and lifetime: cell `ENDS + number of the outcome * 16 + bucket`. */
export const ENDS = 1024;

/**
 * Upper bounds of the lifetimes' buckets, s: each four times the one before, and each the end of one of rs_minute's buckets, which are quarters of a power of two of
 * milliseconds. So nothing is guessed.
 */
export const BOUNDS: readonly number[] = Array.from({ length: 12 }, (_, i) => 4 ** (i + 1) / 1000);

/** The bucket of a lifetime of rs_minute's bucket `b`, in SQL. */
export const BUCKET_SQL = `least(${BOUNDS.length}, intDiv(greatest(b, 0), 8))`;

/** These are told from the beginning, the others once there is one. */
export const USUAL: readonly Outcome[] = ['closed', 'reset', 'idle', 'never_established', 'server_removed', 'replaced'];

/** Ends by outcome; without those that never happened and are not usual. */
export function endsByOutcome(figures: ReadonlyMap<number, number>): Map<Outcome, number> {
  const ends = new Map<Outcome, number>(USUAL.map((outcome) => [outcome, 0]));
  for (const [cell, count] of figures) {
    if (cell < ENDS || count === 0) continue;
    const outcome = OUTCOMES[Math.floor((cell - ENDS) / 16)]?.name ?? 'unknown';
    ends.set(outcome, (ends.get(outcome) ?? 0) + count);
  }
  return ends;
}

/** Ends that took at most each of BOUNDS, and last all of them: a Prometheus histogram's buckets. */
export function cumulativeLifetimes(figures: ReadonlyMap<number, number>): number[] {
  const buckets = new Array<number>(BOUNDS.length + 1).fill(0);
  for (const [cell, count] of figures) if (cell >= ENDS) buckets[(cell - ENDS) % 16] = (buckets[(cell - ENDS) % 16] ?? 0) + count;
  for (let i = 1; i < buckets.length; i++) buckets[i] = (buckets[i] ?? 0) + (buckets[i - 1] ?? 0);
  return buckets;
}

/** Adds to a count. */
export function addTo(figures: Figures, figure: number, count: number): void {
  if (count !== 0) figures.set(figure, (figures.get(figure) ?? 0) + count);
}
