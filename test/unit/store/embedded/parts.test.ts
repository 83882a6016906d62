import { describe, expect, it } from 'vitest';
import { isHeldBy } from '../../../../src/store/embedded/parts.js';

describe('a part', () => {
  it.each<[name: string, there: string[]]>([
    ['all_1_4_1', ['all_1_1_0', 'all_2_2_0', 'all_3_3_0', 'all_4_4_0']],
    ['all_1_4_2', ['all_1_3_1', 'all_2_2_0', 'all_4_4_0', 'all_5_5_0']],
    ['all_1_4_1_9', ['all_1_4_1']],
    ['all_2_4_1', ['all_1_4_2']],
    ['all_2_4_1', ['all_1_3_1', 'all_4_9_2']],
    ['20260101_7_8_1', ['20260101_7_7_0', '20260101_8_8_0', '20260102_9_9_0']],
  ])('the rows of %s are held by %j', (name, there) => {
    expect(isHeldBy(name, there)).toBe(true);
  });

  it.each<[name: string, there: string[]]>([
    ['all_1_4_1', []],
    ['all_1_4_1', ['all_1_4_1']],
    ['all_1_4_1', ['all_1_1_0', 'all_2_2_0', 'all_4_4_0']],
    ['all_1_4_1', ['all_1_1_0', 'all_2_2_0', 'all_3_3_0']],
    ['20260101_7_8_1', ['20260101_7_7_0', '20260102_8_8_0']],
    ['tmp_merge_all_1_4_1', ['all_1_4_1']],
  ])('not all rows of %s are held by %j', (name, there) => {
    expect(isHeldBy(name, there)).toBe(false);
  });
});
