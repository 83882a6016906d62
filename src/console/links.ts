import { randomBytes } from 'node:crypto';
import { digest } from '../listen/secret.js';

/** So many are outstanding at one time: of more the oldest counts no longer. */
const MOST = 16;
const BYTES = 32;

/** Codes of links that open the console once. Kept as digests, so that what is compared tells nothing of a code. */
export class Links {
  private readonly now: () => number;
  /** When each ends, ms; oldest first. */
  private readonly ends = new Map<string, number>();

  constructor(now: () => number = Date.now) {
    this.now = now;
  }

  /** A new code, which counts for so many ms. */
  make(lifeMs: number): string {
    const code = randomBytes(BYTES).toString('base64url');
    for (const [key, end] of this.ends) if (end <= this.now()) this.ends.delete(key);
    const [oldest] = this.ends.keys();
    if (this.ends.size >= MOST && oldest !== undefined) this.ends.delete(oldest);
    this.ends.set(keyOf(code), this.now() + lifeMs);
    return code;
  }

  /** Uses a code up; false when it counts for nothing, or no longer. */
  use(code: string): boolean {
    const end = this.ends.get(keyOf(code));
    this.ends.delete(keyOf(code));
    return end !== undefined && end > this.now();
  }
}

function keyOf(code: string): string {
  return digest(code).toString('base64');
}
