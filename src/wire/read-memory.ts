/** Bytes of one piece of memory: large enough that most frames lie in one. */
const PIECE_SIZE = 2 * 1024 * 1024;
/** A read gets at least so many. */
const LEAST = 256 * 1024;
/** Pieces that are kept for later; the garbage collector gets the others. */
const MOST_SPARE = 8;

interface Piece {
  readonly memory: Buffer;
  /** Whoever still reads what lies in it. */
  holders: number;
}

/**
 * Memory that a socket is read into, a piece at a time. A piece is used again once everything held in it was released, so that a busy stream makes no garbage:
 * megabytes of buffers a second would have the collector of garbage at work all the time.
 */
export class ReadMemory {
  private readonly pieces = new Map<ArrayBufferLike, Piece>();
  private readonly spare: Piece[] = [];
  private readonly reuse: boolean;
  private current: Piece;
  private previous: Piece | undefined;
  private used = 0;

  /** `reuse`: false when nobody releases, and everything may be read for as long as somebody has it. */
  constructor(reuse: boolean) {
    this.reuse = reuse;
    this.current = this.add();
  }

  /** Where the next bytes go. `carry` is told when that is another piece than before: it may copy what it still needs to the beginning of `to`, and returns how much that was. */
  next(carry: (to: Buffer) => number): Buffer {
    if (this.current.memory.length - this.used < LEAST) {
      // What was begun in the current piece and not carried is read until the next change at the latest.
      if (this.previous !== undefined) this.letGo(this.previous);
      this.previous = this.current;
      this.current = this.add();
      this.used = carry(this.current.memory);
    }
    return this.current.memory.subarray(this.used);
  }

  /** So many bytes were written to the beginning of what next() gave. Returns them. */
  took(count: number): Buffer {
    const bytes = this.current.memory.subarray(this.used, this.used + count);
    this.used += count;
    return bytes;
  }

  /** What lies there is read until release(). */
  hold(bytes: Uint8Array): void {
    const piece = this.pieces.get(bytes.buffer);
    if (piece !== undefined) piece.holders++;
  }

  release(bytes: Uint8Array): void {
    const piece = this.pieces.get(bytes.buffer);
    if (piece !== undefined) this.letGo(piece);
  }

  private add(): Piece {
    const piece = this.spare.pop() ?? { memory: Buffer.allocUnsafeSlow(PIECE_SIZE), holders: 0 };
    piece.holders = 1;
    this.pieces.set(piece.memory.buffer, piece);
    return piece;
  }

  private letGo(piece: Piece): void {
    if (--piece.holders > 0) return;
    this.pieces.delete(piece.memory.buffer);
    if (this.reuse && this.spare.length < MOST_SPARE) this.spare.push(piece);
  }
}
