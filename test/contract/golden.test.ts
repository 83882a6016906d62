import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nextEvent, readBatch } from '../../src/wire/batch.js';
import { crc32c } from '../../src/wire/crc32c.js';
import { encodeFrame, type Frame, FrameReader } from '../../src/wire/frame.js';
import { v1 } from '../../src/wire/proto.js';

/** An entry of golden.json; README.md beside it says what the values mean. */
interface Golden {
  readonly message: string;
  /** Of the frame; without it the file is a length-delimited event. */
  readonly type?: number | string;
  readonly fields: Readonly<Record<string, unknown>>;
}

interface MessageType {
  fromObject(object: Record<string, unknown>): object;
  toObject(message: object, options: object): Record<string, unknown>;
  encode(message: object): { finish(): Uint8Array };
  encodeDelimited(message: object): { finish(): Uint8Array };
  decode(bytes: Uint8Array): object;
}

const GOLDEN = join(import.meta.dirname, 'golden');
const ALL = { longs: String, enums: String, bytes: String, defaults: true, arrays: true };
const goldens = JSON.parse(readFileSync(join(import.meta.dirname, 'golden.json'), 'utf8')) as Record<string, Golden>;

function messageType(name: string): MessageType {
  const type = (v1 as unknown as Record<string, MessageType | undefined>)[name];
  if (type === undefined) throw new Error(`golden.json names the message ${name}, which proto/vslog/v1 has not.`);
  return type;
}

/** A copy in which hex has become bytes, and a batch's body the bytes of the entry that it names. */
function withBytes(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.map((each) => withBytes(each));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, withBytes(each, key)]));
  if (value === 'of the body') return undefined; // filled in below
  if (name === 'body') return readFileSync(join(GOLDEN, `${String(value)}.bin`));
  return name.endsWith('_addr') || name === 'labels' ? Buffer.from(String(value), 'hex') : value;
}

function onlyFrame(bytes: Buffer): Frame {
  const frames: Frame[] = [];
  const reader = new FrameReader();
  reader.push(bytes, (frame) => frames.push(frame));
  reader.end();
  const [frame] = frames;
  if (frame === undefined || frames.length !== 1) throw new Error(`The file holds ${frames.length} frames, not one.`);
  return frame;
}

describe('golden bytes', () => {
  it('has a file for every entry and an entry for every file', () => {
    const files = readdirSync(GOLDEN).map((file) => file.replace(/\.bin$/, ''));
    expect(files.sort()).toEqual(Object.keys(goldens).sort());
  });

  it('has events by themselves, frames, and a frame of events', () => {
    const types = Object.values(goldens).map(({ type }) => type);
    expect([types.includes(undefined), types.some((type) => type !== undefined)]).toEqual([true, true]);
    expect(Object.values(goldens).map(({ message }) => message)).toContain('EventBatch');
  });

  it.each(Object.entries(goldens))('%s is read and written alike', (name, golden) => {
    const bytes = readFileSync(join(GOLDEN, `${name}.bin`));
    const type = messageType(golden.message);
    const fields = withBytes(golden.fields) as Record<string, unknown>;
    if (Buffer.isBuffer(fields.body)) fields.header = { ...(fields.header as object), crc32c: crc32c(fields.body) };
    const expected = type.fromObject(fields);
    if (golden.type === undefined) {
      const { start, end } = nextEvent(bytes, 0);
      expect(end).toBe(bytes.length);
      expect(type.toObject(type.decode(bytes.subarray(start, end)), ALL)).toEqual(type.toObject(expected, ALL));
      expect(Buffer.from(type.encodeDelimited(expected).finish()).toString('hex')).toBe(bytes.toString('hex'));
      return;
    }
    const isBatch = golden.message === 'EventBatch';
    const frame = onlyFrame(bytes);
    expect(frame).toMatchObject({ type: Number(golden.type), flags: 0, sequence: isBatch ? 0 : 5, port: isBatch ? 0 : 9, offset: 0 });
    expect(type.toObject(type.decode(frame.payload), ALL)).toEqual(type.toObject(expected, ALL));
    const written = encodeFrame(frame.type, frame.flags, frame.sequence, frame.port, type.encode(expected).finish());
    expect(written.toString('hex')).toBe(bytes.toString('hex'));
    if (isBatch) expect(readBatch(frame.payload, 16).count).toBe(1); // its checksum is right, too
  });
});
