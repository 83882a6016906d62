import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../../src/cli/address.js';
import { type ConnFilterOptions, connFilters, isEmpty } from '../../../src/cli/conn-filter.js';
import { Failure } from '../../../src/cli/failure.js';
import { parsePlace, parsePlaces, parseServiceFilter, withAddresses } from '../../../src/cli/place.js';
import type { ConnFilter } from '../../../src/wire/conn-filter.js';

const connFilter = (options: ConnFilterOptions): ConnFilter => {
  const [only, ...more] = connFilters(options);
  if (only === undefined || more.length > 0) throw new Error('not one filter');
  return only;
};

const address = (text: string): Uint8Array => parseAddress(text) ?? new Uint8Array(0);

describe('a place', () => {
  it('is an address, a network, an address with port, or a port', () => {
    expect(parsePlace('10.0.0.1')).toEqual({ address: address('10.0.0.1'), prefix: 128, port: undefined });
    expect(parsePlace('10.0.0.0/8')).toEqual({ address: address('10.0.0.0'), prefix: 104, port: undefined });
    expect(parsePlace('10.0.0.1:80')).toEqual({ address: address('10.0.0.1'), prefix: 128, port: 80 });
    expect(parsePlace('10.0.0.0/8:80')).toEqual({ address: address('10.0.0.0'), prefix: 104, port: 80 });
    expect(parsePlace('[2001:db8::1]:80')).toEqual({ address: address('2001:db8::1'), prefix: 128, port: 80 });
    expect(parsePlace('2001:db8::/32')).toEqual({ address: address('2001:db8::'), prefix: 32, port: undefined });
    expect(parsePlace(':443')).toEqual({ address: new Uint8Array(16), prefix: 0, port: 443 });
  });

  it('is nothing else', () => {
    for (const text of ['', 'host', '10.0.0.1:65536', '10.0.0.0/33', '2001:db8::/129', '[]:80', '10.0.0.1:', '10.0.0'])
      expect(parsePlace(text), text).toBeUndefined();
  });
});

describe('places', () => {
  it('may be several, with commas', () => {
    expect(parsePlaces('10.0.0.1, :80')).toEqual([parsePlace('10.0.0.1'), parsePlace(':80')]);
    expect(parsePlaces('10.0.0.1,')).toBeUndefined();
  });

  it('of a virtual service may have a protocol, or are a mark', () => {
    const places = [parsePlace('10.0.0.1:53')];
    expect(parseServiceFilter('10.0.0.1:53')).toEqual({ protocol: undefined, places });
    expect(parseServiceFilter('udp 10.0.0.1:53')).toEqual({ protocol: 17, places });
    expect(parseServiceFilter('UDP://10.0.0.1:53')).toEqual({ protocol: 17, places });
    expect(parseServiceFilter('tcp :80')).toEqual({ protocol: 6, places: [parsePlace(':80')] });
    expect(parseServiceFilter('fwmark 7')).toEqual({ mark: 7, family: undefined });
    expect(parseServiceFilter('fwmark 7 ipv6')).toEqual({ mark: 7, family: 6 });
    for (const text of ['fwmark 0', 'fwmark 4294967296', 'http 10.0.0.1:80', 'tcp', ''])
      expect(parseServiceFilter(text), text).toBeUndefined();
  });

  it('may be names: all addresses of each, with the port', async () => {
    expect(await withAddresses('10.0.0.1:80,[::1]:80,2001:db8::7,10.0.0.0/8,:80,fwmark 7')).toBe(
      '10.0.0.1:80,[::1]:80,2001:db8::7,10.0.0.0/8,:80,fwmark 7',
    );
    expect((await withAddresses('udp localhost:53')).split(',')).toContain('udp 127.0.0.1:53');
    expect((await withAddresses('10.0.0.9,localhost')).split(',')).toEqual(expect.arrayContaining(['10.0.0.9', '127.0.0.1']));
    await expect(withAddresses('no-such-host.invalid:80')).rejects.toThrow(/^The name "no-such-host\.invalid" cannot be resolved/);
  });
});

