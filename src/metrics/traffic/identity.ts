import { createHash } from 'node:crypto';
import { formatServerKey, formatServiceKey } from '../../cli/service-address.js';
import type { ServerKey, ServiceKey } from '../../wire/administration.js';

/** The slot of what has no series of its own. */
export const OTHER = '';

/** A virtual service or real server as the metrics know it. */
export interface Identity {
  /** What it is in the store's columns; sql.ts makes the same of a row. */
  readonly id: string;
  /** A short fingerprint of `id`: what queries name it by. */
  readonly slot: string;
  /** The virtual service as `--vs` takes it. */
  readonly vs: string;
  /** The real server as `--rs` takes it; undefined: this is a virtual service. */
  readonly rs?: string;
}

/** The identity of a virtual service. Firewall marks of IPv4 and IPv6 are two services. */
export function serviceIdentity(key: ServiceKey): Identity {
  const id =
    key.fwmark !== 0
      ? `mark${key.family === 6 ? 6 : 4}-${key.fwmark}`
      : `${key.protocol}-${Buffer.from(key.address).toString('hex')}-${key.port}`;
  return remembered(id, () => ({ id, slot: slotOf(id), vs: formatServiceKey(key) }));
}

/** The identity of a real server of one virtual service. */
export function serverIdentity(service: Identity, key: ServerKey): Identity {
  const id = `${service.id} ${Buffer.from(key.address).toString('hex')}-${key.port}`;
  return remembered(id, () => ({ id, slot: slotOf(id), vs: service.vs, rs: formatServerKey(key) }));
}

/** A list of 3,000 real servers is read at every scrape, and its names are the same. */
const MOST = 20_000;
const made = new Map<string, Identity>();

function remembered(id: string, make: () => Identity): Identity {
  let identity = made.get(id);
  if (identity === undefined) {
    identity = make();
    if (made.size >= MOST) made.clear();
    made.set(id, identity);
  }
  return identity;
}

/** 64 bits of the identity's SHA-256, as hexadecimal digits. */
export function slotOf(id: string): string {
  return createHash('sha256').update(id).digest('hex').slice(0, 16);
}
