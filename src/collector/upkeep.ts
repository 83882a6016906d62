import type { BelievedClock, ClockChange } from '../clock/believed-clock.js';
import { takeAccept, writeClock } from '../clock/memory.js';
import type { Sink } from '../sink/sink.js';
import type { LocalRecord } from '../spool/loss.js';
import { sentenceOf } from '../wire/errors.js';
import { ownClockRecord } from './clock-record.js';

/** How often the clocks are compared, ms. */
const LOOK_MS = 5000;
/** How often what is believed is written down, ms. */
const KEEP_MS = 60_000;
/** How often sinks remove what is too old, ms. */
const EXPIRE_MS = 600_000;

/** A pump, as far as it is needed here. */
export interface ExpiringPump {
  readonly sink: Pick<Sink, 'name' | 'expire' | 'newestMs'>;
  between<T>(action: () => Promise<T>): Promise<T>;
}

export interface UpkeepParts {
  readonly clock: BelievedClock;
  readonly spool: { readonly directory: string; record(fields: LocalRecord): Promise<void> };
  readonly pumps: readonly ExpiringPump[];
}

/** Watches the collector's clock, tells of it in the log, and lets sinks remove what is too old while it is believed. */
export class Upkeep {
  private readonly parts: UpkeepParts;
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | undefined;
  private expiring: Promise<void> | undefined;
  private kept = Number.NEGATIVE_INFINITY;
  private expired = Number.NEGATIVE_INFINITY;
  private readonly problems = new Map<string, string>();
  private stopped = false;

  constructor(parts: UpkeepParts) {
    this.parts = parts;
  }

  start(): void {
    this.timer = setInterval(() => void this.look(), LOOK_MS).unref();
    void this.look();
  }

  /** Looks no more. Resolves when what is believed is written down. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    await this.looking;
    await this.keep();
  }

  /** Resolves when nothing is under way in a sink any more. After stop(), and after the pumps were stopped. */
  async ended(): Promise<void> {
    await this.expiring;
  }

  /** Why a sink does not remove what is too old, a sentence; undefined: all do. */
  get problem(): string | undefined {
    return [...this.problems.values()][0];
  }

  /** One look at the clocks; there is never more than one under way. Never rejects. */
  look(): Promise<void> {
    this.looking ??= this.once().finally(() => {
      this.looking = undefined;
    });
    return this.looking;
  }

  private async once(): Promise<void> {
    const { clock } = this.parts;
    const change = (await this.accepted()) ?? clock.look();
    if (change !== undefined) await this.tell(change);
    if (change !== undefined || performance.now() - this.kept >= KEEP_MS) await this.keep();
    if (clock.doubted === undefined && clock.isSet && performance.now() - this.expired >= EXPIRE_MS) this.beginExpiry();
  }

  /** Somebody said that the clock is right; not if it was set again since. */
  private async accepted(): Promise<ClockChange | undefined> {
    const { clock, spool } = this.parts;
    const wallMs = await takeAccept(spool.directory).catch(() => undefined);
    if (wallMs === undefined || clock.doubted === undefined || !clock.shows(wallMs)) return undefined;
    return clock.accept();
  }

  private async tell(change: ClockChange): Promise<void> {
    // What cannot be written now is told by status still; the spool says itself that it cannot.
    await this.parts.spool.record(ownClockRecord(change)).catch(() => undefined);
  }

  private async keep(): Promise<void> {
    this.kept = performance.now();
    // A full disk: the next start doubts more than it need.
    await writeClock(this.parts.spool.directory, this.parts.clock.memory()).catch(() => undefined);
  }

  /** Not awaited: a sink that is away takes its turn when it is back. */
  private beginExpiry(): void {
    this.expiring ??= this.expire().finally(() => {
      this.expiring = undefined;
    });
  }

  private async expire(): Promise<void> {
    this.expired = performance.now();
    for (const { sink, between } of this.parts.pumps.map((pump) => ({ sink: pump.sink, between: pump.between.bind(pump) }))) {
      if (sink.expire === undefined || this.stopped) continue;
      try {
        await between(async () => {
          if (await this.mayExpire(sink)) await sink.expire?.(this.parts.clock.now());
        });
        this.problems.delete(sink.name);
      } catch (error) {
        this.problems.set(sink.name, `Sink ${sink.name} does not remove what is too old: ${sentenceOf(error)}`);
      }
    }
  }

  /** A collector without a memory of its own asks the sink when it was given something last. */
  private async mayExpire(sink: Pick<Sink, 'newestMs'>): Promise<boolean> {
    const { clock } = this.parts;
    if (clock.isNew) {
      const newest = await sink.newestMs?.();
      if (newest !== undefined) clock.recall(newest);
    }
    return clock.doubted === undefined;
  }
}
