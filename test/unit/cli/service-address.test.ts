import { describe, expect, it } from 'vitest';
import { formatAddress } from '../../../src/cli/address.js';
import { exitCodeOf, sentence } from '../../../src/cli/failure.js';
import { formatServerKey, formatServiceKey, parseServerKey, parseServiceKey } from '../../../src/cli/service-address.js';

describe('a virtual service on the command line', () => {
  it.each([
    ['tcp 192.0.2.1:80', 'tcp 192.0.2.1:80'],
    ['tcp:192.0.2.1:80', 'tcp 192.0.2.1:80'],
    ['TCP://192.0.2.1:80', 'tcp 192.0.2.1:80'],
    ['192.0.2.1:80', 'tcp 192.0.2.1:80'],
    ['udp 192.0.2.1:53', 'udp 192.0.2.1:53'],
    ['sctp:192.0.2.1:5000', 'sctp 192.0.2.1:5000'],
    ['[2001:db8::1]:443', 'tcp [2001:db8::1]:443'],
    ['udp:[2001:db8:0::1]:53', 'udp [2001:db8::1]:53'],
    ['tcp [::ffff:192.0.2.1]:80', 'tcp 192.0.2.1:80'],
    ['fwmark 7', 'fwmark 7'],
    ['fwmark:7', 'fwmark 7'],
    ['fwmark://7', 'fwmark 7'],
    ['fwmark 7 ipv6', 'fwmark 7 ipv6'],
    ['fwmark:7:ipv6', 'fwmark 7 ipv6'],
  ])('%s is %s', (text, formatted) => {
    const key = parseServiceKey(text);
    expect(formatServiceKey(key)).toBe(formatted);
    expect(parseServiceKey(formatted)).toEqual(key);
  });

  it('has a family, and 16 bytes of address but with a mark', () => {
    expect(parseServiceKey('192.0.2.1:80')).toMatchObject({ protocol: 6, family: 4, port: 80, fwmark: 0 });
    expect(formatAddress(parseServiceKey('192.0.2.1:80').address)).toBe('192.0.2.1');
    expect(parseServiceKey('[2001:db8::1]:443').family).toBe(6);
    expect(parseServiceKey('fwmark 7 ipv6')).toEqual({ protocol: 0, family: 6, address: new Uint8Array(0), port: 0, fwmark: 7 });
  });

  it.each([
    '',
    'tcp',
    '192.0.2.1',
    'icmp 192.0.2.1:80',
    '192.0.2.1:70000',
    '[192.0.2.1]:80',
    '2001:db8::1:80',
    'fwmark 0',
    'fwmark 4294967296',
    'fwmark 7 ipv5',
  ])('%j is none', (text) => refuses(() => parseServiceKey(text)));
});

describe('a real server on the command line', () => {
  it.each(['10.0.0.1:8080', '[2001:db8::7]:80'])('%s', (text) => expect(formatServerKey(parseServerKey(text))).toBe(text));
  it.each(['', '10.0.0.1', 'tcp 10.0.0.1:80', '10.0.0.1:x', 'host:80'])('%j is none', (text) => refuses(() => parseServerKey(text)));
});

function refuses(action: () => unknown): void {
  try {
    action();
  } catch (error) {
    expect(exitCodeOf(error)).toBe(2);
    expect(sentence(error)).toMatch(/^[^\n]+\.$/);
    return;
  }
  expect.unreachable();
}
