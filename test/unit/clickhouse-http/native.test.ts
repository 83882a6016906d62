import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { nativeForRevision } from '../../../src/clickhouse-http/native.js';

/** A text with its length before it. */
const text = (value: string): Buffer => Buffer.concat([Buffer.from([Buffer.byteLength(value)]), Buffer.from(value)]);
const INFO = Buffer.from([1, 0, 2, 255, 255, 255, 255, 0]);

/** A block of one column as the engine writes it, and as revision 54460 has it. */
function block(type: string, rows: number, data: Buffer): { old: Buffer; now: Buffer } {
  const head = Buffer.from([1, rows]);
  const column = Buffer.concat([text('c'), text(type)]);
  return { old: Buffer.concat([head, column, data]), now: Buffer.concat([INFO, head, column, Buffer.from([0]), data]) };
}

async function converted(bytes: Buffer, size: number, revision = 54_460): Promise<Buffer> {
  const transform = nativeForRevision(revision);
  if (transform === undefined) throw new Error('There is nothing to convert.');
  const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
  const out: Buffer[] = [];
  for await (const chunk of Readable.from(chunks).pipe(transform)) out.push(chunk as Buffer);
  return Buffer.concat(out);
}

const u64 = (...values: number[]): Buffer => {
  const buffer = Buffer.alloc(8 * values.length);
  for (const [i, value] of values.entries()) buffer.writeBigUInt64LE(BigInt(value), 8 * i);
  return buffer;
};

test.each<[string, number, Buffer]>([
  ['UInt8', 2, Buffer.from([1, 2])],
  ["DateTime64(9, 'UTC')", 2, u64(1, 2)],
  ["Enum8('a(' = 1, 'b, c' = 2)", 1, Buffer.from([2])],
  ['Decimal(20, 3)', 1, Buffer.alloc(16, 7)],
  ['FixedString(5)', 2, Buffer.from('abcdefghij')],
  ['String', 2, Buffer.concat([text('x'), text('')])],
  ['Nullable(UInt16)', 2, Buffer.from([0, 1, 1, 0, 0, 0])],
  ['Array(String)', 2, Buffer.concat([u64(0, 2), text('a'), text('bc')])],
  ['Map(String, UInt8)', 1, Buffer.concat([u64(1), text('k'), Buffer.from([9])])],
  ['Tuple(a UInt8, b Array(UInt8))', 1, Buffer.concat([Buffer.from([5]), u64(1), Buffer.from([6])])],
  ['LowCardinality(String)', 3, Buffer.concat([u64(1), u64(0x600), u64(2), text(''), text('v'), u64(3), Buffer.from([1, 1, 0])])],
  [
    'Array(LowCardinality(Nullable(String)))',
    1,
    Buffer.concat([u64(1), u64(2), u64(0x601), u64(2), text(''), text('v'), u64(2), Buffer.from([1, 0, 1, 0])]),
  ],
  ['Array(LowCardinality(String))', 1, Buffer.concat([u64(1), u64(0)])],
  ['IntervalDay', 1, u64(1)],
  ['SimpleAggregateFunction(max, UInt32)', 1, Buffer.from([1, 2, 3, 4])],
  ['String', 0, Buffer.alloc(0)],
])('a block of %s', async (type, rows, data) => {
  const { old, now } = block(type, rows, data);
  const three = Buffer.concat([old, old, old]);
  for (const size of [1, 7, 1000]) expect(await converted(three, size), `in pieces of ${size}`).toEqual(Buffer.concat([now, now, now]));
});

test('older clients get as much as they know of', async () => {
  const { old } = block('UInt8', 1, Buffer.from([1]));
  expect(nativeForRevision(0)).toBeUndefined();
  expect(await converted(old, 100, 54_405)).toEqual(Buffer.concat([INFO, old]));
});

test('what is cut off, and a type whose values nobody here can skip, is an error', async () => {
  const { old } = block('String', 1, text('abc'));
  await expect(converted(old.subarray(0, -1), 100)).rejects.toThrow();
  await expect(converted(block('JSON', 1, u64(1)).old, 100)).rejects.toThrow('Type JSON cannot be sent here in format Native');
});
