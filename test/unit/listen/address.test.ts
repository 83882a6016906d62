import { expect, it } from 'vitest';
import { parseListen } from '../../../src/listen/address.js';

it.each([
  ['127.0.0.1:8123', '127.0.0.1', 8123],
  ['[::1]:8123', '::1', 8123],
  ['[::ffff:10.0.0.1]:1', '::ffff:10.0.0.1', 1],
  ['lb-1.example:0', 'lb-1.example', 0],
  ['0.0.0.0:65535', '0.0.0.0', 65_535],
])('%s is an address to listen at', (text, host, port) => {
  expect(parseListen(text)).toEqual({ host, port });
});

it.each([
  '',
  ':8123',
  '127.0.0.1',
  '127.0.0.1:',
  '127.0.0.1:65536',
  '127.0.0.1:123456',
  '::1:8123',
  '[::1]',
  '[host]:80',
  'a b:80',
  'http://a:80',
])('%j is none', (text) => expect(parseListen(text)).toBeUndefined());
