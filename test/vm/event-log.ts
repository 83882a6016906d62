import type { Batch } from '../../src/wire/batch.js';
import { CaptureClient, type Position } from '../../src/wire/client.js';
import { type Entry, entriesOf, netnsOf } from '../conformance/entry.js';
import { pause, WAIT_MS } from '../support/patience.js';

/** The log as a durable subscriber of its own gets it: connects again for as long as it takes, and refuses gaps and repetitions. */
export class SubscriberLog {
  /** Everything so far, by sequence. */
  readonly entries: Entry[] = [];
  /** Gaps in the sequence: events that are missing from the log. */
  readonly gaps: string[] = [];
  /** The last one that came. */
  position: Position | undefined;
  /** Nothing is acknowledged, so that the capture keeps all for a subscriber that is yet to come. */
  holding = false;
  private readonly byNetns = new Map<number, Entry[]>();
  private client: CaptureClient | undefined;
  /** Why it is followed no more. */
  private over: string | undefined;
  private readonly waiters = new Set<() => void>();

  private readonly socket: string;
  private readonly name: string;

  constructor(socket: string, name: string) {
    this.socket = socket;
    this.name = name;
  }

  /** Follows the log until stop(). */
  async follow(): Promise<void> {
    while (this.over === undefined) {
      const client = new CaptureClient({
        path: this.socket,
        software: 'vm-test',
        timeoutMs: WAIT_MS,
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
      if (this.over === undefined) await pause(100, 'the capture is being started, or was killed');
    }
  }

  /** Nothing comes any more, for that reason: whoever waits is told. */
  stop(why = 'the log is followed no more'): void {
    this.over ??= why;
    this.client?.close();
    for (const wake of [...this.waiters]) wake();
  }

  /** What came of one network namespace. A number is given anew when its namespace is gone. */
  of(netns: number): readonly Entry[] {
    return this.byNetns.get(netns) ?? [];
  }

  private take(batch: Batch, client: CaptureClient): void {
    const { epoch, sequence } = this.position ?? { epoch: batch.epoch, sequence: 0n };
    if (epoch === batch.epoch && batch.last <= sequence) return;
    if (epoch !== batch.epoch) this.gaps.push(`all between epoch ${epoch} and ${batch.epoch}`);
    else if (batch.first !== sequence + 1n) this.gaps.push(`${sequence + 1n} to ${batch.first - 1n}`);
    for (const entry of entriesOf(batch)) {
      this.entries.push(entry);
      const same = this.byNetns.get(netnsOf(entry));
      if (same === undefined) this.byNetns.set(netnsOf(entry), [entry]);
      else same.push(entry);
    }
    this.position = { epoch: batch.epoch, sequence: batch.last };
    if (!this.holding) client.ack(this.position);
    for (const wake of this.waiters) wake();
  }

  /** Resolves when `found` is true of what came; rejects with the sentence when it is not after the longest wait and `more` ms, or when the log was stopped. */
  async until(found: (entries: readonly Entry[]) => boolean, what: string, more = 0): Promise<void> {
    if (found(this.entries)) return;
    await new Promise<void>((resolve, reject) => {
      const look = (late: boolean): void => {
        const there = found(this.entries);
        if (!there && !late && this.over === undefined) return;
        clearTimeout(timer);
        this.waiters.delete(wake);
        if (there) resolve();
        else reject(new Error(`${this.over ?? `did not come within ${(WAIT_MS + more) / 1000} s`}: ${what}`));
      };
      const wake = (): void => look(false);
      // time: the longest wait, which every record that comes ends early
      const timer = setTimeout(() => look(true), WAIT_MS + more);
      this.waiters.add(wake);
      if (this.over !== undefined) wake();
    });
  }
}

/** What came of one namespace, and what belongs to none. */
export class LogOf {
  private readonly log: SubscriberLog;
  private readonly netns: number;

  constructor(log: SubscriberLog, netns: number) {
    this.log = log;
    this.netns = netns;
  }

  get entries(): Entry[] {
    return this.log.entries.filter((entry) => netnsOf(entry) === this.netns || netnsOf(entry) === 0);
  }

  async until(found: (entries: readonly Entry[]) => boolean, what: string): Promise<void> {
    return this.log.until(() => found(this.entries), what);
  }
}
