import { expect, it } from 'vitest';
import { Room } from '../../../../src/store/embedded/room.js';

it('answers share what there is, each up to its limit', () => {
  const room = new Room(250, 100);
  const [first, second, third] = [room.take(), room.take(), room.take()];
  expect([first, second, third].map((one) => one?.bytes)).toEqual([100, 100, 50]);
  expect(room.take()).toBeUndefined();
  first?.settle(30);
  const fourth = room.take();
  expect(fourth?.bytes).toBe(70);
  second?.free();
  second?.free();
  second?.settle(100);
  expect(room.take()?.bytes).toBe(100);
  expect(room.take()).toBeUndefined();
  // Nothing becomes larger than it was allowed to be.
  fourth?.settle(1000);
  expect(room.take()).toBeUndefined();
});
