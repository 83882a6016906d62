import { isIPv4, isIPv6 } from 'node:net';
import { formatAddress } from '../wire/address.js';

export { formatAddress };

/** An address as the records have it: 16 bytes, IPv4 as ::ffff:a.b.c.d. Undefined when the text is none. */
export function parseAddress(text: string): Uint8Array | undefined {
  if (isIPv4(text)) {
    return Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...text.split('.').map(Number)]);
  }
  if (!isIPv6(text) || text.includes('%')) return undefined;
  let whole = text;
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (tail !== null) {
    const [a = 0, b = 0, c = 0, d = 0] = (tail[2] ?? '').split('.').map(Number);
    whole = `${tail[1]}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  const [head = '', rest] = whole.split('::');
  const groups = (part: string): number[] => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const left = groups(head);
  const right = rest === undefined ? [] : groups(rest);
  const words = [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
  return Uint8Array.from(words.flatMap((word) => [word >> 8, word & 255]));
}

/** `10.0.0.1:80`, `[2001:db8::1]:80`. */
export function formatEndpoint(address: Uint8Array, port: number): string {
  const text = formatAddress(address);
  return text.includes(':') ? `[${text}]:${port}` : `${text}:${port}`;
}

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
