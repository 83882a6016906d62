import { statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, it } from 'vitest';
import { optionOf } from '../../../../src/config/schema.js';
import { BadValue, parseRoom, parseValue } from '../../../../src/config/value.js';
import { roomOf, tooFull } from '../../../../src/store/embedded/disk.js';

it('takes sizes and parts of the disk, and nothing else', () => {
  expect(parseRoom('5%')).toEqual({ share: 0.05 });
  expect(parseRoom('0')).toEqual({ bytes: 0 });
  expect(parseRoom('1.5G')).toEqual({ bytes: 1.5 * 1024 ** 3 });
  const option = optionOf('store.keep_free');
  expect(parseValue(option, ' 10% ')).toBe('10%');
  expect(parseValue(option, 1048576)).toBe('1048576');
  for (const wrong of ['', '91%', '-1', '5 percent', '%', true, '1e3'])
    expect(() => parseValue(option, wrong), String(wrong)).toThrow(BadValue);
  expect(() => parseValue(option, '200%')).toThrow('it must be a size, such as 500M or 2G, or a part of the disk from 0% to 90%');
});

it('leaves room for what the next segment takes, too', () => {
  const room = { freeBytes: 1000, keepFreeBytes: 600 };
  expect(tooFull('/s', room, 200)).toBeUndefined();
  expect(tooFull('/s', room, 201)).toMatch(/^The disk of the store \/s has 1000 B free, and 600 B are to stay so \(store\.keep_free\)/);
  expect(tooFull('/s', { freeBytes: 0, keepFreeBytes: 0 }, 5)).toBeUndefined();
  const { blocks, bsize } = statfsSync(tmpdir());
  expect(roomOf(tmpdir(), { share: 0.5 }).keepFreeBytes).toBe(Math.ceil((blocks * bsize) / 2));
});
