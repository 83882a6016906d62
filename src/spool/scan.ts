import { createReadStream } from 'node:fs';
import { v1 } from '../wire/proto.js';

/** Bytes read at a time. */
const CHUNK = 1 << 20;

// The two fields have the same numbers and types in ConnEvent and ControlEvent; a unit test holds this file to the contract.
const TIME_TAG = (2 << 3) | 1; // fixed64 time_ns = 2
const SEQUENCE_TAG = (3 << 3) | 0; // uint64 sequence = 3

/** The messages whose events can be scanned. */
export const SCANNED = [v1.ConnEvent, v1.ControlEvent] as const;

/**
 * Walks a body file of length-delimited events without decoding them. `each` gets an event's sequence and its time in seconds since 1970 (exact to a microsecond).
 * Rejects with RangeError when the file is no such stream or ends inside an event.
 */
export async function scanEvents(path: string, each: (sequence: number, seconds: number) => void): Promise<void> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK })) {
    const body: Buffer = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer]);
    const used = scanBody(body, each);
    rest = body.subarray(used);
  }
  if (rest.length > 0) throw new RangeError(`${path} ends inside an event.`);
}

/** Scans the whole events in `body`; the number of bytes that they take. */
export function scanBody(body: Buffer, each: (sequence: number, seconds: number) => void): number {
  let at = 0;
  while (at < body.length) {
    let length = 0;
    let start = at;
    let shift = 0;
    for (;;) {
      const byte = body[start++];
      if (byte === undefined) return at;
      length += (byte & 127) * 2 ** shift;
      if (byte < 128) break;
      shift += 7;
      if (shift > 28) throw new RangeError(`The length at byte ${at} is no varint.`);
    }
    const end = start + length;
    if (end > body.length) return at;
    scanEvent(body, start, end, each);
    at = end;
  }
  return at;
}

function scanEvent(body: Buffer, start: number, end: number, each: (sequence: number, seconds: number) => void): void {
  let at = start;
  let sequence = 0;
  let seconds = 0;
  let found = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; at < end; scale *= 128) {
      const byte = body[at++] as number;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw new RangeError(`The event at byte ${start} is no protobuf message.`);
  };
  while (at < end && found < 2) {
    const tag = varint();
    if (tag === TIME_TAG && at + 8 <= end) {
      seconds = (body.readUInt32LE(at + 4) * 4294967296 + body.readUInt32LE(at)) / 1e9;
      at += 8;
      found++;
    } else if (tag === SEQUENCE_TAG) {
      sequence = varint();
      found++;
    } else {
      switch (tag & 7) {
        case 0:
          varint();
          break;
        case 1:
          at += 8;
          break;
        case 2: {
          const length = varint();
          at += length;
          break;
        }
        case 5:
          at += 4;
          break;
        default:
          throw new RangeError(`The event at byte ${start} is no protobuf message.`);
      }
    }
  }
  if (at > end) throw new RangeError(`The event at byte ${start} is no protobuf message.`);
  each(sequence, seconds);
}
