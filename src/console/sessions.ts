import { randomBytes } from 'node:crypto';
import { digest } from '../listen/secret.js';

/** So many browsers are let in at one time: of more the one that came first must come again. */
const MOST = 64;
/** How long a session is good for, ms: a day's work. */
const LIFE_MS = 12 * 3_600_000;
const BYTES = 32;

/** Browsers that were let in, by a cookie. They read, and nothing else. They are forgotten when the collector ends. */
export class Sessions {
  private readonly now: () => number;
  /** Two collectors that are looked at through tunnels have one name in the browser, which parts no cookies by port: so each has a name for its own. */
  private readonly cookie = `vslog-${randomBytes(6).toString('hex')}`;
  /** When each ends, ms; oldest first. */
  private readonly ends = new Map<string, number>();

  constructor(now: () => number = Date.now) {
    this.now = now;
  }

  /** Begins one; what Set-Cookie says. */
  begin(): string {
    const [oldest] = this.ends.keys();
    if (this.ends.size >= MOST && oldest !== undefined) this.ends.delete(oldest);
    const id = randomBytes(BYTES).toString('base64url');
    this.ends.set(keyOf(id), this.now() + LIFE_MS);
    return `${this.cookie}=${id}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${LIFE_MS / 1000}`;
  }

  /** When the one ends that a Cookie header is of, ms since 1970; undefined: it is of none. */
  endOf(cookies: string | undefined): number | undefined {
    for (const one of (cookies ?? '').split(';')) {
      const [name = '', id = ''] = one.trim().split('=', 2);
      if (name !== this.cookie) continue;
      const end = this.ends.get(keyOf(id));
      if (end !== undefined && end > this.now()) return end;
      this.ends.delete(keyOf(id));
    }
    return undefined;
  }
}

function keyOf(id: string): string {
  return digest(id).toString('base64');
}
