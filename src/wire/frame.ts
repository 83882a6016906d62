import { WireError } from './errors.js';

/** Bytes of a frame's header. */
export const HEADER_SIZE = 16;
/** The longest frame, header included. */
export const MAX_FRAME_SIZE = 16 * 1024 * 1024;

/**
 * | offset | size | field    |
 * |      0 |    4 | length   | of the whole frame
 * |      4 |    2 | type     |
 * |      6 |    2 | flags    |
 * |      8 |    4 | sequence | of the request
 * |     12 |    4 | port     | the session's number
 */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly port: number;
  /** A view of the bytes received, not a copy where the frame lay in one chunk. */
  readonly payload: Buffer;
  /** Of the frame's first byte in the stream. */
  readonly offset: number;
}

/** A frame as bytes. */
export function encodeFrame(type: number, flags: number, sequence: number, port: number, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_SIZE + payload.length);
  frame.writeUInt32LE(frame.length, 0);
  frame.writeUInt16LE(type, 4);
  frame.writeUInt16LE(flags, 6);
  frame.writeUInt32LE(sequence, 8);
  frame.writeUInt32LE(port, 12);
  frame.set(payload, HEADER_SIZE);
  return frame;
}

const EMPTY = Buffer.alloc(0);

/**
 * Cuts a stream of chunks into frames. A frame that lies in one chunk, or in chunks that follow one another in the same memory, is handed out as a view; only
 * a frame across unrelated chunks is copied together.
 */
export class FrameReader {
  /** Bytes of complete frames handed out so far: where the frame being read begins. */
  private position = 0;
  /** The beginning of a frame whose rest has not come. */
  private tail: Buffer = EMPTY;
  /** Set when the tail is being copied into a buffer of the whole frame's length; `filled` bytes of it are there. */
  private assembly: Buffer | undefined;
  private filled = 0;

  /** Where the stream stands, incomplete frame included. */
  get offset(): number {
    return this.position + this.tail.length + (this.assembly === undefined ? 0 : this.filled);
  }

  /** Takes the next bytes, which must not change afterwards, and hands over every frame they complete. Throws WireError at a length that cannot be. */
  push(chunk: Buffer, onFrame: (frame: Frame) => void): void {
    let rest = chunk;
    if (this.assembly === undefined && this.tail.length > 0) {
      if (this.tail.buffer === chunk.buffer && this.tail.byteOffset + this.tail.length === chunk.byteOffset) {
        rest = Buffer.from(chunk.buffer, this.tail.byteOffset, this.tail.length + chunk.length);
        this.tail = EMPTY;
      } else {
        rest = this.startAssembly(rest);
      }
    }
    if (this.assembly !== undefined) {
      const taken = Math.min(this.assembly.length - this.filled, rest.length);
      rest.copy(this.assembly, this.filled, 0, taken);
      this.filled += taken;
      rest = rest.subarray(taken);
      if (this.filled < this.assembly.length) return;
      const whole = this.assembly;
      this.assembly = undefined;
      this.emit(whole, 0, whole.length, onFrame);
    }
    let at = 0;
    while (rest.length - at >= 4) {
      const length = this.checkedLength(rest, at);
      if (rest.length - at < length) break;
      this.emit(rest, at, length, onFrame);
      at += length;
    }
    if (at < rest.length) this.tail = rest.subarray(at);
  }

  /** Copies the frame that was begun to the beginning of `to`, after which the next bytes will come. Returns its length; 0 when nothing was begun, or it is too long for that. */
  moveTo(to: Buffer): number {
    if (this.assembly !== undefined || this.tail.length === 0 || this.tail.length > to.length / 2) return 0;
    const length = this.tail.length;
    this.tail.copy(to);
    this.tail = to.subarray(0, length);
    return length;
  }

  /** To be called at the end of the stream: throws WireError when it ended inside a frame. */
  end(): void {
    const begun = this.offset - this.position;
    if (begun > 0) throw new WireError(`The stream ended after ${begun} bytes of a frame`, this.position);
  }

  /** Moves the tail, and from `chunk` what is needed to know the length, to a buffer for the whole frame. Returns the rest of the chunk. */
  private startAssembly(chunk: Buffer): Buffer {
    let head = this.tail;
    let rest = chunk;
    if (head.length < 4) {
      const taken = Math.min(4 - head.length, chunk.length);
      head = Buffer.concat([head, chunk.subarray(0, taken)]);
      rest = chunk.subarray(taken);
      this.tail = head;
      if (head.length < 4) return rest;
    }
    const length = this.checkedLength(head, 0);
    this.assembly = Buffer.allocUnsafeSlow(length);
    head.copy(this.assembly);
    this.filled = head.length;
    this.tail = EMPTY;
    return rest;
  }

  private checkedLength(buffer: Buffer, at: number): number {
    const length = buffer.readUInt32LE(at);
    if (length < HEADER_SIZE || length > MAX_FRAME_SIZE) {
      throw new WireError(`A frame's length is ${length}, not ${HEADER_SIZE} to ${MAX_FRAME_SIZE},`, this.position);
    }
    return length;
  }

  private emit(buffer: Buffer, at: number, length: number, onFrame: (frame: Frame) => void): void {
    const offset = this.position;
    this.position += length;
    onFrame({
      type: buffer.readUInt16LE(at + 4),
      flags: buffer.readUInt16LE(at + 6),
      sequence: buffer.readUInt32LE(at + 8),
      port: buffer.readUInt32LE(at + 12),
      payload: buffer.subarray(at + HEADER_SIZE, at + length),
      offset,
    });
  }
}
