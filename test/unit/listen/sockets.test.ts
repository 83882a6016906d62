import { expect, it } from 'vitest';
import { Slots, sendMs } from '../../../src/listen/limits.js';
import { Sockets } from '../../../src/listen/sockets.js';

it('a socket without a whole request gives way to a new one, the oldest first', () => {
  const sockets = new Sockets<string>(3);
  let whole = false;
  expect(['a', 'b', 'c'].map((name) => sockets.opened(name))).toEqual([undefined, undefined, undefined]);
  sockets.asked('a', () => whole);
  whole = true;
  expect(sockets.opened('d')).toBe('b');
  sockets.answered('a');
  // Since its answer it has waited for less time than the others.
  expect(sockets.opened('e')).toBe('c');
  sockets.closed('d');
  expect(sockets.opened('f')).toBeUndefined();
  whole = false;
  sockets.asked('a', () => whole);
  expect(sockets.opened('g')).toBe('a');
});

it('when all are being answered the new one is closed', () => {
  const sockets = new Sockets<string>(2);
  for (const name of ['a', 'b']) {
    sockets.opened(name);
    sockets.asked(name, () => true);
  }
  expect(sockets.opened('c')).toBe('c');
  sockets.closed('c');
  sockets.asked('c', () => true);
  sockets.answered('a');
  expect(sockets.opened('d')).toBe('a');
});

it('slots are given back once', () => {
  const slots = new Slots(2);
  const [one, two] = [slots.take(), slots.take()];
  expect(slots.take()).toBeUndefined();
  one?.();
  one?.();
  expect([slots.take() === undefined, slots.take() === undefined]).toEqual([false, true]);
  two?.();
  expect(slots.take()).toBeDefined();
});

it('a larger answer may be read for longer', () => {
  expect([sendMs(0), sendMs(1024 * 1024)]).toEqual([30_000, 32_000]);
});
