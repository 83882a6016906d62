import { expect, it } from 'vitest';
import { AddressSet, addressIn, withoutAddresses } from '../../../src/erase/target.js';
import { bytesOf, network } from '../support/people.js';

it('compares addresses as bytes, both ends of a network included', () => {
  const set = new AddressSet([network('203.0.113.0/24'), network('2001:db8::/126'), network('255.255.255.255')]);
  const has = (text: string): boolean => set.has(Buffer.from(bytesOf(text)), 0);
  expect(['203.0.113.0', '203.0.113.255', '2001:db8::', '2001:db8::3', '255.255.255.255'].map(has)).toEqual([true, true, true, true, true]);
  expect(['203.0.112.255', '203.0.114.0', '2001:db8::4', '::', '255.255.255.254'].map(has)).toEqual([false, false, false, false, false]);
});

it('finds an address in a word, alone and before a port', () => {
  expect(addressIn('10.0.0.1')?.length).toBe(8);
  expect(addressIn('10.0.0.1:80')?.length).toBe(8);
  expect(addressIn('2001:db8::1.')?.length).toBe(11);
  for (const word of ['10.0.0', '10.0.0.1.2', 'dead:beef', '1.2.3.4.5', '::g']) expect(addressIn(word), word).toBeUndefined();
});

it('writes over addresses only, each by as many letters', () => {
  const all = (text: string): string => withoutAddresses(text, () => true);
  expect(all('--client=10.0.0.1 --at 12:30 v1.2.3 [::1]:80, fd00::1/64')).toBe('--client=xxxxxxxx --at 12:30 v1.2.3 [xxx]:80, xxxxxxx/64');
  expect(all('nothing to see here: really.')).toBe('nothing to see here: really.');
  expect(withoutAddresses('10.0.0.1 10.0.0.2', (address) => address[15] === 2)).toBe('10.0.0.1 xxxxxxxx');
});
