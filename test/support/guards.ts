import { type Credentials, SqlAccess } from '../../src/clickhouse-http/access.js';
import { Guard } from '../../src/listen/guard.js';
import { type Key, Keyring } from '../../src/listen/keyring.js';
import { Penalty } from '../../src/listen/penalty.js';

/** A guard that lets whoever reaches it in. */
export function openGuard(keys: readonly Key[] = []): Guard {
  return new Guard({ keys: new Keyring(keys), loopback: true, open: true, penalty: new Penalty({ waitMs: 0 }) });
}

/** A guard that lets in who has one of the keys. A wrong one does not wait. */
export function closedGuard(keys: readonly Key[], { loopback = true, penalty = new Penalty({ waitMs: 0 }) } = {}): Guard {
  return new Guard({ keys: new Keyring(keys), loopback, open: false, penalty });
}

/** Whoever has the password, or everybody where there is none. */
export function sqlAccess(credentials?: Credentials): SqlAccess {
  return new SqlAccess(credentials === undefined ? openGuard() : closedGuard([]), credentials);
}
