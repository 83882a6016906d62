import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress, formatEndpoint, parseAddress } from '../../../src/cli/address.js';
import type { LogEvent } from '../../../src/cli/event.js';
import { eventsOf } from '../../../src/cli/event.js';
import { plainEvent } from '../../../src/cli/event-json.js';
import { prettyEvent } from '../../../src/cli/event-text.js';
import { eventFilter, groupsFor } from '../../../src/cli/filter.js';
import { parsePlace } from '../../../src/cli/place.js';
import { parseWhere } from '../../../src/cli/where.js';
import { crc32c } from '../../../src/wire/crc32c.js';
import { toLong, v1 } from '../../../src/wire/proto.js';

const address16 = fc.oneof(
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  fc.uint8Array({ minLength: 4, maxLength: 4 }).map((four) => Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...four])),
);

describe('addresses', () => {
  it('are the same after they were written and read', () => {
    fc.assert(
      fc.property(address16, (bytes) => {
        expect(parseAddress(formatAddress(bytes))).toEqual(bytes);
      }),
    );
  });

  it('are the prefix that they are written with', () => {
    fc.assert(
      fc.property(address16, fc.nat(128), fc.option(fc.nat(65_535), { nil: undefined }), (bytes, length, port) => {
        const text = formatAddress(bytes);
        const offset = text.includes(':') ? 0 : 96;
        const prefix = Math.min(length, 128 - offset);
        expect(parsePlace(`${text}/${prefix}`)).toEqual({ address: bytes, prefix: prefix + offset, port: undefined });
        if (port !== undefined) expect(parsePlace(formatEndpoint(bytes, port))).toEqual({ address: bytes, prefix: 128, port });
      }),
    );
  });

  it.each(['', 'x', '10.0.0', '10.0.0.1/33', '::/129', '10.0.0.1:65536', '[10.0.0.1', '1.2.3.4:'])('%j is none', (text) => {
    expect(parsePlace(text)).toBeUndefined();
  });
});

function events(...wanted: Parameters<typeof v1.ConnEvent.encodeDelimited>[0][]): LogEvent[] {
  const body = Buffer.concat(wanted.map((event) => v1.ConnEvent.encodeDelimited(event).finish()));
  const count = wanted.length;
  return [
    ...eventsOf({
      record: 'conn',
      node: 'n',
      epoch: 'e',
      first: 1n,
      last: BigInt(count),
      count,
      crc32c: crc32c(body),
      filtered: false,
      body,
    }),
  ];
}

const expire = {
  kind: v1.EventKind.Value.expire,
  time_ns: toLong(1_700_000_000_123_456_789n),
  sequence: toLong(7n),
  conn_id: toLong(2n ** 63n + 1n),
  protocol: 6,
  family: 4,
  client_addr: parseAddress('10.1.2.3') ?? new Uint8Array(),
  client_port: 4000,
  virtual_addr: parseAddress('192.0.2.1') ?? new Uint8Array(),
  virtual_port: 80,
  real_addr: parseAddress('2001:db8::1') ?? new Uint8Array(),
  real_port: 8080,
  reason: v1.EndReason.Value.nodest,
};

describe('filters', () => {
  const [event] = events(expire) as [LogEvent];
  it('are one test a flag, and all must hold', () => {
    expect(eventFilter({})).toBeUndefined();
    expect(eventFilter({ reason: ['nodest', 'flushed'] })).toEqual(parseWhere('reason in (nodest, flushed)'));
    expect(eventFilter({ kind: ['expire'], protocol: ['tcp', '17'], where: 'weight = 0 or quiesced' })).toEqual(
      parseWhere('kind = expire and protocol in (tcp, udp) and (weight = 0 or quiesced = yes)'),
    );
  });

  it('say in a sentence what is wrong', () => {
    expect(() => eventFilter({ kind: ['expird'] })).toThrow(/^--kind is "expird": it must be one of .*did you mean expire\?$/);
    expect(() => eventFilter({ client: ['x'] })).toThrow(/^--client is "x": it must be an address/);
    expect(() => eventFilter({ protocol: ['999'] })).toThrow(/--protocol/);
    expect(() => eventFilter({ where: 'clint = 1' })).toThrow(
      /^--where cannot be read: at column 1: "clint" is no field: did you mean client\?$/,
    );
  });

  it('narrow the subscription only where a group says the same', () => {
    expect(groupsFor({ kind: ['expire', 'sched_fail'] })).toEqual(['conn_expire', 'sched_fail']);
    expect(groupsFor({ kind: ['expire', 'loss'] })).toEqual([]);
    expect(groupsFor({})).toEqual([]);
  });

  it('show an event as a line and as an object', () => {
    expect(prettyEvent(event)).toContain('tcp 10.1.2.3:4000 > 192.0.2.1:80 > [2001:db8::1]:8080, server removed (nodest, ');
    expect(plainEvent(event)).toMatchObject({
      kind: 'expire',
      time: '2023-11-14T22:13:20.123456789Z',
      conn_id: '9223372036854775809',
      sequence: 7,
      client_addr: '10.1.2.3',
      real_addr: '2001:db8::1',
      reason: 'nodest',
      outcome: 'server_removed',
    });
  });
});
