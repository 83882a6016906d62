import { expect, it } from 'vitest';
import { Sessions } from '../../../src/console/sessions.js';

const pair = (set: string): string => set.split(';')[0] ?? '';

it('a session is a cookie that no script, no other site and no other collector has', () => {
  const sessions = new Sessions();
  const set = sessions.begin();
  expect(set).toMatch(/^vslog-[0-9a-f]{12}=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/);
  expect(sessions.endOf(pair(set))).toBeGreaterThan(Date.now());
  expect(sessions.endOf(`a=b; ${pair(set)};c`)).toBe(sessions.endOf(pair(set)));
  const other = new Sessions();
  expect(pair(other.begin()).split('=')[0]).not.toBe(pair(set).split('=')[0]);
  expect(other.endOf(pair(set))).toBeUndefined();
  for (const wrong of [undefined, '', pair(set).slice(0, -1), `${pair(set)}x`, 'vslog=1']) expect(sessions.endOf(wrong)).toBeUndefined();
});

it('a session ends after half a day', () => {
  let now = 0;
  const sessions = new Sessions(() => now);
  const set = pair(sessions.begin());
  now = 12 * 3_600_000 - 1;
  expect(sessions.endOf(set)).toBe(12 * 3_600_000);
  now++;
  expect(sessions.endOf(set)).toBeUndefined();
});

it('so many browsers are let in, and the first gives way', () => {
  const sessions = new Sessions();
  const all = Array.from({ length: 65 }, () => pair(sessions.begin()));
  expect(all.map((one) => sessions.endOf(one) !== undefined)).toEqual([false, ...Array<boolean>(64).fill(true)]);
});
