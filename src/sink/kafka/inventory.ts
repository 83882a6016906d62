import { stat } from 'node:fs/promises';
import { scanEvents } from '../../spool/scan.js';
import type { Segment } from '../../spool/segment.js';
import { SequenceSet, type Span } from '../file/sequences.js';
import type { FetchedMessage } from './kafkajs-core.js';
import { HEADERS } from './message.js';
import { SequenceBits } from './sequence-bits.js';

/** How much a clock may have been turned back between an event and its message, ms. */
const SLACK_MS = 3_600_000;
/** No message of ours has so many events: who says so takes memory only. */
const EVENTS_MOST = 1 << 24;

/** What an inventory reads. */
export interface TopicReader {
  partitions(topic: string): number;
  /** The time that messages bear which are sent now, ms since 1970. */
  now(): number;
  offsets(topic: string, partition: number): Promise<{ first: number; end: number }>;
  offsetAt(topic: string, partition: number, timeMs: number): Promise<number | undefined>;
  read(topic: string, partition: number, from: number, end: number, each: (message: FetchedMessage) => void): Promise<void>;
}

/** A message's place in a log. */
export interface MessageOrigin {
  readonly node: string;
  readonly epoch: string;
  readonly first: number;
  readonly count: number;
}

/** A message of ours in a partition, and who wrote it. */
export interface Sighting {
  readonly offset: number;
  /** Id of the producer. */
  readonly producer: string;
  /** Of the message among those of its producer. */
  readonly sequence: number;
}

/** What the headers of a message say; undefined when it is none of ours. */
export function originOf({ headers }: Pick<FetchedMessage, 'headers'>): MessageOrigin | undefined {
  const text = (name: string): string | undefined => headers[name]?.toString();
  const [node, epoch] = [text(HEADERS.node), text(HEADERS.epoch)];
  const [first, count] = [Number(text(HEADERS.first)), Number(text(HEADERS.count))];
  if (node === undefined || epoch === undefined || !Number.isSafeInteger(first) || !Number.isSafeInteger(count)) return undefined;
  return { node, epoch, first, count };
}

/** Who wrote a message, under which sequence. */
export function sightingOf({ offset, batchContext }: FetchedMessage): Sighting {
  const at = Number(offset);
  const { producerId = '-1', firstSequence = -1, firstOffset = offset } = batchContext ?? {};
  return { offset: at, producer: producerId, sequence: (firstSequence + at - Number(firstOffset)) % 0x8000_0000 };
}

/** No message with an event of this segment can be older, ms since 1970. `nowMs`: the believed time; a file or an event of the future says that a clock was wrong: 0. */
export async function sentAfter(path: string, nowMs: number): Promise<number> {
  const { mtimeMs } = await stat(path);
  let earliest = Number.POSITIVE_INFINITY;
  await scanEvents(path, (_sequence, seconds) => {
    if (seconds > 0) earliest = Math.min(earliest, seconds * 1000);
  });
  const first = Math.min(mtimeMs, earliest);
  return first > nowMs + SLACK_MS ? 0 : Math.max(0, first - SLACK_MS);
}

/** Which sequences of one node a topic has. It reads what it must, and keeps what it has read: a bit a sequence at most, no event. */
export class Inventory {
  readonly topic: string;
  readonly node: string;
  /** The topic has deleted messages that might have been among those that were asked for. */
  lacking = false;
  /** Messages of what is being read that are read, of how many; undefined: nothing is. */
  progress: { done: number; all: number } | undefined;
  private readonly epochs = new Map<string, SequenceBits>();
  /** What was read of each partition. */
  private readonly known = new Map<number, { from: number; end: number; newest: Sighting | undefined }>();

  constructor(topic: string, node: string, spans: Iterable<readonly [epoch: string, spans: readonly Span[]]> = []) {
    this.topic = topic;
    this.node = node;
    for (const [epoch, some] of spans) for (const [first, last] of some) this.of(epoch).add(first, last);
  }

  /** What was read: of each partition from which offset to before which one, and the newest message of the node in that. */
  get read(): ReadonlyMap<number, { readonly from: number; readonly end: number; readonly newest: Sighting | undefined }> {
    return this.known;
  }