describe('a filter of connections', () => {
  it('is one for each combination of places; the old name of --rs goes on working', () => {
    const [a, b, client] = [parsePlace('10.0.0.7'), parsePlace(':8080'), parsePlace('10.1.0.1')];
    expect(connFilters({ rs: '10.0.0.7,:8080', client: '10.1.0.1', vs: 'udp 192.0.2.1:53' })).toMatchObject([
      { real: a, client, virtual: parsePlace('192.0.2.1:53'), protocol: 17 },
      { real: b, client, virtual: parsePlace('192.0.2.1:53'), protocol: 17 },
    ]);
    expect(connFilter({ real: '10.0.0.7' })).toEqual(connFilter({ rs: '10.0.0.7' }));
    expect(connFilter({ vs: 'fwmark 7' })).toMatchObject({ fwmark: 7, virtual: undefined });
    expect(sentence({ real: '10.0.0.7', rs: '10.0.0.7' })).toBe('--real is the old name of --rs: leave one out.');
    expect(sentence({ vs: 'udp 10.0.0.1:53', protocol: 'tcp' })).toBe('--vs names another protocol than --protocol.');
    expect(sentence({ vs: 'fwmark 7', fwmark: '8' })).toBe('--vs names another mark than --fwmark.');
  });

  const sentence = (options: ConnFilterOptions): string => {
    try {
      connFilter(options);
    } catch (error) {
      if (error instanceof Failure && error.exit === 2) return error.message;
      throw error;
    }
    return '';
  };

  it('knows states by the protocol', () => {
    expect(connFilter({ state: 'established' })).toMatchObject({ protocol: 6, state: 1 });
    expect(connFilter({ state: 'TIME-WAIT', protocol: 'tcp' })).toMatchObject({ protocol: 6, state: 5 });
    expect(connFilter({ state: 'ESTABLISHED', protocol: 'sctp' })).toMatchObject({ protocol: 132, state: 8 });
    expect(sentence({ state: 'ESTABLISHED', protocol: 'udp' })).toBe(
      '--state is "ESTABLISHED": it must be a state of udp (NORMAL) or its number.',
    );
    expect(sentence({ state: 'FIN_WAT' })).toMatch(/; did you mean FIN_WAIT\?$/);
  });

  it('takes a protocol by its name here, by the one of /etc/protocols, or by its number', () => {
    for (const protocol of ['icmpv6', 'ipv6-icmp', 'IPv6-ICMP', '58']) expect(connFilter({ protocol })).toMatchObject({ protocol: 58 });
  });

  it('takes times with a unit', () => {
    expect(connFilter({ olderThan: '5m', idle: '500ms' })).toMatchObject({ olderThanNs: 300_000_000_000n, idleNs: 500_000_000n });
    expect(sentence({ idle: '5' })).toBe('--idle is "5": it must be a time such as 500ms, 30s, 5m or 2h.');
    expect(sentence({ olderThan: 'long' })).toMatch(/^--older-than is "long": /);
  });

  it('is refused in one sentence that names the flag', () => {
    expect(sentence({ real: 'x y' })).toMatch(/^--real is "x y": it must be an address .*\.$/);
    expect(sentence({ protocol: 'quic' })).toBe('--protocol is "quic": it must be tcp, udp, sctp or a number from 0 to 255.');
    expect(sentence({ fwmark: '0' })).toBe('--fwmark is "0": it must be a mark from 1 to 4294967295.');
  });

  it('knows when it matches everything', () => {
    expect(isEmpty(connFilter({}))).toBe(true);
    for (const options of [{ template: false }, { quiesced: true }, { fwmark: '7' }, { idle: '0' }] satisfies ConnFilterOptions[])
      expect(isEmpty(connFilter(options)), JSON.stringify(options)).toBe(false);
  });
});
