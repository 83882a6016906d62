import { describe, expect, it } from 'vitest';
import { bytesShareText, bytesText, countText, durationText, elapsedText, percentText, plural } from '../../../src/text/format.js';

describe('numbers', () => {
  it.each([
    [0, '0'],
    [999, '999'],
    [12_345, '12,345'],
    [1_234_567_890, '1,234,567,890'],
    [1234.56, '1,234.6'],
    [-12_345, '-12,345'],
  ])('%d is %s', (value, text) => expect(countText(value)).toBe(text));

  it('are told with what they count', () => {
    expect([plural(1, 'row'), plural(0, 'row'), plural(2000, 'entry', 'entries'), percentText(0.125)]).toEqual([
      ...['1 row', '0 rows', '2,000 entries', '12.5 %'],
    ]);
  });
});

describe('bytes', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1536, '1.5 KiB'],
    [1024 * 120, '120 KiB'],
    [1024 * 1023.9, '1.0 MiB'],
    [1.5 * 1024 ** 3, '1.5 GiB'],
    [1024 ** 5 * 5000, '5000 PiB'],
  ])('%d are %s', (value, text) => expect(bytesText(value)).toBe(text));

  it('are a share of others', () => expect([bytesShareText(2, 64), bytesShareText(1, 0)]).toEqual(['3 % of 64 B', 'none']));
});

describe('lengths of time', () => {
  it.each([
    [0, '0 s'],
    [1e-9, '1 us'],
    [0.00035, '350 us'],
    [0.35, '350 ms'],
    [0.9999, '1 s'],
    [5, '5 s'],
    [1.5, '1.5 s'],
    [12.5, '13 s'],
    [59.6, '1 min'],
    [60, '1 min'],
    [200, '3 min 20 s'],
    [3599.7, '1 h'],
    [7500, '2 h 5 min'],
    [86_399, '1 d'],
    [4 * 86_400 + 3600, '4 d 1 h'],
    [86_400, '1 d'],
  ])('%d s are %s', (value, text) => expect(durationText(value)).toBe(text));

  it('may be given in ns', () => expect([elapsedText(1_500_000_000n), elapsedText(2_000_000)]).toEqual(['1.5 s', '2 ms']));
});
