import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WireError } from '../../../src/wire/errors.js';
import { encodeFrame, type Frame, FrameReader, HEADER_SIZE, MAX_FRAME_SIZE } from '../../../src/wire/frame.js';

const anyFrame = fc.record({
  type: fc.nat(0xffff),
  flags: fc.nat(0xffff),
  sequence: fc.nat(0xffffffff),
  port: fc.nat(0xffffffff),
  payload: fc.uint8Array({ maxLength: 300 }),
});

/** Cuts `stream` at the given places; every second time the pieces are copied, so that they lie in unrelated memory. */
function chunks(stream: Buffer, cuts: readonly number[], copied: boolean): Buffer[] {
  const places = [...new Set([0, ...cuts.map((cut) => cut % (stream.length + 1)), stream.length])].sort((a, b) => a - b);
  return places.slice(1).map((end, i) => {
    const chunk = stream.subarray(places[i], end);
    return copied ? Buffer.from(Uint8Array.from(chunk)) : chunk;
  });
}

function readAll(pieces: readonly Buffer[]): Frame[] {
  const reader = new FrameReader();
  const frames: Frame[] = [];
  for (const piece of pieces) reader.push(piece, (frame) => frames.push(frame));
  reader.end();
  return frames;
}

describe('FrameReader', () => {
  it('finds the same frames however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 12 }), fc.array(fc.nat(4000), { maxLength: 40 }), fc.boolean(), (sent, cuts, copied) => {
        const stream = Buffer.concat(sent.map((frame) => encodeFrame(frame.type, frame.flags, frame.sequence, frame.port, frame.payload)));
        let offset = 0;
        const expected = sent.map((frame) => {
          const at = offset;
          offset += HEADER_SIZE + frame.payload.length;
          return { ...frame, payload: Buffer.from(frame.payload), offset: at };
        });
        expect(readAll(chunks(stream, cuts, copied))).toEqual(expected);
      }),
    );
  });

  it('hands out views of the chunk, not copies', () => {
    const stream = Buffer.concat([encodeFrame(1, 0, 0, 0, Buffer.from('one')), encodeFrame(2, 0, 0, 0, Buffer.from('two'))]);
    for (const pieces of [[stream], [stream.subarray(0, 21), stream.subarray(21)]]) {
      expect(readAll(pieces).map(({ payload }) => payload.buffer === stream.buffer)).toEqual([true, true]);
    }
  });

  it.each([0, 15, MAX_FRAME_SIZE + 1, 0xffffffff])('refuses a length of %d and names the offset', (length) => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 4 }), fc.array(fc.nat(2000), { maxLength: 9 }), fc.boolean(), (sent, cuts, copied) => {
        const good = Buffer.concat(sent.map((frame) => encodeFrame(frame.type, frame.flags, frame.sequence, frame.port, frame.payload)));
        const bad = Buffer.alloc(40);
        bad.writeUInt32LE(length);
        const reader = new FrameReader();
        const frames: Frame[] = [];
        let error: unknown;
        try {
          for (const piece of chunks(Buffer.concat([good, bad]), cuts, copied)) reader.push(piece, (frame) => frames.push(frame));
        } catch (caught) {
          error = caught;
        }
        expect(error).toBeInstanceOf(WireError);
        expect((error as WireError).offset).toBe(good.length);
        expect(frames).toHaveLength(sent.length);
      }),
    );
  });

  it('says where a stream that ends inside a frame was cut', () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { minLength: 1, maxLength: 4 }), fc.nat(5000), fc.boolean(), (sent, cut, copied) => {
        const frames = sent.map((frame) => encodeFrame(frame.type, frame.flags, frame.sequence, frame.port, frame.payload));
        const stream = Buffer.concat(frames);
        const length = cut % stream.length;
        const starts = frames.map((_, i) => frames.slice(0, i).reduce((sum, frame) => sum + frame.length, 0));
        if (starts.includes(length)) return;
        const start = Math.max(...starts.filter((each) => each < length));
        expect(() => readAll(chunks(stream.subarray(0, length), [3, 17], copied))).toThrow(
          expect.objectContaining({ name: 'WireError', offset: start }),
        );
      }),
    );
  });

  it('throws nothing but WireError at garbage', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 10 }), (pieces) => {
        try {
          readAll(pieces.map((piece) => Buffer.from(piece)));
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
    );
  });
});
