import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../../src/cli/address.js';
import { type ConnFilterOptions, connFilter, isEmpty, parsePlace } from '../../../src/cli/conn-filter.js';
import { Failure } from '../../../src/cli/failure.js';

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

describe('a filter of connections', () => {
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

  it('takes times with a unit', () => {
    expect(connFilter({ olderThan: '5m', idle: '500ms' })).toMatchObject({ olderThanNs: 300_000_000_000n, idleNs: 500_000_000n });
    expect(sentence({ idle: '5' })).toBe('--idle is "5": it must be a time such as 500ms, 30s, 5m or 2h.');
    expect(sentence({ olderThan: 'long' })).toMatch(/^--older-than is "long": /);
  });

  it('is refused in one sentence that names the flag', () => {
    expect(sentence({ real: 'x' })).toMatch(/^--real is "x": it must be an address, .*\.$/);
    expect(sentence({ protocol: 'quic' })).toBe('--protocol is "quic": it must be tcp, udp, sctp or a number from 0 to 255.');
    expect(sentence({ fwmark: '0' })).toBe('--fwmark is "0": it must be a mark from 1 to 4294967295.');
  });

  it('knows when it matches everything', () => {
    expect(isEmpty(connFilter({}))).toBe(true);
    for (const options of [{ template: false }, { quiesced: true }, { fwmark: '7' }, { idle: '0' }] satisfies ConnFilterOptions[])
      expect(isEmpty(connFilter(options)), JSON.stringify(options)).toBe(false);
  });
});
