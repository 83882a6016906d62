import { expect, it } from 'vitest';
import { Links } from '../../../src/console/links.js';

it('a code works once, and only for as long as it was made for', () => {
  let now = 1000;
  const links = new Links(() => now);
  const [one, two, three] = [links.make(60_000), links.make(60_000), links.make(600_000)];
  expect(new Set([one, two, three]).size).toBe(3);
  expect(one).toMatch(/^[\w-]{43}$/);
  expect(links.use(one)).toBe(true);
  expect(links.use(one)).toBe(false);
  now += 60_000;
  expect(links.use(two)).toBe(false);
  expect(links.use(three)).toBe(true);
  expect(links.use('')).toBe(false);
});

it('so many are outstanding, and the oldest gives way', () => {
  let now = 0;
  const links = new Links(() => now);
  const codes = Array.from({ length: 17 }, () => links.make(1000));
  expect(codes.map((code) => links.use(code))).toEqual([false, ...Array<boolean>(16).fill(true)]);
  // Those that are over take no place.
  for (let i = 0; i < 16; i++) links.make(1000);
  now = 1000;
  const late = Array.from({ length: 16 }, () => links.make(1000));
  expect(late.every((code) => links.use(code))).toBe(true);
});