  /** Reads all that may hold events of the segment and was not read yet. */
  async cover(reader: TopicReader, segment: Segment): Promise<void> {
    const since = await sentAfter(segment.path, reader.now());
    for (let partition = 0; partition < reader.partitions(this.topic); partition++) {
      const { first, end } = await reader.offsets(this.topic, partition);
      const begin = Math.max(first, (await reader.offsetAt(this.topic, partition, since)) ?? end);
      const known = this.known.get(partition);
      if (known !== undefined && end < known.end) {
        // It was made anew: what was read is gone.
        this.known.clear();
        this.epochs.clear();
        return this.cover(reader, segment);
      }
      // The oldest that is left is younger than what was asked for.
      if (first > 0 && begin === first) this.lacking = true;
      if (known === undefined) {
        await this.take(reader, partition, begin, end);
        continue;
      }
      if (begin < known.from) await this.take(reader, partition, begin, known.from);
      await this.take(reader, partition, known.end, end);
    }
  }

  /** Reads each partition from an offset on; undefined: from its beginning. `each` hears of every message. */
  async readFrom(
    reader: TopicReader,
    from: (partition: number) => number | undefined,
    each: (message: FetchedMessage, partition: number) => void = () => undefined,
  ): Promise<void> {
    for (let partition = 0; partition < reader.partitions(this.topic); partition++) {
      const { first, end } = await reader.offsets(this.topic, partition);
      const wanted = from(partition);
      if (wanted !== undefined && wanted < first) this.lacking = true;
      await this.take(reader, partition, Math.min(end, Math.max(first, wanted ?? first)), end, (message) => each(message, partition));
    }
  }

  /** Something that is known to be there without being read. */
  add(epoch: string, first: number, last: number): void {
    this.of(epoch).add(first, last);
  }

  /** The sequences of the segment that the topic lacks. */
  absent({ epoch, ranges }: Pick<Segment, 'epoch' | 'ranges'>): SequenceSet {
    const present = this.epochs.get(epoch);
    const absent = new SequenceSet();
    for (const { first, last } of ranges) {
      for (const [from, to] of present?.missing(Number(first), Number(last)) ?? [[Number(first), Number(last)] as const])
        absent.add(from, to);
    }
    return absent;
  }

  /** Lets go of what comes before the end of a segment: it is not asked for again. Returns whether something of the segment's epoch is left. */
  pass({ epoch, ranges }: Pick<Segment, 'epoch' | 'ranges'>): boolean {
    const present = this.epochs.get(epoch);
    if (present === undefined) return false;
    present.forget(Number(ranges.at(-1)?.last ?? 0n));
    if (present.empty) this.epochs.delete(epoch);
    return !present.empty;
  }

  /** All that it holds, in at most so many spans; undefined: there are more. */
  spans(most: number): (readonly [epoch: string, spans: readonly Span[]])[] | undefined {
    const found: (readonly [string, readonly Span[]])[] = [];
    let left = most;
    for (const [epoch, present] of this.epochs) {
      const spans = present.spans(left);
      if (spans === undefined || spans.length > left) return undefined;
      left -= spans.length;
      found.push([epoch, spans]);
    }
    return found;
  }

  private of(epoch: string): SequenceBits {
    const found = this.epochs.get(epoch) ?? new SequenceBits();
    this.epochs.set(epoch, found);
    return found;
  }

  private async take(
    reader: TopicReader,
    partition: number,
    from: number,
    end: number,
    each: (message: FetchedMessage) => void = () => undefined,
  ): Promise<void> {
    let newest: Sighting | undefined;
    try {
      await reader.read(this.topic, partition, from, end, (message) => {
        this.progress = { done: Number(message.offset) - from, all: end - from };
        each(message);
        const origin = originOf(message);
        if (origin === undefined || origin.node !== this.node || origin.count < 1 || origin.count > EVENTS_MOST) return;
        newest = sightingOf(message);
        this.of(origin.epoch).add(origin.first, origin.first + origin.count - 1);
      });
    } finally {
      this.progress = undefined;
    }
    const known = this.known.get(partition);
    this.known.set(partition, {
      from: Math.min(from, known?.from ?? from),
      end: Math.max(end, known?.end ?? end),
      newest: [known?.newest, newest].reduce((a, b) => ((b?.offset ?? -1) > (a?.offset ?? -1) ? b : a), undefined),
    });
  }
}
