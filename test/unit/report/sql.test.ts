import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../../src/cli/address.js';
import { placesOf, serviceFilterOf } from '../../../src/cli/place.js';
import type { Values } from '../../../src/report/report.js';
import {
  addressLiteral,
  forgottenConnections,
  isOfService,
  isWithin,
  momentLiteral,
  narrowed,
  ofEvents,
  ofMinutes,
  pieceOf,
  presentConnections,
  stepOf,
} from '../../../src/report/sql.js';

const four = (text: string): string => `toIPv6('0000:0000:0000:0000:0000:ffff:${text}')`;
const TIME = { since: 60_000, until: 120_000 };
const [SINCE, UNTIL] = ["fromUnixTimestamp64Milli(toInt64(60000), 'UTC')", "fromUnixTimestamp64Milli(toInt64(120000), 'UTC')"];

describe('conditions by what a person said', () => {
  it('are none where nothing was said', () => {
    expect(narrowed({}, 'addr')).toEqual([]);
    expect(ofMinutes({})).toBe('true');
    expect(ofEvents({})).toBe('true');
    expect(isWithin(undefined, undefined)).toBe('true');
    expect(presentConnections({})).toBe('NOT is_template');
  });

  it('are of the columns that a table has', () => {
    const values: Values = {
      service: serviceFilterOf('vs', 'udp 192.0.2.1:53'),
      real: placesOf('rs', '[2001:db8::7]:8080'),
      client: placesOf('client', '198.51.100.7'),
      node: 'lb1',
    };
    expect(narrowed(values, 'addr')).toEqual([
      `(fwmark = 0 AND protocol = 17 AND virtual_addr = ${four('c000:0201')} AND virtual_port = 53)`,
      "real_addr = toIPv6('2001:0db8:0000:0000:0000:0000:0000:0007') AND real_port = 8080",
      `client_addr = ${four('c633:6407')}`,
      "node = 'lb1'",
    ]);
    expect(narrowed(values, 'ip')).toEqual(narrowed(values, 'addr').map((sql) => sql.replace(/_addr/g, '_ip')));
  });

  it('are a mark alone for a service of one, and a range for a network', () => {
    const client = placesOf('client', '198.51.100.0/24');
    expect(narrowed({ service: serviceFilterOf('vs', 'fwmark 7 ipv6'), client }, 'ip')).toEqual([
      `(fwmark = 7 AND virtual_ip > toIPv6('::ffff:255.255.255.255'))`,
      `client_ip BETWEEN ${four('c633:6400')} AND ${four('c633:64ff')}`,
    ]);
    expect(narrowed({ service: serviceFilterOf('vs', 'fwmark 7 ipv6') }, 'addr', true)).toEqual(['(fwmark = 7 AND family = 6)']);
  });

  it('are one of several places; a port alone has no address', () => {
    expect(narrowed({ real: placesOf('rs', '10.0.0.7,:8080') }, 'addr')).toEqual([
      `((real_addr = ${four('0a00:0007')}) OR (real_port = 8080))`,
    ]);
    expect(narrowed({ service: serviceFilterOf('vs', '192.0.2.1') }, 'ip')).toEqual([`(fwmark = 0 AND virtual_ip = ${four('c000:0201')})`]);
    expect(isOfService(serviceFilterOf('vs', 'fwmark 7'), 'addr', true)).toBe('(fwmark = 7)');
  });

  it('quote what a person wrote', () => {
    expect(narrowed({ node: "l'b\\1' OR 1=1 --" }, 'addr')).toEqual(["node = 'l\\'b\\\\1\\' OR 1=1 --'"]);
  });
});

describe('conditions of time', () => {
  it('begin with the first moment and end before the last', () => {
    expect(isWithin(60_000, undefined)).toBe(`time_ns >= ${SINCE}`);
    expect(isWithin(undefined, 120_000)).toBe(`time_ns < ${UNTIL}`);
    expect(ofEvents(TIME)).toBe(`time_ns >= ${SINCE} AND time_ns < ${UNTIL}`);
    expect(momentLiteral(60_000)).toBe(SINCE);
  });

  it('take connections that were there at some moment of it', () => {
    expect(presentConnections(TIME)).toBe(`(end >= ${SINCE} OR is_open) AND start < ${UNTIL} AND NOT is_template`);
  });

  it('take whole minutes from rs_minute, and connections that were forgotten by the same minutes', () => {
    expect(ofMinutes(TIME)).toBe(`minute >= toStartOfMinute(${SINCE}) AND minute < ${UNTIL}`);
    expect(forgottenConnections(TIME)).toContain(`end >= toStartOfMinute(${SINCE}) AND end < ${UNTIL} AND NOT is_template`);
  });
});

describe('a picture of some time', () => {
  const HOUR = 3_600_000;
  it.each([
    ['a minute', 60_000, 60],
    ['an hour', HOUR, 60],
    ['110 minutes', 110 * 60_000, 60],
    ['a little more', 110 * 60_000 + 1, 300],
    ['a day', 24 * HOUR, 900],
    ['a week', 7 * 24 * HOUR, 4 * 3600],
    ['a month', 30 * 24 * HOUR, 86_400],
    ['ten years', 3650 * 24 * HOUR, 7 * 86_400],
  ])('of %s has pieces of whole minutes, about a hundred', (_what, length, step) => {
    expect(stepOf({ since: 5, until: 5 + length })).toBe(step);
  });

  it('has pieces that begin at whole multiples of their length', () => {
    expect(pieceOf('minute', 300)).toBe('intDiv(toUnixTimestamp(minute), 300) * 300 * 1000');
  });
});

it('an address is written whole', () => {
  expect(addressLiteral(parseAddress('::1') as Uint8Array)).toBe("toIPv6('0000:0000:0000:0000:0000:0000:0000:0001')");
  expect(addressLiteral(parseAddress('10.0.0.1') as Uint8Array)).toBe(four('0a00:0001'));
});
