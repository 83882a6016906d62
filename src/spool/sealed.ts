import { NEVER_SET_MS } from '../clock/believed-clock.js';
import type { SpoolSettings } from './options.js';
import type { Segment } from './segment.js';

type Limits = Pick<SpoolSettings, 'maxBytes' | 'maxSegments' | 'maxAgeMs' | 'backlogBytes' | 'backlogAgeMs' | 'whenFull' | 'now'>;

/** Segments that have to go although some sink has not got them. */
export interface Doomed {
  /** Of one node, oldest first. */
  readonly segments: readonly Segment[];
  /** The limit that was passed, words for a sentence. */
  readonly why: string;
  /** `sink NAME` of each that has not got the newest of them. */
  readonly behind: readonly string[];
}

/** So many segments wait for a sink that keeps up: one under way, one behind it, one that was sealed just now. */
const IN_PASSING = 3;
/** Most segments that one note dooms. */
const DROPPED_AT_ONCE = 256;

/** What is after a place in the spool. */
export interface SealedLag {
  readonly segments: number;
  readonly events: number;
  readonly bytes: number;
}

/** The sealed segments of a spool in order, how far each sink is, and which segments may or must go. */
export class SealedSegments {
  private readonly limits: Limits;
  private readonly list: Segment[] = [];
  /** Sealed by an earlier process: their bodies are checked before they are handed out. */
  private readonly unchecked = new Set<number>();
  /** When they were sealed, ms since 1970, by id. */
  private readonly sealedMs = new Map<number, number>();
  private readonly cursors = new Map<string, number>();
  private totalBytes = 0;
  private waiting = 0;

  constructor(limits: Limits) {
    this.limits = limits;
  }

  get length(): number {
    return this.list.length;
  }

  get oldest(): Segment | undefined {
    return this.list[0];
  }

  get newest(): Segment | undefined {
    return this.list.at(-1);
  }

  /** Of all bodies. */
  get bytes(): number {
    return this.totalBytes;
  }

  /** Bytes of those that some sink has not. */
  get waitingBytes(): number {
    return this.waiting;
  }

  /** Ascending by id, as they are now. */
  all(): readonly Segment[] {
    return [...this.list];
  }

  /** Puts one behind the newest. `checked`: its body is known to be whole. */
  add(segment: Segment, sealedMs: number, checked: boolean): void {
    this.list.push(segment);
    // A file's time is of a clock that may have been wrong: then it counts from now on.
    const now = this.limits.now();
    this.sealedMs.set(segment.id, sealedMs > now || sealedMs < NEVER_SET_MS ? now : sealedMs);
    this.totalBytes += segment.bytes;
    if (!checked) this.unchecked.add(segment.id);
    this.countWaiting();
  }

  /** Takes note that a segment was rewritten. Its length is the same. */
  replace(segment: Segment): void {
    const at = this.list.findIndex(({ id }) => id === segment.id);
    if (at >= 0) this.list[at] = segment;
  }

  remove(id: number): void {
    const at = this.list.findIndex((segment) => segment.id === id);
    if (at < 0) return;
    this.totalBytes -= (this.list[at] as Segment).bytes;
    this.list.splice(at, 1);
    this.unchecked.delete(id);
    this.sealedMs.delete(id);
    this.countWaiting();
  }

  /** The first after `id`. */
  after(id: number): Segment | undefined {
    return this.list[this.indexAfter(id)];
  }

  has(id: number): boolean {
    return this.sealedMs.has(id);
  }

  isChecked(id: number): boolean {
    return !this.unchecked.has(id);
  }

  setChecked(id: number): void {
    this.unchecked.delete(id);
  }

  /** How many are after `id`, and what they hold. */
  lag(id: number): SealedLag {
    const behind = this.list.slice(this.indexAfter(id));
    return {
      segments: behind.length,
      events: behind.reduce((sum, { count }) => sum + count, 0),
      bytes: behind.reduce((sum, { bytes }) => sum + bytes, 0),
    };
  }

  /** A sink has everything up to segment `id`. */
  setCursor(sink: string, id: number): void {
    this.cursors.set(sink, id);
    this.countWaiting();
  }

  /** A sink is not waited for any longer. */
  removeCursor(sink: string): void {
    this.cursors.delete(sink);
    this.countWaiting();
  }

