import type { StatusDocument } from '../api/status.js';
import { plural, wholeText } from '../text/format.js';
import { plainOutput, plainText } from '../text/plain.js';
import { colour } from './output.js';

const REFRESH_MS = 500;
const PLAIN_MS = 10_000;
/** A sink that was so many events behind gets a bar. */
const BAR_FROM = 50_000;
const BAR_WIDTH = 12;

/** `[=====>      ]` for a share from 0 to 1. */
export function progressBar(done: number): string {
  const full = Math.round(Math.min(1, Math.max(0, done)) * BAR_WIDTH);
  const bar = full === 0 ? '' : `${'='.repeat(full - 1)}>`;
  return `[${bar.padEnd(BAR_WIDTH)}]`;
}

/** The state of `up`, on one line: rewritten in place on a terminal, a new line now and then elsewhere. */
export class UpStatus {
  private readonly status: () => Promise<StatusDocument>;
  private readonly tty = process.stdout.isTTY === true;
  private timer: NodeJS.Timeout | undefined;
  private shown = false;
  private asking = false;
  /** How far behind each sink was since it was last up to date, events. */
  private readonly most = new Map<string, number>();
  private last: { events: number; at: number } | undefined;

  constructor(status: () => Promise<StatusDocument>) {
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
    process.stdout.write(`${plainOutput(line)}\n`);
  }

  private clear(): void {
    if (this.shown) process.stdout.write('\r\x1b[K');
    this.shown = false;
  }

  private async refresh(): Promise<void> {
    if (this.asking) return;
    this.asking = true;
    try {
      const line = plainOutput(this.line(await this.status()));
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

  /** How far behind a sink is; while it catches up with much, a bar of what it has made up for since it was furthest behind. */
  private behind({ name: sink, lag_events: lagEvents }: StatusDocument['sinks'][number]): string {
    const most = lagEvents === 0 ? 0 : Math.max(this.most.get(sink) ?? 0, lagEvents);
    this.most.set(sink, most);
    if (lagEvents === 0) return 'up to date';
    const text = `${wholeText(lagEvents)} behind`;
    return most < BAR_FROM ? text : `${progressBar(1 - lagEvents / most)} ${text}`;
  }

  private line({ counters, capture, spool, sinks, lag_events: lag }: StatusDocument): string {
    const now = performance.now();
    const rate = this.last === undefined ? 0 : ((counters.events - this.last.events) * 1000) / Math.max(1, now - this.last.at);
    this.last = { events: counters.events, at: now };
    const trouble = capture.connected ? sinks.find(({ error }) => error !== null)?.error : (capture.error ?? 'capture not connected');
    const open = capture.account?.connections ?? 0;
    const parts = [
      ...(open > 0 ? [plural(open, 'connection')] : []),
      `${wholeText(counters.events)} events`,
      `${wholeText(rate)}/s`,
      `lag ${wholeText(lag ?? 0)}`,
      ...sinks.map((sink) => `${sink.name} ${this.behind(sink)}`),
    ];
    if (spool.state !== 'running') parts.push(spool.state);
    if (trouble !== undefined && trouble !== null) parts.push(colour.red(plainText(trouble)));
    return parts.join('  ');
  }
}
