import type { ServiceKey } from '../wire/administration.js';

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

/** Whether a record is of this virtual service. */
export function isOfService({ protocol, family, address, port, fwmark }: ServiceKey): string {
  if (fwmark !== 0) return `(fwmark = ${fwmark} AND family = ${family})`;
  // Two bytes a group make the long form of an IPv6 address.
  const text = (Buffer.from(address).toString('hex').match(/.{4}/g) ?? []).join(':');
  return `(fwmark = 0 AND protocol = ${protocol} AND virtual_addr = toIPv6('${text}') AND virtual_port = ${port})`;
}

/** Whether a record is of this time, ms. */
export function isWithin(since: number | undefined, until: number | undefined): string {
  const from = since === undefined ? [] : [`time_ns >= fromUnixTimestamp64Milli(toInt64(${since}), 'UTC')`];
  const to = until === undefined ? [] : [`time_ns < fromUnixTimestamp64Milli(toInt64(${until}), 'UTC')`];
  return [...from, ...to].join(' AND ') || 'true';
}
