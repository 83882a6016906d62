import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress, formatEndpoint, parseAddress, parseEndpointTest } from '../../../src/cli/address.js';
import type { LogEvent } from '../../../src/cli/event.js';
import { eventsOf } from '../../../src/cli/event.js';
import { plainEvent, prettyEvent } from '../../../src/cli/event-text.js';
import { eventFilter, groupsFor } from '../../../src/cli/filter.js';
import { crc32c } from '../../../src/wire/crc32c.js';
import { toLong, v1 } from '../../../src/wire/proto.js';

const address16 = fc.oneof(
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  fc.uint8Array({ minLength: 4, maxLength: 4 }).map((four) => Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...four])),
);

const bits = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');

describe('addresses', () => {
  it('are the same after they were written and read', () => {
    fc.assert(
      fc.property(address16, (bytes) => {
        expect(parseAddress(formatAddress(bytes))).toEqual(bytes);
      }),
    );
  });

  it('match a network exactly when the prefix bits are the same', () => {
    fc.assert(
      fc.property(address16, address16, fc.nat(128), fc.boolean(), (base, other, length, near) => {
        const text = formatAddress(base);
        const offset = text.includes(':') ? 0 : 96;
        const prefix = Math.min(length, 128 - offset);
        // A random address is hardly ever in a long network: half the time one is made that may be.
        const candidate = near ? Uint8Array.from(base, (byte, i) => (i * 8 >= prefix + offset - 4 ? (other[i] ?? 0) : byte)) : other;
        const test = parseEndpointTest(`${text}/${prefix}`);
        const expected = bits(candidate).slice(0, prefix + offset) === bits(base).slice(0, prefix + offset);
        expect(test?.(candidate, 1)).toBe(expected);
      }),
    );
  });

  it('match with their port, and only with it', () => {
    fc.assert(
      fc.property(address16, fc.nat(65535), fc.nat(65535), (bytes, port, other) => {
        const test = parseEndpointTest(formatEndpoint(bytes, port));
        expect(test?.(bytes, port)).toBe(true);
        expect(test?.(bytes, other)).toBe(other === port);
      }),
    );
  });

  it.each(['', 'x', '10.0.0', '10.0.0.1/33', '::/129', '10.0.0.1:65536', '[10.0.0.1', '1.2.3.4:'])('%j is none', (text) => {
    expect(parseEndpointTest(text)).toBeUndefined();
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
  it.each([
    [{}, true],
    [{ client: ['10.0.0.0/8'] }, true],
    [{ client: ['11.0.0.0/8', '10.1.2.3:4000'] }, true],
    [{ client: ['10.1.2.3:4001'] }, false],
    [{ vs: ['192.0.2.1:80'], rs: ['[2001:db8::1]:8080'] }, true],
    [{ vs: ['192.0.2.1:80'], rs: ['2001:db8::2'] }, false],
    [{ kind: ['create', 'expire'] }, true],
    [{ kind: ['create'] }, false],
    [{ reason: ['nodest'] }, true],
    [{ reason: ['timeout'] }, false],
    [{ protocol: ['tcp'] }, true],
    [{ protocol: ['17'] }, false],
  ])('%j: %s', (options, expected) => expect(eventFilter(options)(event)).toBe(expected));

  it('say in a sentence what is wrong', () => {
    expect(() => eventFilter({ kind: ['expird'] })).toThrow(/did you mean expire\?$/);
    expect(() => eventFilter({ client: ['x'] })).toThrow(/^--client is "x": it must be an address/);
    expect(() => eventFilter({ protocol: ['999'] })).toThrow(/--protocol/);
  });

  it('narrow the subscription only where a group says the same', () => {
    expect(groupsFor({ kind: ['expire', 'sched_fail'] })).toEqual(['conn_expire', 'sched_fail']);
    expect(groupsFor({ kind: ['expire', 'loss'] })).toEqual([]);
    expect(groupsFor({})).toEqual([]);
  });

  it('show an event as a line and as an object', () => {
    expect(prettyEvent(event)).toContain('tcp 10.1.2.3:4000 > 192.0.2.1:80 > [2001:db8::1]:8080, reason nodest');
    expect(plainEvent(event)).toMatchObject({
      kind: 'expire',
      time: '2023-11-14T22:13:20.123456789Z',
      conn_id: '9223372036854775809',
      sequence: 7,
      client_addr: '10.1.2.3',
      real_addr: '2001:db8::1',
      reason: 'nodest',
    });
  });
});
