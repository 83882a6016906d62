import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SequenceSet } from '../../../../src/sink/file/sequences.js';
import { type Plan, type Position, type Round, rounds } from '../../../../src/sink/kafka/frame.js';
import { SinkRejection } from '../../../../src/sink/sink.js';
import type { Segment } from '../../../../src/spool/segment.js';
import { nextEvent } from '../../../../src/wire/batch.js';
import { toBigInt, toLong, v1 } from '../../../../src/wire/proto.js';
import { withDirectory } from '../../support/temporary.js';

const BEGINNING: Position = { offset: 0, events: 0 };

interface Message {
  readonly partition: number;
  readonly key: string;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** Reads a record set back, by the format's own rules. */
function messagesOf({ parts }: Round): Message[] {
  return parts.flatMap(({ partition, records }) => {
    const { bytes } = records;
    let at = 0;
    const varint = (): number => {
      let value = 0;
      for (let scale = 1; ; scale *= 128) {
        const byte = bytes[at++] as number;
        value += (byte & 127) * scale;
        if (byte < 128) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      }
    };
    const text = (): Buffer => {
      const length = varint();
      at += length;
      return bytes.subarray(at - length, at);
    };
    return Array.from({ length: records.count }, (_, i) => {
      const end = varint() + at;
      at += 1;
      expect([varint(), varint()]).toEqual([0, i]);
      const [key, value] = [String(text()), Buffer.from(text())];
      const headers: Record<string, string> = {};
      for (let left = varint(); left > 0; left--) {
        const name = String(text());
        headers[name] = String(text());
      }
      expect(at).toBe(end);
      return { partition, key, value, headers };
    });
  });
}

/** Runs of sequences, and the size of each event's name. */
function segmentOf(dir: string, runs: readonly (readonly [first: number, sizes: readonly number[]])[]): Segment {
  const events = runs.flatMap(([first, sizes]) =>
    sizes.map((size, i) =>
      v1.ConnEvent.encodeDelimited({
        kind: 1,
        time_ns: toLong(1n),
        sequence: toLong(BigInt(first + i)),
        conn_id: toLong(BigInt((first + i) % 7)),
        labels: new Uint8Array(size),
      }).finish(),
    ),
  );
  const body = Buffer.concat(events);
  const path = join(dir, 'body.pb');
  writeFileSync(path, body);
  const ranges = runs.map(([first, sizes]) => ({ first: BigInt(first), last: BigInt(first + sizes.length - 1) }));
  return { id: 1, record: 'conn', node: 'lb', epoch: 'e', ranges, count: events.length, bytes: body.length, sha256: '', chain: '', path };
}

async function all(segment: Segment, plan: Plan, from = BEGINNING, wanted?: SequenceSet): Promise<Round[]> {
  const found: Round[] = [];
  for await (const round of rounds(segment, plan, from, wanted)) found.push(round);
  return found;
}

const runsOf = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 50 }), fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 40 })), {
    minLength: 1,
    maxLength: 8,
  })
  .map((parts) => {
    let next = 0;
    return parts.map(([gap, sizes]) => {
      const first = next + gap;
      next = first + sizes.length;
      return [first, sizes] as const;
    });
  });

