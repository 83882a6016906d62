import { crc32c } from '../../wire/crc32c.js';

/*
 * Kafka's record batch, version 2 (https://kafka.apache.org/documentation/#recordbatch), written here so that events are copied once: kafkajs copies each record five times.
 */

const BATCH_HEADER = 61;
/** What the checksum covers begins here. */
const CRC_FROM = 21;
/** Most bytes of a record around its key, value and headers: length, attributes, time, offset, two lengths, number of headers. */
const RECORD_FRAME = 5 + 1 + 1 + 5 + 5 + 5 + 1;

/** Who writes: the broker recognises a batch that comes twice by this and the batch's first sequence. */
export interface ProducerIdentity {
  /** As decimal text; it has 64 bits. */
  readonly id: string;
  readonly epoch: number;
}

/** Encoded records of one batch, not compressed. */
export interface RecordSet {
  readonly bytes: Buffer;
  readonly count: number;
  /** What the bytes lie in. */
  readonly memory: Buffer;
}

/** Memory that is used again: half a megabyte of garbage a batch would keep the collector of garbage busy. */
export class SpareMemory {
  private readonly spare: Buffer[] = [];

  /** At least so many bytes, of any content. */
  take(size: number): Buffer {
    const found = this.spare.findIndex(({ length }) => length >= size && length <= 2 * size);
    return found < 0 ? Buffer.allocUnsafeSlow(size) : (this.spare.splice(found, 1)[0] as Buffer);
  }

  /** Nobody reads it any more. */
  give(memory: Buffer): void {
    if (this.spare.length < 4) this.spare.push(memory);
  }
}

/** Bytes of a signed varint of Kafka's. */
function varintSize(value: number): number {
  let size = 1;
  for (let rest = value * 2; rest > 127; rest = Math.floor(rest / 128)) size++;
  return size;
}

/** A header of a record, encoded. */
export function encodeHeader(name: string, value: string): Buffer {
  const [key, text] = [Buffer.from(name), Buffer.from(value)];
  const buffer = Buffer.allocUnsafe(10 + key.length + text.length);
  let at = writeVarint(buffer, 0, key.length);
  at += key.copy(buffer, at);
  at = writeVarint(buffer, at, text.length);
  at += text.copy(buffer, at);
  return buffer.subarray(0, at);
}

/** A signed varint of a number that is not negative; where it ends. */
function writeVarint(buffer: Buffer, at: number, value: number): number {
  let end = at;
  let rest = value * 2;
  while (rest > 127) {
    buffer[end++] = (rest & 127) | 128;
    rest = Math.floor(rest / 128);
  }
  buffer[end++] = rest;
  return end;
}

/** Collects the records of one batch. */
export class RecordSetWriter {
  private buffer: Buffer;
  private used = 0;
  private records = 0;

  constructor(memory: Buffer) {
    this.buffer = memory;
  }

  get bytes(): number {
    return this.used;
  }

  get count(): number {
    return this.records;
  }

  /** Most bytes that a record takes. */
  static sizeOf(key: number, value: number, headers: number): number {
    return RECORD_FRAME + key + value + headers;
  }

  /** `headers`: encoded ones, one after the other, and how many they are (at most 63). The value is bytes `from` to `to` of `source`. */
  add(key: Buffer, source: Buffer, from: number, to: number, headers: readonly Buffer[], headerCount: number): void {
    const length = to - from;
    let headerBytes = 0;
    for (const header of headers) headerBytes += header.length;
    const body =
      1 +
      1 +
      varintSize(this.records) +
      varintSize(key.length) +
      key.length +
      varintSize(length) +
      length +
      varintSize(headerCount) +
      headerBytes;
    this.reserve(body + 5);
    const { buffer } = this;
    let at = writeVarint(buffer, this.used, body);
    buffer[at++] = 0; // attributes: none are defined
    buffer[at++] = 0; // all records have the batch's time
    at = writeVarint(buffer, at, this.records);
    at = writeVarint(buffer, at, key.length);
    at += key.copy(buffer, at);
    at = writeVarint(buffer, at, length);
    at += source.copy(buffer, at, from, to);
    at = writeVarint(buffer, at, headerCount);
    for (const header of headers) at += header.copy(buffer, at);
    this.used = at;
    this.records++;
  }

  take(): RecordSet {
    return { bytes: this.buffer.subarray(0, this.used), count: this.records, memory: this.buffer };
  }

  private reserve(bytes: number): void {
    if (this.used + bytes <= this.buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.used + bytes));
    this.buffer.copy(larger, 0, 0, this.used);
    this.buffer = larger;
  }
}

/** What a batch says of itself. */
export interface BatchFrame {
  readonly identity: ProducerIdentity;
  /** Of the first record, among all that this identity has written to the partition; 31 bits. */
  readonly sequence: number;
  readonly count: number;
  /** Codec's number. */
  readonly codec: number;
  /** Of all records, ms since 1970. */
  readonly timeMs: number;
}

/** A batch as the broker takes it: `body` are the records, compressed by `frame.codec`. */
export function encodeBatch(body: Buffer, { identity, sequence, count, codec, timeMs }: BatchFrame): readonly [Buffer, Buffer] {
  const header = Buffer.allocUnsafe(BATCH_HEADER);
  header.writeBigInt64BE(0n, 0); // first offset: the broker's to choose
  header.writeInt32BE(BATCH_HEADER - 12 + body.length, 8);
  header.writeInt32BE(0, 12); // leader epoch: not known
  header.writeInt8(2, 16); // version
  header.writeInt16BE(codec, CRC_FROM);
  header.writeInt32BE(count - 1, 23);
  header.writeBigInt64BE(BigInt(timeMs), 27);
  header.writeBigInt64BE(BigInt(timeMs), 35);
  header.writeBigInt64BE(BigInt(identity.id), 43);
  header.writeInt16BE(identity.epoch, 51);
  header.writeInt32BE(sequence, 53);
  header.writeInt32BE(count, 57);
  header.writeUInt32BE(crc32c(body, crc32c(header.subarray(CRC_FROM))), 17);
  return [header, body];
}

/** The sequence that follows `count` records from `sequence` on; Kafka goes on at 0 after 2^31 - 1. */
export function sequenceAfter(sequence: number, count: number): number {
  return (sequence + count) % 0x8000_0000;
}
