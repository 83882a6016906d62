import type { SinkReport } from '../sink/comparison.js';

/** What a verification proves, and what it does not. */
export interface Proof {
  /**
   * `accident`: whatever dies, breaks or is lost by mistake is found. Not found is what somebody changes who also changes what it is compared with: the checksums of the spool,
   * the ledger of the store.
   */
  readonly against: 'accident';
  /** Sinks whose rows were compared with what was delivered: what they say, not only how many there are. */
  readonly content: readonly string[];
  /** Sinks whose events were counted only: per node, epoch, record type and hour. */
  readonly counts: readonly string[];
  /** Sinks that were not compared. */
  readonly nothing: readonly string[];
}

/** What comparing these sinks proves. */
export function proofOf(sinks: readonly SinkReport[]): Proof {
  const named = (which: (sink: SinkReport) => boolean): string[] => sinks.filter(which).map(({ name }) => name);
  const content = named(({ content: of }) => of?.checked === true);
  const counts = named(({ name, checked }) => checked && !content.includes(name));
  return { against: 'accident', content, counts, nothing: named(({ name }) => !content.includes(name) && !counts.includes(name)) };
}
