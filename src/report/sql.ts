import { quote } from '../store/quote.js';
import type { Place, ServiceFilter } from '../wire/conn-filter.js';
import type { Values } from './report.js';

/** An address column as people write it. */
export function addressText(column: string): string {
  return `replaceRegexpOne(IPv6NumToString(${column}), '^::ffff:([0-9]+[.])', '\\\\1')`;
}

/** `10.0.0.1:80`, `[2001:db8::1]:80` of the columns NAME_addr and NAME_port. */
export function endpointText(name: string): string {
  const text = addressText(`${name}_addr`);
  return `concat(if(position(${text}, ':') > 0, concat('[', ${text}, ']'), ${text}), ':', toString(${name}_port))`;
}

/** A virtual service as --vs takes it: `tcp 192.0.2.1:80`, `fwmark 7`, `fwmark 7 ipv6`. */
export function serviceText(): string {
  const mark = `concat('fwmark ', toString(fwmark), if(family = 6, ' ipv6', ''))`;
  return `if(fwmark != 0, ${mark}, concat(lower(protocol_name), ' ', ${endpointText('virtual')}))`;
}

/** Whether a record is of such a virtual service. `ofControl`: of control_events, where a mark's service has no address and the family is a column. */
export function isOfService(service: ServiceFilter, suffix: Suffix, ofControl: boolean): string {
  if (!('places' in service)) {
    const six = ofControl ? 'family = 6' : `virtual_${suffix} > ${LAST_IPV4}`;
    return `(fwmark = ${service.mark}${service.family === undefined ? '' : ` AND ${service.family === 6 ? six : `NOT (${six})`}`})`;
  }
  const { protocol, places } = service;
  return `(fwmark = 0${protocol === undefined ? '' : ` AND protocol = ${protocol}`} AND ${isAt('virtual', suffix, places)})`;
}

/** Whether an address and its port are in one of the places. */
function isAt(name: string, suffix: Suffix, places: readonly Place[]): string {
  const one = ({ address, prefix, port }: Place): string => {
    const [first, last] = extentOf(address, prefix);
    const column = `${name}_${suffix}`;
    const within =
      prefix === 0
        ? []
        : [
            prefix === 128
              ? `${column} = ${addressLiteral(first)}`
              : `${column} BETWEEN ${addressLiteral(first)} AND ${addressLiteral(last)}`,
          ];
    return [...within, ...(port === undefined ? [] : [`${name}_port = ${port}`])].join(' AND ') || 'true';
  };
  const [only] = places;
  return places.length === 1 && only !== undefined ? one(only) : `(${places.map((place) => `(${one(place)})`).join(' OR ')})`;
}

/** The first and the last address of a network; the prefix counts bits of the 16-byte form. */
export function extentOf(address: Uint8Array, prefix: number): [first: Uint8Array, last: Uint8Array] {
  const free = Uint8Array.from(address, (_byte, at) => 0xff >> Math.min(8, Math.max(0, prefix - at * 8)));
  return [address.map((byte, at) => byte & ~(free[at] ?? 0)), address.map((byte, at) => byte | (free[at] ?? 0))];
}

const LAST_IPV4 = `toIPv6('::ffff:255.255.255.255')`;

/** Whether a record is of this time, ms. */
export function isWithin(since: number | undefined, until: number | undefined): string {
  const from = since === undefined ? [] : [`time_ns >= fromUnixTimestamp64Milli(toInt64(${since}), 'UTC')`];
  const to = until === undefined ? [] : [`time_ns < fromUnixTimestamp64Milli(toInt64(${until}), 'UTC')`];
  return [...from, ...to].join(' AND ') || 'true';
}

/** 16 bytes as an IPv6 address of SQL. */
export function addressLiteral(address: Uint8Array): string {
  // Two bytes a group make the long form of an IPv6 address.
  return `toIPv6('${(Buffer.from(address).toString('hex').match(/.{4}/g) ?? []).join(':')}')`;
}

/** A moment, ms since 1970. */
export function momentLiteral(ms: number): string {
  return `fromUnixTimestamp64Milli(toInt64(${ms}), 'UTC')`;
}

/** How a table calls addresses that conditions can use: `NAME_addr` in tables, `NAME_ip` in the view connections. */
type Suffix = 'addr' | 'ip';

