import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SequenceSet, type Span } from '../../../../src/sink/file/sequences.js';
import { SequenceBits } from '../../../../src/sink/kafka/sequence-bits.js';

const spans = fc.array(
  fc.tuple(fc.integer({ min: 65_400, max: 65_700 }), fc.integer({ min: 0, max: 40 })).map(([first, more]): Span => [first, first + more]),
  { maxLength: 40 },
);

it('holds what was added, in whatever order, and forgets from below', () => {
  fc.assert(
    fc.property(spans, fc.integer({ min: 65_390, max: 65_750 }), (added, last) => {
      const bits = new SequenceBits();
      for (const [first, end] of added) bits.add(first, end);
      const set = new SequenceSet(added);
      expect(bits.missing(65_300, 65_800)).toEqual(set.missing(65_300, 65_800));
      expect(bits.spans(1000)).toEqual(set.spans);
      expect(bits.empty).toBe(added.length === 0);
      bits.forget(last);
      const rest = set.spans.filter(([, end]) => end > last).map(([first, end]): Span => [Math.max(first, last + 1), end]);
      expect(bits.spans(1000)).toEqual(rest);
      expect(bits.empty).toBe(rest.length === 0);
    }),
  );
});

it('takes a million events that come from six partitions, one after the other, and says when there are too many spans', () => {
  const bits = new SequenceBits();
  for (let partition = 0; partition < 6; partition++)
    for (let sequence = 1 + partition; sequence <= 1_000_000; sequence += 6) bits.add(sequence, sequence);
  expect(bits.spans(1)).toEqual([[1, 1_000_000]]);
  bits.add(2_000_000, 2_000_000);
  expect(bits.spans(1)).toBeUndefined();
  expect(bits.missing(999_999, 2_000_001)).toEqual([
    [1_000_001, 1_999_999],
    [2_000_001, 2_000_001],
  ]);
});
