/** ms a day. */
export const DAY_MS = 86_400_000;
/** A step of at most this is followed at once, ms; so far from the clock an event's time may be. */
export const BELIEVED_MS = DAY_MS;
/** The longest time that a clock which went ahead must run before it is believed, ms. */
const PROBATION_MS = 7 * DAY_MS;
/** No clock that shows less was ever set: 2025-01-01. */
export const NEVER_SET_MS = Date.UTC(2025, 0, 1);

/** Where time comes from. */
export interface ClockSources {
  /** The wall clock, ms since 1970. */
  wall(): number;
  /** A clock that nobody sets and that runs on while the machine sleeps, ms since its boot. */
  uptime(): number;
  /** Names the boot. */
  readonly boot: string;
}

/** A wall clock that is not believed: it is more than a day from where it must be. */
export interface ClockDoubt {
  /** How far it is ahead of the time that is believed, ms; negative: behind. */
  readonly aheadMs: number;
  /** How long it has shown that without another step while the collector ran, ms. */
  readonly steadyMs: number;
}

/** What outlives the process. */
export interface ClockMemory {
  /** The believed time, ms since 1970, and the uptime of that moment, ms. */
  readonly believedMs: number;
  readonly uptimeMs: number;
  readonly boot: string;
  readonly doubt?: ClockDoubt | undefined;
}

/** What became of the clock at a look. */
export interface ClockChange {
  /** `doubted`: it stepped by more than a day. `returned`: it shows again what it must. `believed`: it stepped, and is believed now. */
  readonly kind: 'doubted' | 'returned' | 'believed';
  /** The time that it should have shown, and what it shows, ms since 1970. */
  readonly expectedMs: number;
  readonly wallMs: number;
}

/**
 * The time that is taken for true where something is removed by its age. It follows the wall clock, which may be set by anybody, over steps of up to a day; a longer one
 * is doubted: time then goes on from where it was, until the clock comes back, somebody accepts it, or it has run as long as it went ahead, at most a week.
 */
export class BelievedClock {
  private readonly sources: ClockSources;
  private anchor: { readonly believedMs: number; readonly uptimeMs: number };
  private doubt: ClockDoubt | undefined;
  /** There was no memory of another process. */
  isNew: boolean;
  private lookedMs: number;

  /** The time that is believed, ms since 1970. */
  readonly now = (): number => {
    const expected = this.expected();
    const wall = this.sources.wall();
    return this.isNear(wall, expected) ? wall : expected;
  };

  /** `memory`: of the last process; undefined: there was none, so the wall clock is believed. */
  constructor(sources: ClockSources, memory?: ClockMemory) {
    this.sources = sources;
    this.isNew = memory === undefined;
    const uptimeMs = sources.uptime();
    this.lookedMs = uptimeMs;
    if (memory === undefined) {
      this.anchor = { believedMs: sources.wall(), uptimeMs };
      return;
    }
    // Of another boot nobody knows how long the machine was off.
    const since = memory.boot === sources.boot ? Math.max(0, uptimeMs - memory.uptimeMs) : 0;
    this.anchor = { believedMs: memory.believedMs + since, uptimeMs };
    this.doubt = memory.doubt;
  }

  /** What the wall clock shows, ms since 1970. */
  wall(): number {
    return this.sources.wall();
  }

  /** The wall clock shows this time, ms since 1970, give or take a day. */
  shows(wallMs: number): boolean {
    return this.isNear(this.sources.wall(), wallMs);
  }

  /** A time, ms since 1970, that was surely right once: a clock that nobody remembers anything of is compared with it. */
  recall(believedMs: number): void {
    const fresh = this.isNew;
    this.isNew = false;
    if (!fresh || believedMs >= this.anchor.believedMs || believedMs < NEVER_SET_MS) return;
    this.anchor = { believedMs, uptimeMs: this.sources.uptime() };
  }

  /** Whether the time was ever known: a machine without a clock of its own begins at 1970. */
  get isSet(): boolean {
    return this.now() >= NEVER_SET_MS;
  }

  /** Undefined: the wall clock is believed. */
  get doubted(): ClockDoubt | undefined {
    const [expected, wall] = [this.expected(), this.sources.wall()];
    if (this.isNear(wall, expected)) return undefined;
    const aheadMs = wall - expected;
    return { aheadMs, steadyMs: this.isSame(aheadMs) ? (this.doubt?.steadyMs ?? 0) : 0 };
  }

  /** How long a clock that is so far ahead must run before it is believed, ms; infinite where only somebody's word helps. */
  static probation(aheadMs: number): number {
    return aheadMs < 0 ? Number.POSITIVE_INFINITY : Math.min(aheadMs, PROBATION_MS);
  }

  /** Compares the clocks, to be called every few seconds. Resolves what changed since the last look, once; undefined: nothing. */
  look(): ClockChange | undefined {
    const [expected, wall, uptime] = [this.expected(), this.sources.wall(), this.sources.uptime()];
    const passed = Math.max(0, uptime - this.lookedMs);
    this.lookedMs = uptime;
    if (this.isNear(wall, expected)) {
      this.anchor = { believedMs: wall, uptimeMs: uptime };
      const was = this.doubt;
      this.doubt = undefined;
      return was === undefined ? undefined : { kind: 'returned', expectedMs: expected + was.aheadMs, wallMs: wall };
    }
    const aheadMs = wall - expected;
    const known = this.isSame(aheadMs);
    const steadyMs = known ? (this.doubt?.steadyMs ?? 0) + passed : 0;
    // A clock that was never set is believed as soon as it shows anything that can be.
    if (steadyMs >= BelievedClock.probation(aheadMs) || (expected < NEVER_SET_MS && wall >= NEVER_SET_MS)) return this.accept();
    this.doubt = { aheadMs, steadyMs };
    return known ? undefined : { kind: 'doubted', expectedMs: expected, wallMs: wall };
  }

  /** Takes the wall clock for true from now on. */
  accept(): ClockChange {
    const change = { kind: 'believed', expectedMs: this.expected(), wallMs: this.sources.wall() } as const;
    this.anchor = { believedMs: change.wallMs, uptimeMs: this.sources.uptime() };
    this.doubt = undefined;
    return change;
  }

  memory(): ClockMemory {
    return { believedMs: this.now(), uptimeMs: this.sources.uptime(), boot: this.sources.boot, doubt: this.doubt };
  }

  private expected(): number {
    return this.anchor.believedMs + Math.max(0, this.sources.uptime() - this.anchor.uptimeMs);
  }

  private isNear(wall: number, expected: number): boolean {
    return Math.abs(wall - expected) <= BELIEVED_MS;
  }

  /** The step is the one that was seen before: it is told once. */
  private isSame(aheadMs: number): boolean {
    return this.doubt !== undefined && Math.abs(aheadMs - this.doubt.aheadMs) <= BELIEVED_MS;
  }
}
