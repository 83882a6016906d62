/** A timer of somebody who runs by a simulated clock. */
interface Timer {
  readonly id: number;
  readonly callback: (...args: unknown[]) => void;
  readonly args: readonly unknown[];
  atMs: number;
  /** Undefined: it rings once. */
  readonly everyMs: number | undefined;
}

const turn = setImmediate;
const real = {
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
  date: Date.now,
  performance: performance.now,
};

/**
 * Time that passes only when it is told to, for everything in this process that asks Node for it. What is at work in between is nothing but promises over a disk in memory, so one turn
 * of the event loop lets all of it come to its next wait.
 */
export class SimulatedClock {
  /** Ms since the simulation began, which nobody sets. */
  private steadyMs = 0;
  /** What the wall clock shows beside that. */
  private aheadMs: number;
  private timers: Timer[] = [];
  private nextId = 1;

  constructor(wallMs: number) {
    this.aheadMs = wallMs;
  }

  /** Takes Node's clocks and timers over until release(). */
  install(): void {
    const start = (callback: Timer['callback'], ms: unknown, args: unknown[], repeats: boolean): unknown => {
      const everyMs = Math.max(1, Number(ms) || 0);
      const timer: Timer = { id: this.nextId++, callback, args, atMs: this.steadyMs + everyMs, everyMs: repeats ? everyMs : undefined };
      this.timers.push(timer);
      return handle(timer);
    };
    const stop = (timer: unknown): void => {
      const id = typeof timer === 'object' && timer !== null ? (timer as { id: number }).id : timer;
      this.timers = this.timers.filter((one) => one.id !== id);
    };
    const fakes = {
      setTimeout: (callback: Timer['callback'], ms: unknown, ...args: unknown[]) => start(callback, ms, args, false),
      setInterval: (callback: Timer['callback'], ms: unknown, ...args: unknown[]) => start(callback, ms, args, true),
      clearTimeout: stop,
      clearInterval: stop,
    };
    Object.assign(globalThis, fakes);
    Date.now = () => Math.floor(this.wallMs);
    Object.defineProperty(performance, 'now', { configurable: true, value: () => this.steadyMs });
  }

  /** Gives Node's own back. */
  release(): void {
    const { date, performance: now, ...timers } = real;
    Object.assign(globalThis, timers);
    Date.now = date;
    Object.defineProperty(performance, 'now', { configurable: true, value: now });
    this.timers = [];
  }

  get wallMs(): number {
    return this.steadyMs + this.aheadMs;
  }

  /** Since the simulation began, ms. */
  get uptimeMs(): number {
    return this.steadyMs;
  }

  /** Somebody sets the wall clock. */
  step(ms: number): void {
    this.aheadMs += ms;
  }

  /** A process died: its timers ring no more. Nobody else has any. */
  forgetTimers(): void {
    this.timers = [];
  }

  /** Resolves when everybody waits for a timer, or for nothing that will come. */
  async settle(): Promise<void> {
    // A stream hands its pieces on in turns of its own.
    for (let i = 0; i < 3; i++) await new Promise<void>((resolve) => turn(resolve));
  }

  /** Lets time pass. Between two timers everybody comes to rest. */
  async advance(ms: number): Promise<void> {
    const end = this.steadyMs + ms;
    await this.settle();
    for (;;) {
      let next: Timer | undefined;
      for (const timer of this.timers) if (timer.atMs <= end && (next === undefined || timer.atMs < next.atMs)) next = timer;
      if (next === undefined) break;
      this.steadyMs = Math.max(this.steadyMs, next.atMs);
      if (next.everyMs === undefined) this.timers.splice(this.timers.indexOf(next), 1);
      else next.atMs += next.everyMs;
      next.callback(...next.args);
      await this.settle();
    }
    this.steadyMs = end;
  }
}

function handle(timer: Timer): object {
  const self = {
    id: timer.id,
    ref: () => self,
    unref: () => self,
    hasRef: () => true,
    refresh: () => self,
    [Symbol.toPrimitive]: () => timer.id,
  };
  return self;
}

/** Node's `timers/promises`, over whatever timers there are now. */
export function promisedTimeout<T>(ms: number, value: T, { signal }: { readonly signal?: AbortSignal } = {}): Promise<T> {
  return new Promise((resolve, reject) => {
    const aborted = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    if (signal?.aborted === true) return reject(signal.reason as Error);
    // time: whoever moves the simulated clock says when it rings
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', aborted);
      resolve(value);
    }, ms);
    signal?.addEventListener('abort', aborted, { once: true });
  });
}
