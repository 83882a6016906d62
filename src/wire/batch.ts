import type { RecordName } from '../spool/segment.js';
import { crc32c } from './crc32c.js';
import { sentenceOf, WireError } from './errors.js';
import { toBigInt, v1 } from './proto.js';

/** A run of events of one record type with consecutive sequences: an EventBatch whose body stays as it came. */
export interface Batch {
  readonly record: RecordName;
  readonly node: string;
  readonly epoch: string;
  readonly first: bigint;
  readonly last: bigint;
  readonly count: number;
  /** Of the body, checked. */
  readonly crc32c: number;
  /** A live subscription left some events out: sequences are not contiguous. */
  readonly filtered: boolean;
  /** Length-delimited events: ClickHouse's `Protobuf` format. Never decoded here. */
  readonly body: Buffer;
}

const HEADER_TAG = 0x0a;
const BODY_TAG = 0x12;

/**
 * Reads the payload of EVENT_BATCH: `0x0a <length> BatchHeader 0x12 <length> body`, the order in which every protobuf encoder writes it.
 * `offset` is the payload's place in the stream. Throws WireError.
 */
export function readBatch(payload: Buffer, offset: number): Batch {
  let at = 0;
  const length = (what: string): number => {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = payload[at++];
      if (byte === undefined) throw new WireError(`A batch ends inside the length of its ${what}`, offset + payload.length);
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) {
        if (value > payload.length - at) throw new WireError(`A batch's ${what} of ${value} bytes is longer than the frame`, offset + at);
        return value;
      }
    }
    throw new WireError(`The length of a batch's ${what} is no varint`, offset + at);
  };
  if (payload[at++] !== HEADER_TAG) throw new WireError('A batch does not begin with its header', offset);
  const headerLength = length('header');
  const headerAt = at;
  at += headerLength;
  let body = payload.subarray(at, at);
  if (at < payload.length) {
    if (payload[at++] !== BODY_TAG) throw new WireError("A batch's header is not followed by its body", offset + at - 1);
    const bodyLength = length('body');
    body = payload.subarray(at, at + bodyLength);
    at += bodyLength;
    if (at !== payload.length) throw new WireError("A batch's body is followed by other bytes", offset + at);
  }
  let header: InstanceType<typeof v1.BatchHeader>;
  try {
    header = v1.BatchHeader.decode(payload.subarray(headerAt, headerAt + headerLength));
  } catch (error) {
    throw new WireError(`A batch's header cannot be read (${sentenceOf(error)})`, offset + headerAt, { cause: error });
  }
  const record = recordName(header.record);
  if (record === undefined) throw new WireError(`A batch's record type ${header.record} is not known`, offset + headerAt);
  const count = header.count;
  if (count === 0) throw new WireError('A batch is empty', offset + headerAt);
  if (header.epoch === '') throw new WireError('A batch names no epoch', offset + headerAt);
  const sum = crc32c(body);
  if (sum !== header.crc32c >>> 0) {
    throw new WireError(`A batch's checksum is ${hex(sum)} and not ${hex(header.crc32c)}`, offset + headerAt);
  }
  const first = toBigInt(header.first_sequence);
  return {
    record,
    node: header.node,
    epoch: header.epoch,
    first,
    last: first + BigInt(count) - 1n,
    count,
    crc32c: sum,
    filtered: header.filtered,
    body,
  };
}

/** The part of a batch after its first `skip` events, for a batch of which some are known already. Throws RangeError when the body has not that many. */
export function withoutFirst(batch: Batch, skip: number): Batch {
  let at = 0;
  for (let event = 0; event < skip; event++) at = nextEvent(batch.body, at).end;
  const body = batch.body.subarray(at);
  return { ...batch, first: batch.first + BigInt(skip), count: batch.count - skip, crc32c: crc32c(body), body };
}

/** Where the length-delimited event at `at` lies. Throws RangeError when it does not end inside the body. */
export function nextEvent(body: Uint8Array, at: number): { start: number; end: number } {
  let start = at;
  let length = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = body[start++];
    if (byte === undefined) break;
    length += (byte & 127) * 2 ** shift;
    if (byte < 128) {
      if (start + length > body.length) break;
      return { start, end: start + length };
    }
  }
  throw new RangeError(`The event at byte ${at} does not end inside its batch`);
}

function recordName(record: number): RecordName | undefined {
  if (record === 1) return 'conn';
  return record === 2 ? 'control' : undefined;
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}