describe('rounds of a segment', () => {
  it('are its bytes, in runs of sequences, no larger than the limit', async () => {
    await withDirectory(async (dir) => {
      await fc.assert(
        fc.asyncProperty(runsOf, fc.integer({ min: 300, max: 5000 }), async (runs, limit) => {
          const segment = segmentOf(dir, runs);
          const found = await all(segment, { framing: 'batch', partitions: 5, limit });
          const messages = found.flatMap(messagesOf);
          expect(Buffer.concat(messages.map(({ value }) => value)).equals(readFileSync(segment.path))).toBe(true);
          expect(new Set(messages.map(({ partition }) => partition)).size).toBe(1);
          for (const { key, value, headers } of messages) {
            const sequences: number[] = [];
            for (let at = 0; at < value.length; ) {
              const { start, end } = nextEvent(value, at);
              sequences.push(Number(toBigInt(v1.ConnEvent.decode(value.subarray(start, end)).sequence)));
              at = end;
            }
            const first = Number(headers.first);
            expect(sequences).toEqual(Array.from({ length: Number(headers.count) }, (_, i) => first + i));
            expect(key).toBe(`lb/e/${first}`);
          }
          for (const round of found)
            for (const { records } of round.parts) expect(records.bytes.length <= limit || round.events === 1).toBe(true);
          expect(found.reduce((sum, { events }) => sum + events, 0)).toBe(segment.count);
        }),
        { numRuns: 60 },
      );
    });
  });

  it('are the same from whichever round one begins: that is what a repetition is recognised by', async () => {
    await withDirectory(async (dir) => {
      await fc.assert(
        fc.asyncProperty(runsOf, fc.integer({ min: 300, max: 3000 }), fc.constantFrom('batch', 'event'), async (runs, limit, framing) => {
          const segment = segmentOf(dir, runs);
          const plan = { framing, partitions: 3, limit } as const;
          const whole = await all(segment, plan);
          for (const [i, { from }] of whole.entries()) {
            const rest = await all(segment, plan, from);
            expect(rest.map(messagesOf)).toEqual(whole.slice(i).map(messagesOf));
          }
        }),
        { numRuns: 25 },
      );
    });
  });

  it('are an event a message, keyed by its connection, in framing event', async () => {
    await withDirectory(async (dir) => {
      const segment = segmentOf(dir, [
        [10, [0, 5, 300, 9]],
        [20, [1, 2, 3, 4, 5, 6, 7, 8]],
      ]);
      const messages = (await all(segment, { framing: 'event', partitions: 4, limit: 900 })).flatMap(messagesOf);
      expect(messages.map(({ headers }) => Number(headers.first)).sort((a, b) => a - b)).toEqual([
        10, 11, 12, 13, 20, 21, 22, 23, 24, 25, 26, 27,
      ]);
      for (const { key, value, headers } of messages) {
        const event = v1.ConnEvent.decode(value);
        expect(String(toBigInt(event.sequence))).toBe(headers.first);
        // No connection: the node's name.
        expect(key).toBe(toBigInt(event.conn_id) === 0n ? 'lb' : String(toBigInt(event.conn_id)));
        expect(headers).toMatchObject({ framing: 'event', count: '1', node: 'lb', epoch: 'e', schema: '1' });
      }
      for (const key of new Set(messages.map((message) => message.key)))
        expect(new Set(messages.filter((message) => message.key === key).map(({ partition }) => partition)).size).toBe(1);
    });
  });

  it('have only the sequences that are wanted', async () => {
    await withDirectory(async (dir) => {
      await fc.assert(
        fc.asyncProperty(runsOf, fc.func(fc.boolean()), fc.constantFrom('batch', 'event'), async (runs, choose, framing) => {
          const segment = segmentOf(dir, runs);
          const sequences = runs.flatMap(([first, sizes]) => sizes.map((_, i) => first + i)).filter((sequence) => choose(sequence));
          const wanted = new SequenceSet(sequences.map((sequence) => [sequence, sequence]));
          const found = await all(segment, { framing, partitions: 2, limit: 1000 }, BEGINNING, wanted);
          const got = found
            .flatMap(messagesOf)
            .flatMap(({ headers }) => Array.from({ length: Number(headers.count) }, (_, i) => Number(headers.first) + i));
          expect(got.sort((a, b) => a - b)).toEqual(sequences);
          expect(found.at(-1)?.to).toEqual({ offset: segment.bytes, events: segment.count });
        }),
        { numRuns: 40 },
      );
    });
  });

  it('go on over the end of what is read at a time, also when one event is larger than that', async () => {
    await withDirectory(async (dir) => {
      const segment = segmentOf(dir, [
        [1, [100, 3_000_000, 100]],
        [10, Array.from({ length: 40_000 }, (_, i) => i % 90)],
      ]);
      const found = await all(segment, { framing: 'batch', partitions: 1, limit: 100_000 });
      expect(Buffer.concat(found.flatMap(messagesOf).map(({ value }) => value)).equals(readFileSync(segment.path))).toBe(true);
      expect(found.filter(({ events }) => events === 1)).toHaveLength(2);
    });
  });

  it('are refused when the file is not what the segment says', async () => {
    await withDirectory(async (dir) => {
      const segment = segmentOf(dir, [[1, [5, 5, 5]]]);
      const plan = { framing: 'batch', partitions: 1, limit: 1000 } as const;
      const refused = (change: Partial<Segment>): Promise<void> =>
        expect(all({ ...segment, ...change }, plan)).rejects.toThrow(SinkRejection);
      await refused({ bytes: segment.bytes - 1 });
      await refused({ bytes: segment.bytes + 1 });
      await refused({ count: 4 });
      await refused({ count: 4, ranges: [{ first: 1n, last: 4n }] });
      await refused({ count: 2, ranges: [{ first: 1n, last: 2n }] });
      writeFileSync(segment.path, Buffer.alloc(segment.bytes, 0xff));
      await refused({});
    });
  });
});
