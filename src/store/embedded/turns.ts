/** Too many ask at one time. */
export class TooMany extends Error {
  override readonly name = 'TooMany';
}

/** Lets so many run at one time; so many more wait, in order. */
export class Turns {
  private readonly atOnce: number;
  private readonly mayWait: number;
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(atOnce: number, mayWait: number) {
    this.atOnce = atOnce;
    this.mayWait = mayWait;
  }

  /** Somebody waits for a turn. */
  get waited(): boolean {
    return this.waiting.length > 0;
  }

  /** Runs it when its turn comes. Rejects with TooMany when too many wait already, and with the signal's reason when that comes before the turn. */
  async run<T>(action: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    if (this.running < this.atOnce) this.running++;
    else await this.turn(signal);
    try {
      return await action();
    } finally {
      // Handed on, so that nobody gets in between.
      const next = this.waiting.shift();
      if (next === undefined) this.running--;
      else next();
    }
  }

  private turn(signal: AbortSignal | undefined): Promise<void> {
    if (this.waiting.length >= this.mayWait)
      throw new TooMany(`${this.running} queries run and ${this.waiting.length} wait already: ask again when some of them have ended.`);
    return new Promise((resolve, reject) => {
      const mine = (): void => {
        signal?.removeEventListener('abort', gaveUp);
        resolve();
      };
      const gaveUp = (): void => {
        this.waiting.splice(this.waiting.indexOf(mine), 1);
        reject(signal?.reason);
      };
      this.waiting.push(mine);
      signal?.addEventListener('abort', gaveUp, { once: true });
    });
  }
}
