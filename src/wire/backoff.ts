import { setTimeout as sleep } from 'node:timers/promises';

/** Jittered exponential back-off: each wait is 50 to 100 % of a value that doubles from `min` to `max` (ms). */
export class Backoff {
  private next: number;
  private readonly min: number;
  private readonly max: number;

  constructor(min: number, max: number) {
    this.min = min;
    this.max = max;
    this.next = min;
  }

  /** Called after success: the next wait is the shortest again. */
  reset(): void {
    this.next = this.min;
  }

  /** The next wait in ms. */
  delay(): number {
    const delay = this.next * (0.5 + Math.random() / 2);
    this.next = Math.min(this.next * 2, this.max);
    return delay;
  }

  /** Waits; returns at once, without an error, when `signal` is aborted. */
  async wait(signal: AbortSignal): Promise<void> {
    if (!signal.aborted) await Backoff.sleep(this.delay(), signal);
  }

  /** Resolves after `ms`, or when `signal` is aborted. */
  static async sleep(ms: number, signal: AbortSignal): Promise<void> {
    await sleep(ms, undefined, { signal }).catch(() => undefined);
  }
}
