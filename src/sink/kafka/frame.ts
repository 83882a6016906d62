import { open } from 'node:fs/promises';
import type { Segment } from '../../spool/segment.js';
import type { SequenceSet, Span } from '../file/sequences.js';
import { SinkRejection } from '../sink.js';
import { EVENT_SCHEMA, type Framing, HEADERS, hashText, hashWords, MESSAGE_NAMES } from './message.js';
import { encodeHeader, type RecordSet, RecordSetWriter, SpareMemory } from './record-set.js';

/** Bytes read at a time. */
const WINDOW = 2 << 20;
/** A round of framing `event` has at most so many times the limit, over all its partitions. */
const PARTITIONS_FULL = 4;

/** Raised when the same plan makes other rounds than before. */
export const FRAMING_VERSION = 1;

/** How a segment becomes messages. Equal plans make equal rounds of equal segments: that is what lets a repetition be recognised. */
export interface Plan {
  readonly framing: Framing;
  /** Partitions of the topic. */
  readonly partitions: number;
  /** Most bytes of a batch of messages before compression; a single event may be larger. */
  readonly limit: number;
}

/** A place in a segment between two events. */
export interface Position {
  /** Bytes before it. */
  readonly offset: number;
  /** Events before it. */
  readonly events: number;
}

/** Messages that go out together, one batch a partition. */
export interface Round {
  readonly from: Position;
  readonly to: Position;
  readonly parts: readonly { readonly partition: number; readonly records: RecordSet }[];
  /** Events in the messages. */
  readonly events: number;
}

/** The partition that a node's log goes to in framing `batch`. */
export function partitionOf(node: string, partitions: number): number {
  return hashText(node) % partitions;
}

/** The sequences of a segment's events from one position to before another. */
export function sequencesBetween({ ranges }: Pick<Segment, 'ranges'>, from: Position, to: Position): Span[] {
  const spans: Span[] = [];
  let before = 0;
  for (const { first, last } of ranges) {
    const count = Number(last - first) + 1;
    const [begin, end] = [Math.max(from.events, before), Math.min(to.events, before + count)];
    if (begin < end) spans.push([Number(first) + begin - before, Number(first) + end - before - 1]);
    before += count;
  }
  return spans;
}

/**
 * The rounds of a segment from a position on, in order. `wanted`: only events of these sequences. A round's messages lie in `memory`, which gets back
 * what is no longer needed from whoever took the round. Rejects with SinkRejection when the file
 * is not what the segment says.
 */
export async function* rounds(
  segment: Segment,
  plan: Plan,
  from: Position,
  wanted?: SequenceSet,
  memory = new SpareMemory(),
): AsyncGenerator<Round> {
  const framer = new Framer(segment, plan, wanted, memory);
  const file = await open(segment.path);
  let window = memory.take(Math.max(WINDOW, 2 * plan.limit));
  try {
    let windowAt = from.offset;
    let length = 0;
    let at = from;
    while (at.offset < segment.bytes) {
      const round = framer.next(window, windowAt, length, at);
      if (round === undefined) {
        // What is left in the window is no whole round.
        if (at.offset === windowAt && length === window.length) window = Buffer.allocUnsafeSlow(window.length * 2);
        windowAt = at.offset;
        length = await fill(file, window, windowAt);
        if (windowAt + length < segment.bytes && length < window.length)
          throw new SinkRejection(`Segment ${segment.id} says that it has ${segment.bytes} bytes, but its file has ${windowAt + length}.`);
        continue;
      }
      yield round;
      at = round.to;
    }
    if (at.events !== segment.count)
      throw new SinkRejection(`Segment ${segment.id} says that it has ${segment.count} events, but its file has ${at.events}.`);
  } finally {
    memory.give(window);
    await file.close();
  }
}

