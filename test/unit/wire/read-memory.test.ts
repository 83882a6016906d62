import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFrame, FrameReader } from '../../../src/wire/frame.js';
import { ReadMemory } from '../../../src/wire/read-memory.js';

const MiB = 1024 * 1024;

/** Reads `stream` in pieces of at most `step` bytes, as a socket would give it; hands over each payload, held. */
function readAll(memory: ReadMemory, stream: Buffer, step: () => number, onPayload: (payload: Buffer) => void): void {
  const reader = new FrameReader();
  for (let at = 0; at < stream.length; ) {
    const room = memory.next((to) => reader.moveTo(to));
    const count = Math.min(room.length, stream.length - at, Math.max(1, step()));
    stream.copy(room, 0, at, at + count);
    at += count;
    reader.push(memory.took(count), (frame) => {
      memory.hold(frame.payload);
      onPayload(frame.payload);
    });
  }
  reader.end();
}

describe('the memory that a stream is read into', () => {
  it('keeps what is held, whatever is released meanwhile', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 700_000 }), { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1000, max: 2 * MiB }),
        fc.integer({ min: 0, max: 6 }),
        (sizes, step, keep) => {
          const frames = sizes.map((size, i) => encodeFrame(1, 0, 0, 0, Buffer.alloc(size, (i % 255) + 1)));
          const memory = new ReadMemory(true);
          const held: { payload: Buffer; mark: number }[] = [];
          let seen = 0;
          readAll(
            memory,
            Buffer.concat(frames),
            () => step,
            (payload) => {
              expect(payload.length).toBe(sizes[seen]);
              held.push({ payload, mark: (seen++ % 255) + 1 });
              for (const one of held) expect(one.payload.every((byte) => byte === one.mark)).toBe(true);
              while (held.length > keep) memory.release((held.shift() as { payload: Buffer }).payload);
            },
          );
          expect(seen).toBe(sizes.length);
        },
      ),
      { numRuns: 15 },
    );
  });

  it('uses the same memory again and again', () => {
    const memory = new ReadMemory(true);
    const seen = new Set<ArrayBufferLike>();
    let frames = 0;
    const stream = Buffer.concat(Array.from({ length: 400 }, () => encodeFrame(1, 0, 0, 0, Buffer.alloc(100_000))));
    readAll(
      memory,
      stream,
      () => 200_000,
      (payload) => {
        seen.add(payload.buffer);
        frames++;
        memory.release(payload);
      },
    );
    expect(frames).toBe(400);
    expect(seen.size).toBeLessThanOrEqual(3);
  });

  it('never uses it again where nobody releases', () => {
    const memory = new ReadMemory(false);
    const payloads: Buffer[] = [];
    const stream = Buffer.concat(Array.from({ length: 100 }, (_, i) => encodeFrame(1, 0, 0, 0, Buffer.alloc(100_000, i + 1))));
    readAll(
      memory,
      stream,
      () => 300_000,
      (payload) => payloads.push(payload),
    );
    expect(payloads.map((payload) => payload[99_999])).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
  });

  it('reads a frame that is longer than a piece', () => {
    const long = Buffer.alloc(5 * MiB, 7);
    const got: Buffer[] = [];
    readAll(
      new ReadMemory(true),
      Buffer.concat([
        encodeFrame(1, 0, 0, 0, Buffer.alloc(10, 1)),
        encodeFrame(1, 0, 0, 0, long),
        encodeFrame(1, 0, 0, 0, Buffer.alloc(10, 2)),
      ]),
      () => 150_000,
      (payload) => got.push(payload),
    );
    expect(got.map((payload) => payload.length)).toEqual([10, long.length, 10]);
    expect(got[1]?.equals(long)).toBe(true);
  });
});
