import { isIPv4 } from 'node:net';
import { nearest } from '../config/nearest.js';
import { duration } from '../config/option.js';
import { BadValue, parseValue } from '../config/value.js';
import type { ConnFilter, Place } from '../wire/conn-filter.js';
import { parseAddress } from './address.js';
import { protocolName, protocolNumber } from './event.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';
import { stateNames } from './states.js';

/** As the command line has them. All that are given must hold. */
export interface ConnFilterOptions {
  readonly client?: string;
  readonly vs?: string;
  readonly real?: string;
  readonly protocol?: string;
  readonly fwmark?: string;
  readonly state?: string;
  readonly template?: boolean;
  readonly olderThan?: string;
  readonly idle?: string;
  readonly quiesced?: boolean;
}

const TCP = 6;
const MILLION = 1_000_000n;
const AGE = duration({ default: 0, min: 0, max: 366 * 86_400_000, doc: '', flag: '', commands: [] });

/** Throws Failure, a sentence that names the flag, when a value is none. */
export function connFilter(options: ConnFilterOptions): ConnFilter {
  const protocol = numberOf('protocol', options.protocol, protocolNumber, 'tcp, udp, sctp or a number from 0 to 255');
  const state = options.state === undefined ? undefined : stateOf(options.state, protocol ?? TCP);
  return {
    client: place('client', options.client),
    virtual: place('vs', options.vs),
    real: place('real', options.real),
    // States are a protocol's own: a name alone means TCP's.
    protocol: state !== undefined && protocol === undefined ? TCP : protocol,
    fwmark: numberOf('fwmark', options.fwmark, markOf, 'a mark from 1 to 4294967295'),
    state,
    template: options.template,
    olderThanNs: age('older-than', options.olderThan),
    idleNs: age('idle', options.idle),
    quiesced: options.quiesced === true,
  };
}

/** Whether it would match everything. */
export function isEmpty(filter: ConnFilter): boolean {
  const { quiesced, ...parts } = filter;
  return !quiesced && Object.values(parts).every((value) => value === undefined);
}

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

function place(flag: string, text: string | undefined): Place | undefined {
  if (text === undefined) return undefined;
  const found = parsePlace(text);
  if (found !== undefined) return found;
  throw usage(flag, text, 'an address, a network (10.0.0.0/8), an address with port (10.0.0.1:80, [::1]:80) or a port (:80)');
}

function numberOf(flag: string, text: string | undefined, read: (text: string) => number | undefined, wanted: string): number | undefined {
  if (text === undefined) return undefined;
  const number = read(text);
  if (number === undefined) throw usage(flag, text, wanted);
  return number;
}

function markOf(text: string): number | undefined {
  const mark = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  return mark >= 1 && mark <= 0xffff_ffff ? mark : undefined;
}

function stateOf(text: string, protocol: number): number {
  const names = stateNames(protocol);
  const at = names.indexOf(text.toUpperCase().replaceAll('-', '_'));
  if (at >= 0) return at;
  if (/^\d{1,3}$/.test(text) && Number(text) < 256) return Number(text);
  const near = nearest(text.toUpperCase(), names);
  const wanted = `a state of ${protocolName(protocol)} (${names.join(', ')}) or its number`;
  throw usage('state', text, near === undefined ? wanted : `${wanted}; did you mean ${near}?`);
}

function age(flag: string, text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  try {
    return BigInt(Number(parseValue(AGE, text))) * MILLION;
  } catch (error) {
    if (error instanceof BadValue) throw usage(flag, text, 'a time such as 500ms, 30s, 5m or 2h');
    throw error;
  }
}

function usage(flag: string, text: string, wanted: string): Failure {
  return new Failure(Exit.usage, `--${flag} is ${JSON.stringify(text)}: it must be ${wanted}${wanted.endsWith('?') ? '' : '.'}`);
}
