import { isIPv4 } from 'node:net';
import { formatAddress, formatEndpoint, parseAddress } from '../wire/address.js';

export { formatAddress, formatEndpoint, parseAddress };

/** Reads `ADDRESS` or `ADDRESS/PREFIX` as the first and the last address of it. Undefined when the text is neither. */
export function parseNetwork(text: string): { first: Uint8Array; last: Uint8Array } | undefined {
  const [, host = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const base = parseAddress(host);
  const width = isIPv4(host) ? 32 : 128;
  const prefix = bits === undefined ? width : Number(bits);
  if (base === undefined || prefix > width) return undefined;
  const free = width - prefix;
  const mask = Uint8Array.from(base, (_byte, at) => 0xff >> Math.min(8, Math.max(0, 128 - free - at * 8)));
  return { first: base.map((byte, at) => byte & ~(mask[at] ?? 0)), last: base.map((byte, at) => byte | (mask[at] ?? 0)) };
}
