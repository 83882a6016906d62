import type { CollectorStatus } from '../collector/collector.js';
import { toBigInt } from '../wire/proto.js';
import { plural, whole } from './numbers.js';
import { colour } from './output.js';

const REFRESH_MS = 500;
const PLAIN_MS = 10_000;

/** The state of `up`, on one line: rewritten in place on a terminal, a new line now and then elsewhere. */
export class UpStatus {
  private readonly status: () => Promise<CollectorStatus>;
  private readonly tty = process.stdout.isTTY === true;
  private timer: NodeJS.Timeout | undefined;
  private shown = false;
  private asking = false;
  private last: { events: number; at: number } | undefined;

  constructor(status: () => Promise<CollectorStatus>) {
    this.status = status;
  }

  start(): void {
    this.timer = setInterval(() => void this.refresh(), this.tty ? REFRESH_MS : PLAIN_MS);
  }

  stop(): void {
    clearInterval(this.timer);
    this.clear();
  }

  /** A line that stays. */
  say(line: string): void {
    this.clear();
    process.stdout.write(`${line}\n`);
  }

  private clear(): void {
    if (this.shown) process.stdout.write('\r\x1b[K');
    this.shown = false;
  }

  private async refresh(): Promise<void> {
    if (this.asking) return;
    this.asking = true;
    try {
      const line = this.line(await this.status());
      if (this.tty) {
        process.stdout.write(`\r\x1b[K${line.slice(0, (process.stdout.columns ?? 80) + 20)}`);
        this.shown = true;
      } else process.stdout.write(`${line}\n`);
    } catch {
      // Not running yet, or not any more.
    } finally {
      this.asking = false;
    }
  }

  private line(status: CollectorStatus): string {
    const { counters, capture, spool } = status;
    const now = Date.now();
    const rate = this.last === undefined ? 0 : ((counters.events - this.last.events) * 1000) / Math.max(1, now - this.last.at);
    this.last = { events: counters.events, at: now };
    const account = capture.status;
    const durable = spool.lastDurable;
    const lag =
      account === undefined
        ? 0
        : Number(toBigInt(account.next_sequence)) - 1 - Number(durable?.epoch === account.epoch ? durable.sequence : 0n);
    const sinks = status.sinks.map((sink) => `${sink.sink} ${sink.lagEvents === 0 ? 'up to date' : `${whole(sink.lagEvents)} behind`}`);
    const trouble =
      capture.state === 'connected'
        ? status.sinks.find((sink) => sink.lastError !== undefined)?.lastError
        : (capture.lastError ?? 'capture not connected');
    const open = account === undefined ? 0 : Number(toBigInt(account.connections));
    const parts = [
      ...(open > 0 ? [plural(open, 'connection')] : []),
      `${whole(counters.events)} events`,
      `${whole(rate)}/s`,
      `lag ${whole(Math.max(0, lag))}`,
      ...sinks,
    ];
    if (spool.state !== 'running') parts.push(spool.state);
    if (trouble !== undefined) parts.push(colour.red(trouble));
    return parts.join('  ');
  }
}
