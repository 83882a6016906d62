import { expect, it } from 'vitest';
import { Sessions } from '../../../src/console/sessions.js';

const pair = (set: string): string => set.split(';')[0] ?? '';

it('a session is a cookie that no script, no other site and no other collector has', () => {
  const sessions = new Sessions();
  const set = sessions.begin();
  expect(set).toMatch(/^vslog-[0-9a-f]{12}=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/);
  expect(sessions.has(pair(set))).toBe(true);
  expect(sessions.has(`a=b; ${pair(set)};c`)).toBe(true);
  const other = new Sessions();
  expect(pair(other.begin()).split('=')[0]).not.toBe(pair(set).split('=')[0]);
  expect(other.has(pair(set))).toBe(false);
  for (const wrong of [undefined, '', pair(set).slice(0, -1), `${pair(set)}x`, 'vslog=1']) expect(sessions.has(wrong)).toBe(false);
});

it('a session ends after half a day', () => {
  let now = 0;
  const sessions = new Sessions(() => now);
  const set = pair(sessions.begin());
  now = 12 * 3_600_000 - 1;
  expect(sessions.has(set)).toBe(true);
  now++;
  expect(sessions.has(set)).toBe(false);
});

it('so many browsers are let in, and the first gives way', () => {
  const sessions = new Sessions();
  const all = Array.from({ length: 65 }, () => pair(sessions.begin()));
  expect(all.map((one) => sessions.has(one))).toEqual([false, ...Array<boolean>(64).fill(true)]);
});
