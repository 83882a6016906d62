import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readBatch } from '../../src/wire/batch.js';
import { type Frame, FrameReader, HEADER_SIZE } from '../../src/wire/frame.js';
import { v1 } from '../../src/wire/proto.js';

/*
 * golden/NAME.bin was written by the capture's encoder; golden.json says what is in it: a message of proto/vslog/v1 and its fields, 64-bit numbers as decimal strings,
 * bytes as hex, enumeration values by name or number. With `type` the file is a whole frame of that type, else just the message.
 */
interface Golden {
  readonly message: string;
  readonly type?: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

interface MessageType {
  fromObject(object: Record<string, unknown>): object;
  toObject(message: object, options: object): Record<string, unknown>;
  encode(message: object): { finish(): Uint8Array };
  decode(bytes: Uint8Array): object;
}

const CONVERSION = { longs: String, enums: String, bytes: String, defaults: true, arrays: true };
const goldens = JSON.parse(readFileSync(join(import.meta.dirname, 'golden.json'), 'utf8')) as Record<string, Golden>;

function messageType(name: string): MessageType {
  const type = (v1 as unknown as Record<string, MessageType | undefined>)[name.replace(/^vslog\.v1\./, '')];
  if (type === undefined) throw new Error(`golden.json names the message ${name}, which proto/vslog/v1 has not.`);
  return type;
}

/** Hex strings become bytes where the schema has bytes: base64 is what fromObject takes for a string. */
function bytesFromHex(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.map((each) => bytesFromHex(each));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, bytesFromHex(each, key)]));
  return typeof value === 'string' && /^(body|.*_addr)$/.test(name) ? Buffer.from(value, 'hex') : value;
}

describe('golden bytes', () => {
  it('has a file for every entry and an entry for every file', () => {
    const files = readdirSync(join(import.meta.dirname, 'golden')).map((file) => file.replace(/\.bin$/, ''));
    expect(files.sort()).toEqual(Object.keys(goldens).sort());
  });

  it.each(Object.entries(goldens))('%s', (name, golden) => {
    const bytes = readFileSync(join(import.meta.dirname, 'golden', `${name}.bin`));
    let payload = bytes;
    if (golden.type !== undefined) {
      const frames: Frame[] = [];
      const reader = new FrameReader();
      reader.push(bytes, (frame) => frames.push(frame));
      reader.end();
      expect(frames).toHaveLength(1);
      expect(frames[0]?.type).toBe(golden.type);
      payload = bytes.subarray(HEADER_SIZE);
    }
    const type = messageType(golden.message);
    const expected = type.fromObject(bytesFromHex(golden.fields) as Record<string, unknown>);
    expect(type.toObject(type.decode(payload), CONVERSION)).toEqual(type.toObject(expected, CONVERSION));
    expect(Buffer.from(type.encode(expected).finish()).toString('hex')).toBe(payload.toString('hex'));
    if (golden.message.endsWith('EventBatch')) expect(readBatch(payload, 0).count).toBeGreaterThan(0); // its checksum is right too
  });
});
