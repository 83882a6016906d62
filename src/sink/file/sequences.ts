/** Sequences of one epoch, both ends included. They stay below 2^53. */
export type Span = readonly [first: number, last: number];

/** A set of sequences, kept as few spans as there can be. */
export class SequenceSet {
  private readonly sorted: [number, number][] = [];

  constructor(spans: Iterable<Span> = []) {
    for (const [first, last] of spans) this.add(first, last);
  }

  /** Ascending. */
  get spans(): readonly Span[] {
    return this.sorted;
  }

  /** How many there are. */
  get size(): number {
    return this.sorted.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  }

  /** Returns how many of them are new. */
  add(first: number, last: number): number {
    const newest = this.sorted.at(-1);
    // Logs are read in order: nearly always this one continues the last span or comes after it.
    if (newest === undefined || first > newest[1]) {
      if (newest !== undefined && first === newest[1] + 1) newest[1] = last;
      else this.sorted.push([first, last]);
      return last - first + 1;
    }
    const fresh = this.missing(first, last).reduce((sum, [from, to]) => sum + to - from + 1, 0);
    if (fresh === 0) return 0;
    const begin = this.at(first - 1);
    let end = begin;
    let [low, high] = [first, last];
    for (let span = this.sorted[end]; span !== undefined && span[0] <= last + 1; span = this.sorted[++end]) {
      low = Math.min(low, span[0]);
      high = Math.max(high, span[1]);
    }
    this.sorted.splice(begin, end - begin, [low, high]);
    return fresh;
  }

  has(sequence: number): boolean {
    const span = this.sorted[this.at(sequence)];
    return span !== undefined && span[0] <= sequence;
  }

  /** What of first to last is not in the set. */
  missing(first: number, last: number): Span[] {
    const gaps: Span[] = [];
    let next = first;
    for (let i = this.at(first); next <= last; i++) {
      const span = this.sorted[i];
      if (span === undefined || span[0] > last) {
        gaps.push([next, last]);
        break;
      }
      if (span[0] > next) gaps.push([next, span[0] - 1]);
      next = span[1] + 1;
    }
    return gaps;
  }

  /** Index of the first span that does not end before `sequence`. */
  private at(sequence: number): number {
    let [low, high] = [0, this.sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.sorted[middle]?.[1] ?? 0) < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
