import { timingSafeEqual } from 'node:crypto';
import { digest } from './secret.js';

/** Whose a secret is, and what it lets him do besides reading. */
export interface Holder {
  readonly name: string;
  readonly operates: boolean;
}

/** A secret, as it is kept: its digest. */
export interface Key {
  readonly holder: Holder;
  readonly digest: Buffer;
}

export function keyOf(name: string, secret: string, operates = false): Key {
  return { holder: { name, operates }, digest: digest(secret) };
}

/** The secrets that open a listener. Some are known only after it was made, and before it listens. */
export class Keyring {
  private readonly keys: Key[];
  private readonly more: Keyring | undefined;

  /** `more`: those of another ring count, too, also what is added to it later. */
  constructor(keys: readonly Key[] = [], more?: Keyring) {
    this.keys = [...keys];
    this.more = more;
  }

  add(key: Key): void {
    this.keys.push(key);
  }

  /** Whether something can be changed with one of them. */
  get operates(): boolean {
    return this.all().some(({ holder }) => holder.operates);
  }

  /** Whose secret this is; takes as long for a wrong one as for a right one. */
  find(secret: string): Holder | undefined {
    const given = digest(secret);
    let found: Holder | undefined;
    for (const one of this.all()) if (timingSafeEqual(one.digest, given)) found = one.holder;
    return found;
  }

  private all(): readonly Key[] {
    return [...this.keys, ...(this.more?.all() ?? [])];
  }
}
