import type { ServerResponse } from 'node:http';

/** How long who gave a wrong secret waits before he is told so, ms. */
const WAIT_MS = 1000;
/** So many wait at one listener at one time: few beside its sockets, so that wrong secrets keep no right one out. */
const MOST = 16;

/**
 * Slows who tries secrets out. It is no bound on how many are tried, since a right one must get through beside any number of wrong ones: that a secret cannot be guessed is the matter
 * of its length.
 */
export class Penalty {
  private readonly waitMs: number;
  private readonly most: number;
  private waiting = 0;

  constructor({ waitMs = WAIT_MS, most = MOST }: { readonly waitMs?: number; readonly most?: number } = {}) {
    this.waitMs = waitMs;
    this.most = most;
  }

  /** So many wait now. */
  get held(): number {
    return this.waiting;
  }

  /** Resolves to true after the wait, or when the client has gone; to false at once where too many wait. */
  serve(response: ServerResponse): Promise<boolean> {
    if (this.waiting >= this.most) return Promise.resolve(false);
    this.waiting++;
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        response.off('close', end);
        this.waiting--;
        resolve(true);
      };
      const timer = setTimeout(end, this.waitMs);
      response.once('close', end);
    });
  }
}
