/** How long queries wait for a delivery that nobody tries, ms. */
const PATIENCE_MS = 30_000;

/**
 * A delivery that the engine's end broke off is brought to its end before any query begins: otherwise queries that have the engine ended again and again could
 * keep deliveries out for ever.
 */
export class DeliveryFirst {
  private owed = false;
  private delivering = false;
  private readonly waiting = new Set<() => void>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** A delivery begins. */
  begin(): void {
    this.delivering = true;
  }

  /** It ended; `brokenOff`: with the engine. */
  end(brokenOff: boolean): void {
    this.delivering = false;
    this.owed = brokenOff;
    if (brokenOff) this.patience();
    else this.open();
  }

  /** Resolves when a query may begin. Rejects with the signal's reason. */
  async wait(signal?: AbortSignal): Promise<void> {
    if (!this.owed) return;
    signal?.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const done = (): void => {
        signal?.removeEventListener('abort', gone);
        resolve();
      };
      const gone = (): void => {
        this.waiting.delete(done);
        reject(signal?.reason);
      };
      this.waiting.add(done);
      signal?.addEventListener('abort', gone, { once: true });
    });
  }

  private patience(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => (this.delivering ? this.patience() : this.open()), PATIENCE_MS);
    this.timer.unref();
  }

  private open(): void {
    this.owed = false;
    clearTimeout(this.timer);
    for (const done of this.waiting) done();
    this.waiting.clear();
  }
}
