/** A slow machine's engine gets so many times what its slowest answer took lately; each answer counts for less as others follow. At most, ms. */
const SLOWEST_TIMES = 4;
const FADING = 0.98;
const MOST_MS = 16_000;

export interface HeartbeatOptions {
  /** Time between two beats, ms. */
  readonly everyMs: number;
  /** Longest time of an answer, ms, where answers usually take much less; then the beat counts as missed. */
  readonly deadlineMs: number;
  /** Beats missed in a row after which the engine counts as dead. */
  readonly misses: number;
}

/**
 * Decides whether an engine is dead: it owns no timer and no clock. The engine's own handler may catch a fatal signal and leave a process that runs and answers
 * nothing, or only errors.
 */
export class Heartbeat {
  private readonly options: HeartbeatOptions;
  /** When each beat without an answer was sent, and whether it counts as missed, by its number. */
  private readonly waiting = new Map<number, { sent: number; missed: boolean }>();
  private next = 1;
  private missed = 0;
  private looked: number;
  /** How long answers took lately at most, ms. */
  private slowestMs = 0;

  /** `now`: ms, of the clock that all calls use. */
  constructor(options: HeartbeatOptions, now: number) {
    this.options = options;
    this.looked = now;
  }

  /** Called every `everyMs`. True: the engine is dead. A beat is sent otherwise. */
  isDead(now: number): boolean {
    const { everyMs, misses } = this.options;
    const deadlineMs = Math.max(this.options.deadlineMs, Math.min(MOST_MS, SLOWEST_TIMES * this.slowestMs));
    // A process that was stopped itself, or got no processor, has not read the answers: the deadlines begin anew.
    const asleep = now - this.looked > 2 * everyMs;
    this.looked = now;
    for (const beat of this.waiting.values()) {
      if (asleep) beat.sent = now;
      else if (!beat.missed && now - beat.sent >= deadlineMs) {
        beat.missed = true;
        this.missed++;
      }
    }
    return this.missed >= misses;
  }

  /** Number of a beat that is sent now. */
  send(now: number): number {
    const beat = this.next++;
    this.waiting.set(beat, { sent: now, missed: false });
    return beat;
  }

  /** Answers come in order, so the beats before this one are answered, too; one that comes late proves life all the same. */
  answered(beat: number, now: number): void {
    const one = this.waiting.get(beat);
    if (one !== undefined) this.slowestMs = Math.max(now - one.sent, FADING * this.slowestMs);
    for (const before of this.waiting.keys()) if (before <= beat) this.waiting.delete(before);
    this.missed = 0;
  }
}
