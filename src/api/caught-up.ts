import { setTimeout as sleep } from 'node:timers/promises';
import type { CollectorStatus } from '../collector/collector.js';

/** Longest time without a delivery to any sink before the sinks are taken as they are, ms. */
const STANDSTILL_MS = 60_000;
/** Time between two looks, ms. */
const LOOK_MS = 50;

/** What is looked at of the running collector. */
export type Progress = Pick<CollectorStatus, 'sinks' | 'spool'>;

export interface CaughtUpOptions {
  readonly signal?: AbortSignal | undefined;
  /** Time, ms. */
  readonly now?: () => number;
  /** Waits until the next look. */
  readonly wait?: () => Promise<unknown>;
}

/**
 * Waits until every sink has the segments up to `target`, however slow they are, as long as they move on. What comes later does not count: while events go on coming, a sink
 * never has them all. A sink whose circuit is not closed takes nothing and is not waited for.
 */
export async function caughtUp(
  target: number,
  status: () => Promise<Progress>,
  { signal, now = () => performance.now(), wait = () => sleep(LOOK_MS) }: CaughtUpOptions = {},
): Promise<void> {
  let before = -1;
  let moved = now();
  while (signal?.aborted !== true) {
    const { sinks, spool } = await status();
    // Without anything left to bring, what a sink lacks of those was given up by spool.when_full.
    const all = spool.activeEvents === 0;
    if (sinks.every((sink) => sink.delivered >= target || (all && sink.lagSegments === 0) || sink.circuit !== 'closed')) return;
    const delivered = sinks.reduce((sum, sink) => sum + sink.delivered, 0);
    if (delivered !== before) moved = now();
    before = delivered;
    if (now() - moved > STANDSTILL_MS) return;
    await wait();
  }
}
