import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SCANNED, scanBody, scanEvents } from '../../../src/spool/scan.js';
import { toLong, v1 } from '../../../src/wire/proto.js';
import { withDirectory } from '../support/temporary.js';

const event = fc.record({
  sequence: fc.bigInt({ min: 1n, max: 2n ** 53n - 1n }),
  time: fc.bigInt({ min: 1n, max: 2n ** 62n }),
  type: fc.constantFrom(...SCANNED),
  epochs: fc.nat(2 ** 31 - 1),
});

type Fields = { kind: number; time_ns: ReturnType<typeof toLong>; sequence: ReturnType<typeof toLong>; netns: number };

function encode(conn: boolean, fields: Fields): Uint8Array {
  return conn ? v1.ConnEvent.encodeDelimited(fields).finish() : v1.ControlEvent.encodeDelimited(fields).finish();
}

describe('the scan of a body', () => {
  it('finds what a decoder finds, in both messages, wherever the reads are cut', async () => {
    await withDirectory(async (dir) => {
      await fc.assert(
        fc.asyncProperty(fc.array(event, { maxLength: 40 }), async (events) => {
          const body = Buffer.concat(
            events.map(({ type, sequence, time, epochs }) =>
              encode(type === v1.ConnEvent, { kind: 1, time_ns: toLong(time), sequence: toLong(sequence), netns: epochs }),
            ),
          );
          const seen: [number, number][] = [];
          const each = (sequence: number, seconds: number): void => void seen.push([sequence, seconds]);
          expect(scanBody(body, each)).toBe(body.length);
          expect(seen.map(([sequence]) => BigInt(sequence))).toEqual(events.map(({ sequence }) => sequence));
          for (const [i, { time }] of events.entries()) expect(Math.abs((seen[i]?.[1] ?? 0) - Number(time) / 1e9)).toBeLessThan(1e-5);
          for (let cut = 0; cut <= body.length; cut += 7) expect(scanBody(body.subarray(0, cut), () => undefined)).toBeLessThanOrEqual(cut);
          const path = join(dir, 'body.pb');
          writeFileSync(path, body);
          let count = 0;
          await scanEvents(path, () => count++);
          expect(count).toBe(events.length);
          if (body.length > 0) {
            writeFileSync(path, body.subarray(0, body.length - 1));
            await expect(scanEvents(path, () => undefined)).rejects.toThrow(RangeError);
          }
        }),
        { numRuns: 60 },
      );
    });
  });

  it('never reads beyond what it is given, whatever that is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const body = Buffer.from(bytes);
        try {
          expect(scanBody(body, () => undefined)).toBeLessThanOrEqual(body.length);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
