import { expect, it } from 'vitest';
import { Heartbeat } from '../../../../src/store/embedded/heartbeat.js';

const OPTIONS = { everyMs: 1000, deadlineMs: 2000, misses: 2 };

/** Looks once a second from `from`, and sends a beat each time; `answer` says whether one is answered. Returns the second in which the engine counts as dead. */
function deadAt(heartbeat: Heartbeat, from: number, until: number, answer: (second: number) => boolean): number | undefined {
  for (let second = from; second <= until; second++) {
    if (heartbeat.isDead(second * 1000)) return second;
    const beat = heartbeat.send(second * 1000);
    if (answer(second)) heartbeat.answered(beat, second * 1000);
  }
  return undefined;
}

it('an engine that answers lives, and one that falls silent is dead within five seconds', () => {
  const heartbeat = new Heartbeat(OPTIONS, 0);
  expect(deadAt(heartbeat, 1, 10, () => true)).toBeUndefined();
  expect(deadAt(heartbeat, 11, 30, () => false)).toBe(14);
});

it('one missed beat is none, and a late answer proves life', () => {
  const heartbeat = new Heartbeat(OPTIONS, 0);
  expect(deadAt(heartbeat, 1, 60, (second) => second % 3 === 0)).toBeUndefined();
  const slow = new Heartbeat(OPTIONS, 0);
  const late: number[] = [];
  for (let second = 1; second <= 60; second++) {
    expect(slow.isDead(second * 1000)).toBe(false);
    // Each answer comes after its deadline, when the next beat has not missed its own.
    for (const beat of late.splice(0)) slow.answered(beat, second * 1000);
    if (second % 4 === 1) late.push(slow.send(second * 1000));
  }
});

it('a process that got no time itself counts no beat of that time as missed', () => {
  const heartbeat = new Heartbeat(OPTIONS, 0);
  expect(deadAt(heartbeat, 1, 3, (second) => second < 2)).toBeUndefined();
  // A minute later the answers are there, but have not been read.
  expect(heartbeat.isDead(63_000)).toBe(false);
  expect(heartbeat.isDead(64_000)).toBe(false);
  // None was there.
  expect(deadAt(heartbeat, 65, 80, () => false)).toBe(65);
});

it('a beat beside the others, sent on a suspicion, changes nothing', () => {
  const heartbeat = new Heartbeat(OPTIONS, 0);
  heartbeat.send(100);
  expect(heartbeat.isDead(1000)).toBe(false);
  heartbeat.answered(heartbeat.send(1000), 1000);
  expect(deadAt(heartbeat, 2, 10, () => true)).toBeUndefined();
});

it('an engine whose answers take long gets more time for them, until they are quick again', () => {
  const heartbeat = new Heartbeat(OPTIONS, 0);
  heartbeat.answered(heartbeat.send(0), 1500);
  expect(deadAt(heartbeat, 1, 5, () => true)).toBeUndefined();
  expect(deadAt(heartbeat, 6, 60, () => false)).toBe(13);
  const recovered = new Heartbeat(OPTIONS, 0);
  recovered.answered(recovered.send(0), 1500);
  expect(deadAt(recovered, 1, 100, () => true)).toBeUndefined();
  expect(deadAt(recovered, 101, 160, () => false)).toBe(104);
});
