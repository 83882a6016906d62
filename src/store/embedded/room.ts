/** What an answer may take, and what it takes. */
export interface Allowance {
  /** Bytes that it may have at most. */
  readonly bytes: number;
  /** It has become no larger than this: the rest is others' again. */
  settle(size: number): void;
  /** It is gone. */
  free(): void;
}

/** Bytes that answers may take at one time: each has a limit, and all together have one. */
export class Room {
  private readonly total: number;
  private readonly each: number;
  private taken = 0;

  constructor(total: number, each: number) {
    this.total = total;
    this.each = each;
  }

  /** Room for one answer, less than usual where others leave less; undefined: none is left. */
  take(): Allowance | undefined {
    const bytes = Math.min(this.each, this.total - this.taken);
    if (bytes <= 0) return undefined;
    let mine = bytes;
    this.taken += mine;
    const settle = (size: number): void => {
      const kept = Math.min(size, mine);
      this.taken -= mine - kept;
      mine = kept;
    };
    return { bytes, settle, free: () => settle(0) };
  }
}
