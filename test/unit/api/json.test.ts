import { expect, it } from 'vitest';
import { count, toJson } from '../../../src/api/json.js';
import { toLong } from '../../../src/wire/proto.js';

it('a bigint is a number where a double holds it, else a text', () => {
  const safe = BigInt(Number.MAX_SAFE_INTEGER);
  expect(toJson({ small: 7n, most: safe, more: safe + 1n, least: -safe, less: -safe - 1n, deep: [{ n: 1n }], other: 'x' })).toBe(
    '{"small":7,"most":9007199254740991,"more":"9007199254740992","least":-9007199254740991,"less":"-9007199254740992","deep":[{"n":1}],"other":"x"}',
  );
  expect(toJson({ n: 1n }, 2)).toBe('{\n  "n": 1\n}');
});

it('a counter of a message is a number', () => {
  expect([count(toLong(0n)), count(toLong(123_456_789_012n)), count(7)]).toEqual([0, 123_456_789_012, 7]);
});
