import { nearest } from '../config/nearest.js';
import { duration } from '../config/option.js';
import { BadValue, parseValue } from '../config/value.js';
import type { ConnFilter, Place } from '../wire/conn-filter.js';
import { protocolName, protocolNumber } from './event.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';
import { placesOf, serviceFilterOf } from './place.js';
import { stateNames } from './states.js';

/** As the command line has them. All that are given must hold. */
export interface ConnFilterOptions {
  readonly client?: string;
  readonly vs?: string;
  readonly rs?: string;
  /** As --rs was called. */
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

/** Places in the options: their names are resolved before connFilters() reads them. */
export const PLACE_FLAGS = ['client', 'vs', 'rs', 'real'] as const;

/**
 * What is meant: a connection that one of these takes. There are several only where several places are given, or a name has several addresses; they may overlap
 * where the places do. Throws Failure, a sentence that names the flag, when a value is none.
 */
export function connFilters(options: ConnFilterOptions): ConnFilter[] {
  if (options.rs !== undefined && options.real !== undefined)
    throw new Failure(Exit.usage, '--real is the old name of --rs: leave one out.');
  const service = options.vs === undefined ? undefined : serviceFilterOf('vs', options.vs);
  const marked = service === undefined || 'places' in service ? undefined : service;
  const said = numberOf('protocol', options.protocol, protocolNumber, 'tcp, udp, sctp or a number from 0 to 255');
  const protocol = (service !== undefined && 'places' in service ? service.protocol : undefined) ?? said;
  if (said !== undefined && protocol !== said) throw new Failure(Exit.usage, '--vs names another protocol than --protocol.');
  const state = options.state === undefined ? undefined : stateOf(options.state, protocol ?? TCP);
  const every = (flag: string, text: string | undefined): (Place | undefined)[] =>
    text === undefined ? [undefined] : placesOf(flag, text);
  const virtuals: readonly (Place | undefined)[] = service !== undefined && 'places' in service ? service.places : [undefined];
  const reals = every(options.rs === undefined ? 'real' : 'rs', options.rs ?? options.real);
  const fwmark = numberOf('fwmark', options.fwmark, markOf, 'a mark from 1 to 4294967295') ?? marked?.mark;
  if (marked !== undefined && fwmark !== marked.mark) throw new Failure(Exit.usage, '--vs names another mark than --fwmark.');
  const rest = {
    // States are a protocol's own: a name alone means TCP's.
    protocol: state !== undefined && protocol === undefined ? TCP : protocol,
    fwmark,
    family: marked?.family,
    state,
    template: options.template,
    olderThanNs: age('older-than', options.olderThan),
    idleNs: age('idle', options.idle),
    quiesced: options.quiesced === true,
  };
  return every('client', options.client).flatMap((client) =>
    virtuals.flatMap((virtual) => reals.map((real) => ({ client, virtual, real, ...rest }))),
  );
}

/** Whether it would match everything. */
export function isEmpty(filter: ConnFilter): boolean {
  const { quiesced, ...parts } = filter;
  return !quiesced && Object.values(parts).every((value) => value === undefined);
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
