import { isIPv4 } from 'node:net';
import type { Place, ServiceFilter } from '../wire/conn-filter.js';
import { formatAddress, parseAddress } from './address.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';
import { addressesOf } from './host-name.js';

/** What a person may write for where something is, in every filter of every command. */
export const PLACE_FORMS =
  'an address (10.0.0.1), a network (10.0.0.0/8), an address with port (10.0.0.1:80, [::1]:80), a port (:80) or a name (web7, web7:80); several with commas';

/** What a person may write for a virtual service in a filter. */
export const SERVICE_FILTER_FORMS = `${PLACE_FORMS}; with a protocol before it, such as "udp 10.0.0.1:53", or "fwmark 7"`;

/** A name, and perhaps a port behind it. What begins with a digit or a colon, or has brackets, is none. */
const NAME = /^([A-Za-z_][A-Za-z0-9_.-]*?)(:\d{1,5})?$/;

/** Reads `ADDRESS`, `ADDRESS/PREFIX`, `ADDRESS:PORT`, `[IPv6]:PORT` or `:PORT`. Undefined when the text is none of them. */
export function parsePlace(text: string): Place | undefined {
  const withPort = /^(?:\[(.+)\]|([^:]*)):(\d{1,5})$/.exec(text);
  const portless = parseNetwork(text);
  if (portless !== undefined || withPort === null) return portless;
  const port = Number(withPort[3]);
  const host = withPort[1] ?? withPort[2] ?? '';
  if (port > 65_535) return undefined;
  if (host === '') return withPort[1] === undefined ? { address: new Uint8Array(16), prefix: 0, port } : undefined;
  const network = parseNetwork(host);
  return network === undefined ? undefined : { ...network, port };
}

function parseNetwork(text: string): Place | undefined {
  const [, host = text, bits] = /^(.+)\/(\d{1,3})$/.exec(text) ?? [];
  const address = parseAddress(host);
  const width = isIPv4(host) ? 32 : 128;
  const prefix = bits === undefined ? width : Number(bits);
  return address === undefined || prefix > width ? undefined : { address, prefix: prefix + 128 - width, port: undefined };
}

/** Reads one place or several with commas. Undefined when one of them is none. Names must be resolved before: withAddresses(). */
export function parsePlaces(text: string): Place[] | undefined {
  const found = text.split(',').map((part) => parsePlace(part.trim()));
  return found.every((place) => place !== undefined) ? found : undefined;
}

/** The same for a flag. Throws Failure. */
export function placesOf(flag: string, text: string): Place[] {
  const found = parsePlaces(text);
  if (found !== undefined) return found;
  throw new Failure(Exit.usage, `--${flag} is ${JSON.stringify(text)}: it must be ${PLACE_FORMS}.`);
}

const PROTOCOLS: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132 };

/** Reads a virtual service as a filter has it. Undefined when it is none. */
export function parseServiceFilter(text: string): ServiceFilter | undefined {
  const [, digits, six] = /^fwmark(?::\/\/|[ :])\s*(\d{1,10})(?:[ :](ipv6))?$/i.exec(text.trim()) ?? [];
  if (digits !== undefined) {
    const mark = Number(digits);
    return mark >= 1 && mark <= 0xffffffff ? { mark, family: six === undefined ? undefined : 6 } : undefined;
  }
  const [, word, rest = text.trim()] = /^(tcp|udp|sctp)(?::\/\/|[ :])\s*(.*)$/i.exec(text.trim()) ?? [];
  const places = parsePlaces(rest);
  return places === undefined ? undefined : { protocol: word === undefined ? undefined : PROTOCOLS[word.toLowerCase()], places };
}

/** The same for a flag. Throws Failure. */
export function serviceFilterOf(flag: string, text: string): ServiceFilter {
  const found = parseServiceFilter(text);
  if (found !== undefined) return found;
  throw new Failure(Exit.usage, `--${flag} is ${JSON.stringify(text)}: it must be ${SERVICE_FILTER_FORMS}.`);
}

/** The text with each name replaced by its addresses: `web7:80` becomes `10.0.0.7:80,[2001:db8::7]:80`. What is no name stays as it is. Rejects with Failure. */
export async function withAddresses(text: string): Promise<string> {
  const [, before = '', rest = text] = /^((?:tcp|udp|sctp)(?::\/\/|[ :])\s*)(.*)$/i.exec(text.trim()) ?? [];
  if (/^fwmark\b/i.test(rest)) return text;
  const parts: string[] = [];
  for (const part of rest.split(',').map((one) => one.trim())) {
    const [, name, port = ''] = NAME.exec(part) ?? [];
    if (name === undefined || parsePlace(part) !== undefined) {
      parts.push(part);
      continue;
    }
    for (const address of await addressesOf(name)) parts.push(placeText(address, port));
  }
  return `${before}${parts.join(',')}`;
}

function placeText(address: Uint8Array, port: string): string {
  const text = formatAddress(address);
  return port !== '' && text.includes(':') ? `[${text}]${port}` : `${text}${port}`;
}

/** Options of a command with the names in some of them resolved; lists too. Rejects with Failure. */
export async function resolved<T extends object>(options: T, flags: readonly (keyof T)[]): Promise<T> {
  const found: Partial<T> = {};
  for (const flag of flags) {
    const value: unknown = options[flag];
    if (typeof value === 'string') Object.assign(found, { [flag]: await withAddresses(value) });
    else if (Array.isArray(value)) Object.assign(found, { [flag]: await Promise.all(value.map((one) => withAddresses(String(one)))) });
  }
  return { ...options, ...found };
}
