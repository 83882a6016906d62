import { type FileHandle, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { openToWrite } from '../access/readers.js';
import { crc32c } from '../wire/crc32c.js';
import { syncDirectory } from './layout.js';

/*
 * A small file that is changed in place and needs no room for it: both slots are written in full when the file is made. A slot:
 *
 *   u32 "SLOT"  u32 length of the content  u64 counter  content  u32 crc32c of all that precedes it in the slot
 *
 * All numbers are little-endian. Of two whole slots the one with the higher counter counts. A write goes to the other one, so a crash within it leaves the content before.
 * A file system that never writes in place (btrfs, ZFS) needs a few free blocks all the same.
 */
const MAGIC = 0x544f4c53;
const HEAD = 16;
const TAIL = 4;
/** Slots begin at a page: a torn write of one does not touch the other. */
const PAGE = 4096;

/** What a file of two slots says. `writes`: how many times it was written. */
export type SlotsReading =
  | { readonly state: 'absent' }
  | { readonly state: 'damaged' }
  | { readonly state: 'whole'; readonly content: Buffer; readonly writes: number };

interface Slot {
  readonly content: Buffer;
  readonly counter: number;
}

/** Length of a slot that has room for `bytes` of content. */
function slotLength(bytes: number): number {
  return Math.ceil((HEAD + bytes + TAIL) / PAGE) * PAGE;
}

function slotIn(file: Buffer, at: number, length: number): Slot | undefined {
  const end = Math.min(file.length, at + length);
  if (at + HEAD + TAIL > end || file.readUInt32LE(at) !== MAGIC) return undefined;
  const tail = at + HEAD + file.readUInt32LE(at + 4);
  if (tail + TAIL > end || crc32c(file.subarray(at, tail)) !== file.readUInt32LE(tail)) return undefined;
  return { content: Buffer.from(file.subarray(at + HEAD, tail)), counter: Number(file.readBigUInt64LE(at + 8)) };
}

function encode(content: Buffer, counter: number): Buffer {
  const slot = Buffer.alloc(HEAD + content.length + TAIL);
  slot.writeUInt32LE(MAGIC, 0);
  slot.writeUInt32LE(content.length, 4);
  slot.writeBigUInt64LE(BigInt(counter), 8);
  content.copy(slot, HEAD);
  slot.writeUInt32LE(crc32c(slot.subarray(0, HEAD + content.length)), HEAD + content.length);
  return slot;
}

/** The newest whole slot of a file's bytes, and which of the two it is. */
function newest(file: Buffer, length: number): { slot: Slot; index: 0 | 1 } | undefined {
  const [first, second] = [slotIn(file, 0, length), slotIn(file, length, length)];
  if (second !== undefined && (first === undefined || second.counter > first.counter)) return { slot: second, index: 1 };
  return first === undefined ? undefined : { slot: first, index: 0 };
}

/** Reads a file of two slots and changes nothing. `bytes`: most that its content may have. Rejects with the system's error when it is there and cannot be read. */
export async function readSlots(path: string, bytes: number): Promise<SlotsReading> {
  let file: Buffer;
  try {
    file = await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { state: 'absent' };
    throw error;
  }
  const found = newest(file, slotLength(bytes));
  return found === undefined ? { state: 'damaged' } : { state: 'whole', content: found.slot.content, writes: found.slot.counter };
}

/** A file of two slots, open to be written. One process at a time: whoever has the spool's lock. */
export class TwoSlots {
  /** Most that the content may have, bytes. */
  readonly capacity: number;
  private readonly file: FileHandle;
  private readonly length: number;
  private counter: number;
  /** The slot that counts. */
  private index: 0 | 1;
  private last: Promise<void> = Promise.resolve();

  private constructor(file: FileHandle, capacity: number, counter: number, index: 0 | 1) {
    this.file = file;
    this.capacity = capacity;
    this.length = slotLength(capacity);
    this.counter = counter;
    this.index = index;
  }

  /** Makes the file, or puts a new one into its place, with this content. Durable when it resolves: it has its room then. */
  static async create(dir: string, name: string, capacity: number, content: Buffer): Promise<TwoSlots> {
    checkLength(content, capacity);
    const temporary = join(dir, `.${name}.tmp`);
    const whole = Buffer.alloc(2 * slotLength(capacity));
    encode(content, 1).copy(whole);
    const file = await openToWrite(temporary, 'w');
    try {
      await file.writeFile(whole);
      await file.sync();
      await rename(temporary, join(dir, name));
      await syncDirectory(dir);
      return new TwoSlots(file, capacity, 1, 0);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Opens a file that is there, and its content; undefined: it is missing, or none of its slots is whole. */
  static async open(path: string, capacity: number): Promise<{ readonly slots: TwoSlots; readonly content: Buffer } | undefined> {
    const length = slotLength(capacity);
    let bytes: Buffer;
    let file: FileHandle;
    try {
      bytes = await readFile(path);
      file = await open(path, 'r+');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    const found = newest(bytes, length);
    if (found === undefined) {
      await file.close();
      return undefined;
    }
    return { slots: new TwoSlots(file, capacity, found.slot.counter, found.index), content: found.slot.content };
  }

  /** Replaces the content; durable when it resolves. After a failure the old content counts. One write at a time, in the order of the calls. */
  write(content: Buffer): Promise<void> {
    checkLength(content, this.capacity);
    const mine = this.last.then(async () => {
      const slot = encode(content, this.counter + 1);
      const index = this.index === 0 ? 1 : 0;
      const at = index * this.length;
      for (let done = 0; done < slot.length; ) done += (await this.file.write(slot, done, slot.length - done, at + done)).bytesWritten;
      await this.file.datasync();
      this.index = index;
      this.counter++;
    });
    this.last = mine.catch(() => undefined);
    return mine;
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    await this.last;
    await this.file.close();
  }
}

function checkLength(content: Buffer, capacity: number): void {
  if (content.length > capacity) throw new RangeError(`${content.length} bytes do not fit into a slot of ${capacity}.`);
}
