import { expect, it } from 'vitest';
import { secretOf } from '../../../src/listen/authorization.js';

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

it.each([
  ['Bearer a-token', 'a-token'],
  ['bearer a-token', 'a-token'],
  [basic('anybody:a:token'), 'a:token'],
  [basic(':a-token'), 'a-token'],
  [basic('a-token'), 'a-token'],
])('%s has a secret', (header, secret) => expect(secretOf(header)).toBe(secret));

it.each(['Bearer ', 'Bearer  two', 'Bearer a b', 'Digest x', 'a-token'])('%s has one that is nobody’s', (header) =>
  expect(secretOf(header)).toBe(''),
);

it.each([undefined, ''])('%j has none', (header) => expect(secretOf(header)).toBeUndefined());
