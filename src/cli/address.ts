import { isIPv4, isIPv6 } from 'node:net';

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

/** The 16 bytes as text; v4-mapped ones as IPv4. Empty when there is no address. */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length !== 16) return '';
  if (isMapped(bytes)) return bytes.subarray(12).join('.');
  const words = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0));
  // RFC 5952: the longest run of two or more zeros, the first of equals.
  let best = { at: -1, length: 1 };
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (at + length < 8 && words[at + length] === 0) length++;
    if (length > best.length) best = { at, length };
  }
  const hex = (part: number[]): string => part.map((word) => word.toString(16)).join(':');
  return best.at < 0 ? hex(words) : `${hex(words.slice(0, best.at))}::${hex(words.slice(best.at + best.length))}`;
}

/** `10.0.0.1:80`, `[2001:db8::1]:80`. */
export function formatEndpoint(address: Uint8Array, port: number): string {
  const text = formatAddress(address);
  return text.includes(':') ? `[${text}]:${port}` : `${text}:${port}`;
}

function isMapped(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
}

/** What an address and port must be like. */
export type EndpointTest = (address: Uint8Array, port: number) => boolean;

/** Reads `ADDRESS`, `ADDRESS/PREFIX`, `ADDRESS:PORT`, `[IPv6]:PORT` or `:PORT`. Undefined when the text is none of them. */
export function parseEndpointTest(text: string): EndpointTest | undefined {
  const network = /^(.+)\/(\d{1,3})$/.exec(text);
  if (network !== null) return networkTest(network[1] ?? '', Number(network[2]));
  const plain = parseAddress(text);
  if (plain !== undefined) return (address) => equal(address, plain, 128);
  const withPort = /^(?:\[(.+)\]|([^:]*)):(\d{1,5})$/.exec(text);
  if (withPort === null) return undefined;
  const wanted = Number(withPort[3]);
  if (wanted > 65535) return undefined;
  const host = withPort[1] ?? withPort[2] ?? '';
  if (host === '') return (_address, port) => port === wanted;
  const base = parseAddress(host);
  return base === undefined ? undefined : (address, port) => port === wanted && equal(address, base, 128);
}

function networkTest(text: string, prefix: number): EndpointTest | undefined {
  const base = parseAddress(text);
  const width = isIPv4(text) ? 32 : 128;
  if (base === undefined || prefix > width) return undefined;
  return (address) => equal(address, base, prefix + 128 - width);
}

/** Whether the first `bits` bits are the same. */
function equal(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  if (a.length !== 16) return false;
  for (let i = 0; i < bits >> 3; i++) if (a[i] !== b[i]) return false;
  const rest = bits & 7;
  return rest === 0 || ((a[bits >> 3] ?? 0) ^ (b[bits >> 3] ?? 0)) >> (8 - rest) === 0;
}
