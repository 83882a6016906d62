/** How long a request's headers may take, and all of it, ms; and how often that is looked at. */
export const REQUEST_TIMES = { headersTimeout: 10_000, requestTimeout: 15_000, connectionsCheckingInterval: 1000 } as const;

/** Time for an answer whatever its size, ms, and the slowest reader for whom it is kept, bytes/s. */
const SEND_MS = 30_000;
const SLOWEST = 512 * 1024;

/** How long a client may take to read an answer of so many bytes, ms. */
export function sendMs(bytes: number): number {
  return SEND_MS + Math.ceil((1000 * bytes) / SLOWEST);
}

/** So many of one kind at one time. */
export class Slots {
  private readonly most: number;
  private taken = 0;

  constructor(most: number) {
    this.most = most;
  }

  /** Returns what gives the slot back, once; undefined: none is free. */
  take(): (() => void) | undefined {
    if (this.taken >= this.most) return undefined;
    this.taken++;
    let mine = true;
    return () => {
      if (mine) this.taken--;
      mine = false;
    };
  }
}
