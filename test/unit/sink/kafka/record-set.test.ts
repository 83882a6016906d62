import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { CODEC_IDS, COMPRESSIONS, codecOf, registerCodecs } from '../../../../src/sink/kafka/codec.js';
import { encodeBatch, encodeHeader, RecordSetWriter, SpareMemory, sequenceAfter } from '../../../../src/sink/kafka/record-set.js';
import { crc32c } from '../../../../src/wire/crc32c.js';

const require = createRequire(import.meta.url);
const Decoder = require('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => unknown;
const decodeBatch = require('kafkajs/src/protocol/recordBatch/v0/decoder') as (decoder: unknown) => Promise<{
  producerId: string;
  producerEpoch: number;
  firstSequence: number;
  firstTimestamp: string;
  records: { offset: string; key: Buffer; value: Buffer; headers: Record<string, Buffer>; timestamp: string }[];
}>;

function setOf(values: readonly Buffer[], capacity: number): RecordSetWriter {
  const writer = new RecordSetWriter(Buffer.alloc(capacity));
  const source = Buffer.concat(values);
  let at = 0;
  values.forEach((value, i) => {
    writer.add(Buffer.from(`key ${i}`), source, at, at + value.length, [encodeHeader('a', `${i}`), encodeHeader('bé', 'ü')], 2);
    at += value.length;
  });
  return writer;
}

describe('a batch of Kafka’s', () => {
  it.each(COMPRESSIONS)('is read by another’s decoder (%s)', async (compression) => {
    registerCodecs();
    const values = [Buffer.from('one'), Buffer.alloc(0), Buffer.alloc(70_000, 'x'), Buffer.from([0, 255, 128])];
    const { bytes, count } = setOf(values, 16).take();
    const codec = await codecOf(compression);
    const body = codec === undefined ? bytes : await codec.compress(bytes);
    expect((await codec?.decompress(body))?.equals(bytes) ?? true).toBe(true);
    const identity = { id: '9007199254740993', epoch: 3 };
    const batch = Buffer.concat(
      encodeBatch(body, { identity, sequence: 2_147_483_646, count, codec: CODEC_IDS[compression], timeMs: 1_700_000_000_123 }),
    );
    expect(batch.readUInt32BE(17)).toBe(crc32c(batch.subarray(21)));
    const read = await decodeBatch(new Decoder(batch));
    expect(read).toMatchObject({
      producerId: identity.id,
      producerEpoch: 3,
      firstSequence: 2_147_483_646,
      firstTimestamp: '1700000000123',
    });
    expect(read.records.map(({ value }) => Buffer.from(value))).toEqual(values);
    expect(read.records.map(({ key, offset, timestamp }) => [String(key), offset, timestamp])).toEqual(
      values.map((_, i) => [`key ${i}`, String(i), '1700000000123']),
    );
    expect(read.records.map(({ headers }) => [String(headers.a), String(headers.bé)])).toEqual(values.map((_, i) => [`${i}`, 'ü']));
  });

  it('never has more bytes than were reckoned with', () => {
    for (const size of [0, 1, 63, 64, 8191, 8192, 1_100_000]) {
      const headers = encodeHeader('a', '0').length + encodeHeader('bé', 'ü').length;
      expect(setOf([Buffer.alloc(size)], 8).bytes).toBeLessThanOrEqual(RecordSetWriter.sizeOf(5, size, headers));
    }
  });

  it('has sequences that begin anew at 2^31', () => {
    expect(sequenceAfter(0, 5)).toBe(5);
    expect(sequenceAfter(2_147_483_647, 1)).toBe(0);
    expect(sequenceAfter(2_147_483_640, 10)).toBe(2);
  });

  it('lies in memory that is used again', () => {
    const memory = new SpareMemory();
    const first = memory.take(1000);
    memory.give(first);
    expect(memory.take(900)).toBe(first);
    expect(memory.take(900)).not.toBe(first);
    memory.give(first);
    expect(memory.take(100)).not.toBe(first); // far too large
    expect(memory.take(2000).length).toBe(2000);
  });
});
