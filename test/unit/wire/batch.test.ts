import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readBatch, withoutFirst } from '../../../src/wire/batch.js';
import { crc32c } from '../../../src/wire/crc32c.js';
import { WireError } from '../../../src/wire/errors.js';
import { HEADER_SIZE } from '../../../src/wire/frame.js';
import { batchFrame, makeBatch } from '../support/batches.js';

describe('crc32c', () => {
  it('has the values of RFC 3720', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
    expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43);
    expect(crc32c(Buffer.alloc(0))).toBe(0);
  });

  it('is the same in parts and at every alignment', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), fc.nat(8), (bytes, cut, shift) => {
        const shifted = new Uint8Array(bytes.length + shift).subarray(shift);
        shifted.set(bytes);
        const at = Math.min(cut, bytes.length);
        expect(crc32c(shifted)).toBe(crc32c(bytes));
        expect(crc32c(bytes.subarray(at), crc32c(bytes.subarray(0, at)))).toBe(crc32c(bytes));
      }),
    );
  });
});

describe('readBatch', () => {
  it('reads what was sent, the body as a view', () => {
    const batch = makeBatch(41n, 17, 'control');
    const payload = batchFrame(batch).subarray(HEADER_SIZE);
    const read = readBatch(payload, 0);
    expect(read).toEqual(batch);
    expect(read.body.buffer).toBe(payload.buffer);
  });

  it('sees every flipped byte of the body and throws nothing but WireError elsewhere', () => {
    const frame = batchFrame(makeBatch(1n, 5));
    fc.assert(
      fc.property(fc.nat(frame.length - HEADER_SIZE - 1), fc.integer({ min: 1, max: 255 }), (at, bits) => {
        const payload = Buffer.from(frame.subarray(HEADER_SIZE));
        payload[at] = (payload[at] as number) ^ bits;
        try {
          const read = readBatch(payload, 100);
          expect(read.body.equals(makeBatch(1n, 5).body)).toBe(true); // the flip was in the header
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
          expect((error as WireError).offset).toBeGreaterThanOrEqual(100);
        }
      }),
    );
  });

  it('throws nothing but WireError at truncated payloads and garbage', () => {
    const payload = batchFrame(makeBatch(1n, 3)).subarray(HEADER_SIZE);
    for (let length = 0; length < payload.length; length++) expect(() => readBatch(payload.subarray(0, length), 0)).toThrow(WireError);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(() => readBatch(Buffer.from(bytes), 0)).toThrow(WireError);
      }),
    );
  });

  it('can leave out the first events', () => {
    const batch = makeBatch(10n, 6);
    expect(withoutFirst(batch, 2)).toEqual({ ...makeBatch(12n, 4) });
    expect(() => withoutFirst(batch, 7)).toThrow(RangeError);
  });
});
