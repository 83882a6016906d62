import { formatAddress, formatEndpoint } from '../wire/address.js';
import type { ServerKey, ServiceKey } from '../wire/administration.js';

/**
 * What is taken out of service. A cable belongs to a host: without a port it is everything at these addresses, in every virtual service.
 * With a port it is one real server, in all services that have it or in one.
 */
export interface DrainTarget {
  /** 16 bytes each; of one host, IPv4 and IPv6. Never empty. */
  readonly addresses: readonly Uint8Array[];
  /** Undefined: the host. */
  readonly port?: number;
  /** Only in this virtual service. */
  readonly only?: ServiceKey;
}

/** `192.0.2.7`, `192.0.2.7 and 2001:db8::7`, `192.0.2.7:8080`. */
export function targetName({ addresses, port }: DrainTarget): string {
  return addresses.map((address) => (port === undefined ? formatAddress(address) : formatEndpoint(address, port))).join(' and ');
}

/** Whether it is the host, and not one of its ports or services: then nothing at all may be left there. */
export function isHost({ port, only }: DrainTarget): boolean {
  return port === undefined && only === undefined;
}

/** Whether a real server is a part of it. */
export function covers({ addresses, port }: DrainTarget, key: ServerKey): boolean {
  return (port === undefined || key.port === port) && addresses.some((address) => Buffer.compare(address, key.address) === 0);
}