async function fill(file: Awaited<ReturnType<typeof open>>, window: Buffer, at: number): Promise<number> {
  let length = 0;
  while (length < window.length) {
    const { bytesRead } = await file.read(window, length, window.length - length, at + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return length;
}

/** Sequences without a gap. */
interface Run {
  readonly first: number;
  /** Events of the segment before it, and before its end. */
  readonly begin: number;
  readonly end: number;
}

/** Cuts rounds out of memory. */
class Framer {
  private readonly segment: Segment;
  private readonly plan: Plan;
  private readonly wanted: SequenceSet | undefined;
  private readonly memory: SpareMemory;
  private readonly runs: readonly Run[];
  private readonly constant: Buffer;
  private readonly constants: number;
  private readonly home: number;
  private readonly keySize: number;

  constructor(segment: Segment, plan: Plan, wanted: SequenceSet | undefined, memory: SpareMemory) {
    this.memory = memory;
    this.segment = segment;
    this.plan = plan;
    this.wanted = wanted;
    let begin = 0;
    this.runs = segment.ranges.map(({ first, last }) => {
      const run = { first: Number(first), begin, end: begin + Number(last - first) + 1 };
      begin = run.end;
      return run;
    });
    if (begin !== segment.count)
      throw new SinkRejection(`Segment ${segment.id} says that it has ${segment.count} events, but names ${begin} sequences.`);
    const headers = [
      encodeHeader(HEADERS.node, segment.node),
      encodeHeader(HEADERS.epoch, segment.epoch),
      encodeHeader(HEADERS.record, segment.record),
      encodeHeader(HEADERS.schema, String(EVENT_SCHEMA)),
      encodeHeader(HEADERS.message, MESSAGE_NAMES[segment.record]),
      encodeHeader(HEADERS.framing, plan.framing),
      ...(plan.framing === 'event' ? [encodeHeader(HEADERS.count, '1')] : []),
    ];
    this.constant = Buffer.concat(headers);
    this.constants = headers.length;
    this.home = partitionOf(segment.node, plan.partitions);
    this.keySize = Buffer.byteLength(segment.node + segment.epoch) + 18;
  }

  /** The round that begins at `at`; undefined when the window, which has `length` bytes of the file from `windowAt` on, ends before it. */
  next(window: Buffer, windowAt: number, length: number, at: Position): Round | undefined {
    return this.plan.framing === 'batch' ? this.batches(window, windowAt, length, at) : this.events(window, windowAt, length, at);
  }

  private batches(window: Buffer, windowAt: number, length: number, from: Position): Round | undefined {
    const { limit } = this.plan;
    const writer = new RecordSetWriter(this.memory.take(limit + 4096));
    let at = from.offset - windowAt;
    let index = from.events;
    let events = 0;
    let [begin, first, count] = [at, 0, 0];
    const close = (): void => {
      if (count > 0) this.addBatch(writer, window, begin, at, first, count);
      events += count;
      count = 0;
    };
    const done = (): Round => {
      close();
      const parts = writer.count === 0 ? [] : [{ partition: this.home, records: writer.take() }];
      return { from, to: { offset: windowAt + at, events: index }, parts, events };
    };
    let run: Run | undefined;
    for (;;) {
      const end = this.endOf(window, windowAt, length, at);
      if (end === undefined) {
        if (windowAt + at === this.segment.bytes || writer.count + count === 0)
          return at === from.offset - windowAt ? this.none(writer) : done();
        return this.none(writer);
      }
      if (run === undefined || index >= run.end) {
        run = this.runAt(index);
        close();
      }
      const sequence = run.first + (index - run.begin);
      if (this.wanted?.has(sequence) === false) {
        close();
      } else {
        const size = writer.bytes + RecordSetWriter.sizeOf(this.keySize, end - begin, this.constant.length + 64);
        if (count > 0 && size > limit) return done();
        if (count === 0) {
          if (writer.count > 0 && writer.bytes + RecordSetWriter.sizeOf(this.keySize, end - at, this.constant.length + 64) > limit)
            return done();
          begin = at;
          first = sequence;
        }
        count++;
      }
      at = end;
      index++;
    }
  }

  private events(window: Buffer, windowAt: number, length: number, from: Position): Round | undefined {
    const { limit, partitions } = this.plan;
    const writers = new Map<number, RecordSetWriter>();
    let at = from.offset - windowAt;
    let index = from.events;
    let events = 0;
    let bytes = 0;
    const done = (): Round => {
      const parts = [...writers].map(([partition, writer]) => ({ partition, records: writer.take() }));
      return { from, to: { offset: windowAt + at, events: index }, parts, events };
    };
    let run: Run | undefined;
    for (;;) {
      const end = this.endOf(window, windowAt, length, at);
      if (end === undefined) {
        if (windowAt + at === this.segment.bytes || events === 0)
          return at === from.offset - windowAt ? this.none(...writers.values()) : done();
        return this.none(...writers.values());
      }
      if (run === undefined || index >= run.end) run = this.runAt(index);
      const sequence = run.first + (index - run.begin);
      if (this.wanted?.has(sequence) !== false) {
        const start = lengthEnd(window, at);
        const { partition, key } = this.placeOf(window, start, end, partitions);
        const size = RecordSetWriter.sizeOf(key.length, end - start, this.constant.length + 32);
        const writer = writers.get(partition) ?? new RecordSetWriter(this.memory.take(Math.ceil(limit / Math.min(partitions, 4)) + 4096));
        if (events > 0 && (writer.bytes + size > limit || bytes + size > limit * PARTITIONS_FULL)) return done();
        writers.set(partition, writer);
        writer.add(key, window, start, end, [this.constant, encodeHeader(HEADERS.first, String(sequence))], this.constants + 1);
        bytes += size;
        events++;
      }
      at = end;
      index++;
    }
  }

  /** What was begun is begun again, when more of the file is there. */
  private none(...writers: readonly RecordSetWriter[]): undefined {
    for (const writer of writers) this.memory.give(writer.take().memory);
  }

  private addBatch(writer: RecordSetWriter, window: Buffer, begin: number, end: number, first: number, count: number): void {
    const { node, epoch } = this.segment;
    const headers = [this.constant, encodeHeader(HEADERS.first, String(first)), encodeHeader(HEADERS.count, String(count))];
    writer.add(Buffer.from(`${node}/${epoch}/${first}`), window, begin, end, headers, this.constants + 2);
  }

  /** Where the event at `at` of the window ends; undefined when the window ends before. */
  private endOf(window: Buffer, windowAt: number, length: number, at: number): number | undefined {
    let size = 0;
    let start = at;
    for (let scale = 1; start < length; scale *= 128) {
      const byte = window[start++] as number;
      size += (byte & 127) * scale;
      if (byte < 128) {
        const end = start + size;
        if (windowAt + end > this.segment.bytes) break;
        return end <= length ? end : undefined;
      }
      if (scale > 2 ** 28) break;
    }
    if (start >= length && windowAt + length < this.segment.bytes) return undefined;
    if (windowAt + at === this.segment.bytes) return undefined;
    throw new SinkRejection(`Segment ${this.segment.id} is damaged: its file ends inside the event at byte ${windowAt + at}.`);
  }

  /** The run of the event with this index. */
  private runAt(index: number): Run {
    let [low, high] = [0, this.runs.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (index < (this.runs[middle]?.end ?? 0)) high = middle;
      else low = middle + 1;
    }
    const run = this.runs[low];
    if (run === undefined)
      throw new SinkRejection(`Segment ${this.segment.id} says that it has ${this.segment.count} events, but its file has more.`);
    return run;
  }

  /** A connection's events have its id as key and share a partition; those of no connection go where the node's log goes. */
  private placeOf(window: Buffer, start: number, end: number, partitions: number): { partition: number; key: Buffer } {
    const at = this.segment.record === 'conn' ? connIdAt(window, start, end) : -1;
    if (at < 0) return { partition: this.home, key: Buffer.from(this.segment.node) };
    const partition = hashWords(window.readUInt32LE(at), window.readUInt32LE(at + 4)) % partitions;
    return { partition, key: Buffer.from(window.readBigUInt64LE(at).toString()) };
  }
}

/** Where the length before an event ends. */
function lengthEnd(window: Buffer, at: number): number {
  let start = at;
  while ((window[start++] as number) >= 128);
  return start;
}

const CONN_ID_TAG = (4 << 3) | 1; // fixed64 conn_id = 4; a unit test holds this to the contract

/** Where the value of an event's conn_id lies; -1 when it has none, or 0. */
function connIdAt(window: Buffer, start: number, end: number): number {
  let at = start;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; at < end; scale *= 128) {
      const byte = window[at++] as number;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    return value;
  };
  while (at < end) {
    const tag = varint();
    if (tag === CONN_ID_TAG && at + 8 <= end) return window.readBigUInt64LE(at) === 0n ? -1 : at;
    const type = tag & 7;
    if (type === 0) varint();
    else if (type === 1) at += 8;
    else if (type === 5) at += 4;
    else if (type === 2) {
      const length = varint();
      at += length;
    } else return -1;
  }
  return -1;
}