  /** More waits for the sinks than may, and the policy is to block. */
  get full(): boolean {
    const { whenFull, backlogBytes } = this.limits;
    return whenFull === 'block' && backlogBytes > 0 && this.waiting >= backlogBytes;
  }

  /** What to say while it is full. */
  fullSentence(): string {
    const behind = this.behind(this.newest?.id ?? 0);
    return `${this.waiting} bytes wait for ${behind.join(' and ')} (spool.backlog_bytes is ${this.limits.backlogBytes}): nothing more is read until there is room.`;
  }

  /** More is here than is kept of what every sink has. */
  get overKept(): boolean {
    const { maxBytes, maxSegments, maxAgeMs } = this.limits;
    return this.totalBytes > maxBytes || this.list.length > maxSegments || (maxAgeMs > 0 && this.ageOf(this.oldest) > maxAgeMs);
  }

  /** After this time, ms, what is kept or waits may have become too old; undefined: never. */
  get agesWithinMs(): number | undefined {
    const { maxAgeMs, backlogAgeMs, whenFull } = this.limits;
    const ages = [maxAgeMs, whenFull === 'drop-oldest' ? backlogAgeMs : 0].filter((age) => age > 0);
    return ages.length === 0 ? undefined : Math.min(...ages);
  }

  /** The oldest, when every sink has it, there are others, and room is wanted. The newest stays: it carries chain and position. */
  removable(diskFull: boolean): Segment | undefined {
    const { oldest } = this;
    if (oldest === undefined || this.list.length < 2 || !(diskFull || this.overKept)) return undefined;
    return oldest.id <= this.delivered() ? oldest : undefined;
  }

  /**
   * What the policy `drop-oldest` gives up now; undefined: nothing. However small `spool.backlog_bytes` is, the newest few stay for it: they wait in passing, also for a sink
   * that keeps up.
   */
  doomed(diskFull: boolean): Doomed | undefined {
    const { whenFull, backlogBytes, backlogAgeMs } = this.limits;
    if (whenFull !== 'drop-oldest') return undefined;
    const delivered = this.delivered();
    const segments: Segment[] = [];
    let waiting = this.waiting;
    let why = '';
    for (const [i, segment] of this.list.slice(0, -1).entries()) {
      if (segment.id <= delivered) continue;
      if (segments.length === DROPPED_AT_ONCE || (segments.length > 0 && segments[0]?.node !== segment.node)) break;
      if (backlogBytes > 0 && waiting > backlogBytes && i < this.list.length - IN_PASSING)
        why = `More than ${backlogBytes} bytes waited (spool.backlog_bytes)`;
      else if (backlogAgeMs > 0 && this.ageOf(segment) > backlogAgeMs)
        why = `Something waited for more than ${backlogAgeMs} ms (spool.backlog_age)`;
      else if (diskFull && segments.length === 0) why = 'The disk was full';
      else break;
      segments.push(segment);
      waiting -= segment.bytes;
    }
    const newest = segments.at(-1);
    return newest === undefined ? undefined : { segments, why, behind: this.behind(newest.id) };
  }

  /** Sinks that have not got segment `id`. */
  private behind(id: number): string[] {
    return [...this.cursors].filter(([, cursor]) => cursor < id).map(([name]) => `sink ${name}`);
  }

  /** ms since it was sealed. */
  private ageOf(segment: Segment | undefined): number {
    const now = this.limits.now();
    return segment === undefined ? 0 : now - (this.sealedMs.get(segment.id) ?? now);
  }

  /** Everything up to this segment is in every sink. */
  private delivered(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...this.cursors.values());
  }

  /** Segments that no sink has, not even the one that is furthest; 0 without sinks. */
  get ahead(): number {
    return this.cursors.size === 0 ? 0 : this.list.length - this.indexAfter(Math.max(...this.cursors.values()));
  }

  private countWaiting(): void {
    this.waiting = 0;
    for (let i = this.indexAfter(this.delivered()); i < this.list.length; i++) this.waiting += (this.list[i] as Segment).bytes;
  }

  /** Place in the list of the first segment after `id`. */
  private indexAfter(id: number): number {
    let low = 0;
    let high = this.list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.list[middle] as Segment).id <= id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
