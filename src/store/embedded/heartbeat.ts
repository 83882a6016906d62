export interface HeartbeatOptions {
  /** Time between two beats, ms. */
  readonly everyMs: number;
  /** Longest time of an answer, ms; then the beat counts as missed. */
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
  /** When each beat without an answer was sent, by its number. */
  private readonly waiting = new Map<number, number>();
  private next = 1;
  private missed = 0;
  private looked: number;

  /** `now`: ms, of the clock that all calls use. */
  constructor(options: HeartbeatOptions, now: number) {
    this.options = options;
    this.looked = now;
  }

  /** Called every `everyMs`. True: the engine is dead. A beat is sent otherwise. */
  isDead(now: number): boolean {
    const { everyMs, deadlineMs, misses } = this.options;
    // A process that was stopped itself, or got no processor, has not read the answers: the deadlines begin anew.
    const asleep = now - this.looked > 2 * everyMs;
    this.looked = now;
    for (const [beat, sent] of this.waiting) {
      if (asleep) this.waiting.set(beat, now);
      else if (now - sent >= deadlineMs) {
        this.waiting.delete(beat);
        this.missed++;
      }
    }
    return this.missed >= misses;
  }

  /** Number of a beat that is sent now. */
  send(now: number): number {
    const beat = this.next++;
    this.waiting.set(beat, now);
    return beat;
  }

  /** Answers come in order, so the beats before this one are answered, too; one that comes late proves life all the same. */
  answered(beat: number): void {
    for (const one of this.waiting.keys()) if (one <= beat) this.waiting.delete(one);
    this.missed = 0;
  }
}
