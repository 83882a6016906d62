import { describe, expect, it } from 'vitest';
import { siphash128 } from '../../../../src/cli/key/siphash.js';

describe('siphash128', () => {
  // As in test/native/daemon/siphash_test.cc.
  it('is the reference implementation’s', () => {
    const counting = Uint8Array.from({ length: 16 }, (_, i) => i);
    expect(Buffer.from(siphash128(counting, counting)).toString('hex')).toBe('6ee2a4ca67b054bbfd3315bf85230577');
  });
});
