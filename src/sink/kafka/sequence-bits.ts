import type { Span } from '../file/sequences.js';

/** Sequences that share a piece of memory. */
const CHUNK = 1 << 16;

/** Sequences of one chunk, counted from its first: a run without gaps, or a bit each. */
type Chunk = { first: number; last: number } | { readonly bits: Uint32Array; count: number };

/**
 * A set of sequences that are added in any order: it takes a bit each where there are gaps, and next to nothing where there are none. Partitions of a topic are read one after the other, so with
 * messages of one event each the first of them leaves a gap after nearly every event, for which SequenceSet has no room. Sequences stay below 2^53.
 */
export class SequenceBits {
  private readonly chunks = new Map<number, Chunk>();

  get empty(): boolean {
    return this.chunks.size === 0;
  }

  add(first: number, last: number): void {
    this.eachChunk(first, last, (index, from, to) => {
      const chunk = this.chunks.get(index);
      if (chunk === undefined) this.chunks.set(index, { first: from, last: to });
      else if ('bits' in chunk) this.fill(index, chunk, from, to);
      else if (from <= chunk.last + 1 && to >= chunk.first - 1) {
        chunk.first = Math.min(chunk.first, from);
        chunk.last = Math.max(chunk.last, to);
      } else {
        const made = { bits: new Uint32Array(CHUNK / 32), count: 0 };
        this.chunks.set(index, made);
        this.fill(index, made, chunk.first, chunk.last);
        this.fill(index, made, from, to);
      }
    });
  }

  /** What of first to last is not in the set, ascending. */
  missing(first: number, last: number): Span[] {
    const found: [number, number][] = [];
    this.eachChunk(first, last, (index, from, to) => {
      const base = index * CHUNK;
      for (const [a, b] of gapsOf(this.chunks.get(index), from, to)) append(found, base + a, base + b);
    });
    return found;
  }

  /** Spans of the set, ascending, at most `most`; undefined: there are more. */
  spans(most: number): Span[] | undefined {
    const found: [number, number][] = [];
    for (const index of [...this.chunks.keys()].sort((a, b) => a - b)) {
      const base = index * CHUNK;
      let next = 0;
      for (const [a, b] of [...gapsOf(this.chunks.get(index), 0, CHUNK - 1), [CHUNK, CHUNK] as const]) {
        if (a > next) append(found, base + next, base + a - 1);
        next = b + 1;
        if (found.length > most) return undefined;
      }
    }
    return found;
  }

  /** Takes out all up to `last`. */
  forget(last: number): void {
    for (const [index, chunk] of this.chunks) {
      const base = index * CHUNK;
      if (base > last) continue;
      const to = last - base;
      if (to >= CHUNK - 1) this.chunks.delete(index);
      else if ('bits' in chunk) {
        for (let at = 0; at <= to; at++) {
          const [word, bit] = [at >>> 5, 1 << (at & 31)];
          if (((chunk.bits[word] as number) & bit) === 0) continue;
          chunk.bits[word] = (chunk.bits[word] as number) & ~bit;
          chunk.count--;
        }
        if (chunk.count === 0) this.chunks.delete(index);
      } else if (chunk.last <= to) this.chunks.delete(index);
      else chunk.first = Math.max(chunk.first, to + 1);
    }
  }

  private fill(index: number, chunk: { readonly bits: Uint32Array; count: number }, from: number, to: number): void {
    for (let at = from; at <= to; at++) {
      const [word, bit] = [at >>> 5, 1 << (at & 31)];
      if (((chunk.bits[word] as number) & bit) !== 0) continue;
      chunk.bits[word] = (chunk.bits[word] as number) | bit;
      chunk.count++;
    }
    if (chunk.count === CHUNK) this.chunks.set(index, { first: 0, last: CHUNK - 1 });
  }

  private eachChunk(first: number, last: number, each: (index: number, from: number, to: number) => void): void {
    for (let at = first; at <= last; ) {
      const index = Math.floor(at / CHUNK);
      const end = Math.min(last, (index + 1) * CHUNK - 1);
      each(index, at - index * CHUNK, end - index * CHUNK);
      at = end + 1;
    }
  }
}

/** What of a chunk's places is not in it, ascending. */
function gapsOf(chunk: Chunk | undefined, from: number, to: number): Span[] {
  if (chunk === undefined) return [[from, to]];
  const gaps: [number, number][] = [];
  if ('bits' in chunk) {
    for (let at = from; at <= to; at++) {
      const word = chunk.bits[at >>> 5] as number;
      if (word === 0xffff_ffff) at |= 31;
      else if ((word & (1 << (at & 31))) === 0) append(gaps, at, at);
    }
    return gaps;
  }
  if (from < chunk.first) gaps.push([from, Math.min(to, chunk.first - 1)]);
  if (to > chunk.last) gaps.push([Math.max(from, chunk.last + 1), to]);
  return gaps;
}

/** Adds a span behind the others, joined to the last where it follows it. */
function append(spans: [number, number][], first: number, last: number): void {
  const newest = spans.at(-1);
  if (newest !== undefined && newest[1] + 1 === first) newest[1] = last;
  else spans.push([first, last]);
}
