import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SequenceSet } from '../../../../src/sink/file/sequences.js';

describe('SequenceSet', () => {
  it('is what a set of numbers would be', () => {
    const span = fc
      .tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 9 }))
      .map(([first, more]) => [first, first + more] as const);
    void fc.assert(
      fc.property(fc.array(span, { maxLength: 30 }), span, (spans, [first, last]) => {
        const set = new SequenceSet();
        const plain = new Set<number>();
        for (const [from, to] of spans) {
          const before = plain.size;
          for (let n = from; n <= to; n++) plain.add(n);
          expect(set.add(from, to)).toBe(plain.size - before);
        }
        expect(set.size).toBe(plain.size);
        const missing = set.missing(first, last).flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, i) => from + i));
        expect(missing).toEqual(Array.from({ length: last - first + 1 }, (_, i) => first + i).filter((n) => !plain.has(n)));
        for (let n = 0; n <= 75; n++) expect(set.has(n)).toBe(plain.has(n));
        for (const [i, [, end]] of set.spans.entries()) expect(set.spans[i + 1]?.[0] ?? Number.POSITIVE_INFINITY).toBeGreaterThan(end + 1);
      }),
      { numRuns: 1000 },
    );
  });
});
