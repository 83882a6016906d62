import { describe, expect, it } from 'vitest';
import { largest, smallest } from '../../../src/plot/extremes.js';

describe('the extremes of values', () => {
  it('are found of more values than a call takes arguments', () => {
    const many = Array.from({ length: 1_000_000 }, (_, i) => (i * 7919) % 1_000_003);
    expect(() => Math.max(...many)).toThrow(RangeError);
    expect([smallest(many, -1), largest(many, -1)]).toEqual([0, 1_000_002]);
  });

  it('are what is said of no values', () => {
    expect([smallest([], 5), largest([], 7)]).toEqual([5, 7]);
    expect([smallest([-3, -2], 0), largest([-3, -2], 0)]).toEqual([-3, -2]);
  });
});
