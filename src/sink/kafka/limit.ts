/** Messages are not made smaller than this, bytes. */
const SMALLEST = 256;
/** After so many segments at a limit that a broker's refusal set, a larger one is tried. */
const TRY_AFTER = 8;
/** And after so many at most, when that was refused again and again. */
const TRY_AFTER_MOST = 1024;
/** Every so many segments a topic that takes less than we would send is asked anew. */
const ASK_AFTER = 4;

/**
 * Most bytes of a batch of messages before compression: what the options say, less where a topic says that it takes less, and still less where a broker refused a batch all the same. It grows
 * again: as soon as the topic says so, and by trying where it does not say, twice as much each time.
 */
export class BatchLimit {
  private readonly wanted: number;
  /** What the topics take, as far as they tell. */
  private told = Number.POSITIVE_INFINITY;
  /** What a refusal left. */
  private refused = Number.POSITIVE_INFINITY;
  private patience = TRY_AFTER;
  private sinceRefusal = 0;
  private sinceAsked = 0;
  private tried = false;

  constructor(wanted: number) {
    this.wanted = wanted;
  }

  /** Bytes. */
  get bytes(): number {
    return Math.max(1, Math.min(this.wanted, this.told, this.refused));
  }

  /** Whether it is what the options say. */
  get whole(): boolean {
    return this.bytes >= this.wanted;
  }

  /** The topics should be asked again. */
  get askAgain(): boolean {
    return this.told < this.wanted && this.sinceAsked >= ASK_AFTER;
  }

  /** What the topics say that they take; infinite: they do not say. */
  heard(most: number): void {
    this.sinceAsked = 0;
    // Another setting than when a batch was refused: what was learnt then is of no use.
    if (most !== this.told) this.refused = Number.POSITIVE_INFINITY;
    this.told = most;
  }

  /** A broker refused a batch as too large. False: batches cannot be made smaller. */
  refuse(): boolean {
    const { bytes } = this;
    if (bytes <= SMALLEST) return false;
    if (this.tried) this.patience = Math.min(TRY_AFTER_MOST, this.patience * 2);
    this.tried = false;
    this.sinceRefusal = 0;
    this.refused = Math.max(SMALLEST, Math.floor(bytes / 2));
    return true;
  }

  /** A segment was taken. Returns whether the limit is another one now. */
  taken(): boolean {
    const before = this.bytes;
    this.sinceAsked++;
    if (this.refused < Math.min(this.wanted, this.told) && ++this.sinceRefusal >= this.patience) {
      this.sinceRefusal = 0;
      this.tried = true;
      this.refused *= 2;
      if (this.refused >= Math.min(this.wanted, this.told)) this.refused = Number.POSITIVE_INFINITY;
    }
    return this.bytes !== before;
  }
}
