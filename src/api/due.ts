import { waitingOf } from '../sink/comparison.js';
import type { SpoolPart } from '../spool/verify.js';

/** What a sink should have of one epoch of the spool, and what it has not been given yet. */
export interface Due {
  readonly node: string;
  readonly epoch: string;
  /** What comes after this sequence was not given yet, or came after the question: it is not judged. */
  readonly cut: number;
  /** The last sequence that it should have; 0: none. */
  readonly last: number;
  /** Events that it should have. */
  readonly events: number;
  /** Events of the spool that it was not given yet. */
  readonly waiting: number;
  /** The last sequence that the spool has. */
  readonly spoolLast: number;
}

/** By epoch, for a sink that has everything up to segment `delivered`. */
export function dueOf(parts: readonly SpoolPart[], delivered: number): Due[] {
  const epochs = new Map<string, SpoolPart[]>();
  for (const part of parts) {
    if (part.count === 0) continue;
    const key = JSON.stringify([part.node, part.epoch]);
    epochs.set(key, [...(epochs.get(key) ?? []), part]);
  }
  return [...epochs.values()].map((all) => {
    const { node, epoch } = all[0] as SpoolPart;
    const given = all.filter(({ id }) => id <= delivered).flatMap(({ ranges }) => ranges);
    const spoolLast = newest(all.flatMap(({ ranges }) => ranges));
    const [firstWaiting] = all
      .filter(({ id }) => id > delivered)
      .flatMap(({ ranges }) => ranges.map(({ first }) => Number(first)))
      .sort((a, b) => a - b);
    const cut = firstWaiting === undefined ? spoolLast : firstWaiting - 1;
    const before = given.filter(({ last }) => Number(last) <= cut);
    return {
      ...{ node, epoch, cut, spoolLast, last: newest(before) },
      events: before.reduce((sum, { first, last }) => sum + Number(last - first) + 1, 0),
      waiting: waitingOf(all, delivered),
    };
  });
}

function newest(ranges: readonly { readonly last: bigint }[]): number {
  return ranges.reduce((most, { last }) => Math.max(most, Number(last)), 0);
}
