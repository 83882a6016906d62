import { setTimeout as sleep } from 'node:timers/promises';
import type { Batch } from '../../src/wire/batch.js';
import { CaptureClient, type Position } from '../../src/wire/client.js';
import { type Entry, entriesOf } from '../conformance/entry.js';

/** What the scenarios ask of whoever has the log. */
export interface EventLog {
  /** Everything so far, by sequence. */
  readonly entries: readonly Entry[];
  /** Resolves when `found` is true of the entries, rejects after `within` ms with that sentence. */
  until(found: (entries: readonly Entry[]) => boolean, within: number, what: string): Promise<void>;
}

/** The log as a durable subscriber of its own gets it: connects again for as long as it takes, and refuses gaps and repetitions. */
export class SubscriberLog implements EventLog {
  readonly entries: Entry[] = [];
  /** Gaps in the sequence: events that are missing from the log. */
  readonly gaps: string[] = [];
  /** The last one that came. */
  position: Position | undefined;
  /** Nothing is acknowledged, so that the capture keeps all for a subscriber that is yet to come. */
  holding = false;
  private client: CaptureClient | undefined;
  private stopped = false;
  private waiters: (() => void)[] = [];

  private readonly socket: string;
  private readonly name: string;

  constructor(socket: string, name: string) {
    this.socket = socket;
    this.name = name;
  }

  /** Follows the log until stop(). */
  async follow(): Promise<void> {
    while (!this.stopped) {
      const client = new CaptureClient({
        path: this.socket,
        software: 'vm-test',
        handlers: { onBatch: (batch) => this.take(batch, client) },
      });
      this.client = client;
      try {
        await client.connect();
        await client.subscribeDurable(this.name, this.position);
        await client.closed;
      } catch {
        client.close();
      }
      if (!this.stopped) await sleep(200);
    }
  }

  stop(): void {
    this.stopped = true;
    this.client?.close();
  }

  private take(batch: Batch, client: CaptureClient): void {
    const { epoch, sequence } = this.position ?? { epoch: batch.epoch, sequence: 0n };
    if (epoch === batch.epoch && batch.last <= sequence) return;
    if (epoch !== batch.epoch) this.gaps.push(`all between epoch ${epoch} and ${batch.epoch}`);
    else if (batch.first !== sequence + 1n) this.gaps.push(`${sequence + 1n} to ${batch.first - 1n}`);
    for (const entry of entriesOf(batch)) this.entries.push(entry);
    this.position = { epoch: batch.epoch, sequence: batch.last };
    if (!this.holding) client.ack(this.position);
    for (const wake of this.waiters.splice(0)) wake();
  }

  async until(found: (entries: readonly Entry[]) => boolean, within: number, what: string): Promise<void> {
    const end = Date.now() + within;
    while (!found(this.entries)) {
      const left = end - Date.now();
      if (left <= 0) throw new Error(`did not come within ${within / 1000} s: ${what}`);
      await Promise.race([new Promise<void>((resolve) => this.waiters.push(resolve)), sleep(Math.min(left, 1000))]);
    }
  }
}