/** Conditions by what a person narrowed a report to, but for the time. The table must have what is asked for. `ofControl`: it is control_events. */
export function narrowed({ service, real, client, node }: Values, suffix: Suffix, ofControl = false): string[] {
  const where: string[] = [];
  if (service !== undefined) where.push(isOfService(service, suffix, ofControl));
  if (real !== undefined) where.push(isAt('real', suffix, real));
  if (client !== undefined) where.push(isAt('client', suffix, client));
  if (node !== undefined) where.push(`node = ${quote(node)}`);
  return where;
}

/** Conditions on the view connections: those that were there at some moment of the time asked for, templates aside. */
export function presentConnections(values: Values): string {
  const { since, until } = values;
  return [
    ...narrowed(values, 'ip'),
    ...(since === undefined ? [] : [`(end >= ${momentLiteral(since)} OR is_open)`]),
    ...(until === undefined ? [] : [`start < ${momentLiteral(until)}`]),
    'NOT is_template',
  ].join(' AND ');
}

/**
 * Conditions on the view connections: those that were open when a capture started which remembers nothing. They count as open no longer from then on, but
 * rs_minute has no end of them. Minutes as in ofMinutes().
 */
export function forgottenConnections(values: Values): string {
  const { since, until } = values;
  return [
    ...narrowed(values, 'ip'),
    `reason = 'missed' AND end IN (SELECT time_ns FROM control_events WHERE kind = 'capture_started' AND fresh)`,
    ...(since === undefined ? [] : [`end >= toStartOfMinute(${momentLiteral(since)})`]),
    ...(until === undefined ? [] : [`end < ${momentLiteral(until)}`]),
    'NOT is_template',
  ].join(' AND ');
}

/** Conditions on rs_minute; its minutes are whole. */
export function ofMinutes(values: Values): string {
  const { since, until } = values;
  return (
    [
      ...narrowed(values, 'addr'),
      ...(since === undefined ? [] : [`minute >= toStartOfMinute(${momentLiteral(since)})`]),
      ...(until === undefined ? [] : [`minute < ${momentLiteral(until)}`]),
    ].join(' AND ') || 'true'
  );
}

/** Conditions on conn_events and incidents. */
export function ofEvents(values: Values): string {
  return [...narrowed(values, 'addr'), isWithin(values.since, values.until)].join(' AND ');
}

/** `tcp 192.0.2.1:80`, `fwmark 7 ipv6` of rs_minute and incidents, which have neither a family nor names of protocols. */
export function virtualText(): string {
  const name = `transform(protocol, [1, 6, 17, 33, 47, 50, 51, 58, 132, 136], ['icmp', 'tcp', 'udp', 'dccp', 'gre', 'esp', 'ah', 'icmpv6', 'sctp', 'udplite'], toString(protocol))`;
  return `if(fwmark != 0, ${markText('virtual_addr')}, concat(${name}, ' ', ${endpointText('virtual')}))`;
}

/** `fwmark 7`, `fwmark 7 ipv6`: the family is that of the address which the client used. */
function markText(address: string): string {
  return `concat('fwmark ', toString(fwmark), if(${address} > toIPv6('::ffff:255.255.255.255'), ' ipv6', ''))`;
}

/** `10.0.0.1:80` of the texts that the view connections has. */
export function viewEndpoint(name: string): string {
  return `concat(if(position(${name}_addr, ':') > 0, concat('[', ${name}_addr, ']'), ${name}_addr), ':', toString(${name}_port))`;
}

/** `tcp 192.0.2.1:80`, `fwmark 7 ipv6` of the view connections. */
export function viewService(): string {
  return `if(fwmark != 0, ${markText('virtual_ip')}, concat(lower(protocol_name), ' ', ${viewEndpoint('virtual')}))`;
}

const STEPS = [60, 300, 900, 3600, 4 * 3600, 86_400];

/** How long a piece of a picture's time is, s: whole minutes, about a hundred pieces. */
export function stepOf({ since = 0, until = Date.now() }: Values): number {
  const wanted = (until - since) / 1000 / 110;
  return STEPS.find((step) => step >= wanted) ?? 7 * 86_400;
}

/** ms since 1970 of the begin of the piece that a column's time is in. */
export function pieceOf(column: string, step: number): string {
  return `intDiv(toUnixTimestamp(${column}), ${step}) * ${step} * 1000`;
}

/** What names a loss among rows of control_events: one that is told twice has the same, and its largest `lost` counts. */
export const LOSS_IDENTITY = "if(loss_id = '', concat(epoch, ' ', toString(sequence)), loss_id)";
