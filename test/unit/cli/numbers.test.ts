import { expect, it } from 'vitest';
import { elapsed, share, size, whole } from '../../../src/cli/numbers.js';

it.each([
  [0, '0'],
  [999, '999'],
  [1000, '1 000'],
  [1234567, '1 234 567'],
])('whole(%d)', (value, text) => expect(whole(value)).toBe(text));

it.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1536, '1.5 KiB'],
  [200 * 1024 ** 2, '200 MiB'],
])('size(%d)', (value, text) => expect(size(value)).toBe(text));

it.each([
  [5, '5 ns'],
  [1_500_000, '1.5 ms'],
  [2e9, '2 s'],
  [90e9, '1.5 min'],
  [7200e9, '2 h'],
  [2 * 86_400e9, '2 d'],
])('elapsed(%d)', (value, text) => expect(elapsed(value)).toBe(text));

it('share', () => {
  expect(share(1, 0)).toBe('none');
  expect(share(512, 1024)).toBe('50 % of 1.0 KiB');
});
