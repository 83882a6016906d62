import { describe, expect, it } from 'vitest';
import { cutAnswer } from '../../../src/console/cut.js';

/** As the engine writes it, with what it says at the end. */
const answer = (data: readonly unknown[]): Buffer =>
  Buffer.from(
    `{"meta":[{"name":"n","type":"UInt64"}],"data":${JSON.stringify(data)},"rows":${data.length},"rows_before_limit_at_least":${data.length + 5}}`,
  );

describe('an answer that has more rows than are shown', () => {
  it('has the first of them, and says so', () => {
    const cut = JSON.parse(Buffer.from(cutAnswer(answer([['18446744073709551615'], ['2'], ['3']]), 2)).toString()) as unknown;
    expect(cut).toEqual({ meta: [{ name: 'n', type: 'UInt64' }], data: [['18446744073709551615'], ['2']], rows: 2, cut: true });
  });

  it('is as it came when it has no more', () => {
    for (const whole of [answer([['1'], ['2']]), answer([]), Buffer.from('1\t2\n'), Buffer.alloc(0)])
      expect(cutAnswer(whole, 2)).toBe(whole);
  });

  it('is not taken in by what its cells say', () => {
    const told = answer([['"rows": 99']]);
    expect(cutAnswer(told, 2)).toBe(told);
  });
});
