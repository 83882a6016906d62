import { stat } from 'node:fs/promises';
import { scanEvents } from '../../spool/scan.js';
import type { Segment } from '../../spool/segment.js';
import { SequenceSet } from '../file/sequences.js';
import type { FetchedMessage } from './kafkajs-core.js';
import { HEADERS } from './message.js';

/** How much a clock may have been turned back between an event and its message, ms. */
const SLACK_MS = 3_600_000;

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

/** What the headers of a message say; undefined when it is none of ours. */
export function originOf({ headers }: Pick<FetchedMessage, 'headers'>): MessageOrigin | undefined {
  const text = (name: string): string | undefined => headers[name]?.toString();
  const [node, epoch] = [text(HEADERS.node), text(HEADERS.epoch)];
  const [first, count] = [Number(text(HEADERS.first)), Number(text(HEADERS.count))];
  if (node === undefined || epoch === undefined || !Number.isSafeInteger(first) || !Number.isSafeInteger(count)) return undefined;
  return { node, epoch, first, count };
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

/** Which sequences of one node a topic has. It reads what it must, and keeps what it has read. */
export class Inventory {
  readonly topic: string;
  readonly node: string;
  private readonly reader: TopicReader;
  private readonly epochs = new Map<string, SequenceSet>();
  /** What was read of each partition. */
  private readonly known = new Map<number, { from: number; end: number }>();

  constructor(reader: TopicReader, topic: string, node: string) {
    this.reader = reader;
    this.topic = topic;
    this.node = node;
  }

  /** Reads all that may hold events of the segment and was not read yet. */
  async cover(segment: Segment): Promise<void> {
    const since = await sentAfter(segment.path, this.reader.now());
    for (let partition = 0; partition < this.reader.partitions(this.topic); partition++) {
      const { first, end } = await this.reader.offsets(this.topic, partition);
      const begin = Math.max(first, (await this.reader.offsetAt(this.topic, partition, since)) ?? end);
      const known = this.known.get(partition);
      if (known !== undefined && end < known.end) {
        // It was made anew: what was read is gone.
        this.known.clear();
        this.epochs.clear();
        return this.cover(segment);
      }
      if (known === undefined) {
        await this.take(partition, begin, end);
        this.known.set(partition, { from: begin, end });
        continue;
      }
      if (begin < known.from) await this.take(partition, begin, known.from);
      await this.take(partition, known.end, end);
      this.known.set(partition, { from: Math.min(begin, known.from), end: Math.max(end, known.end) });
    }
  }

  /** The sequences of the segment that the topic lacks. */
  absent({ epoch, ranges }: Segment): SequenceSet {
    const present = this.epochs.get(epoch);
    const absent = new SequenceSet();
    for (const { first, last } of ranges) {
      for (const [from, to] of present?.missing(Number(first), Number(last)) ?? [[Number(first), Number(last)] as const])
        absent.add(from, to);
    }
    return absent;
  }

  private async take(partition: number, from: number, end: number): Promise<void> {
    await this.reader.read(this.topic, partition, from, end, (message) => {
      const origin = originOf(message);
      if (origin === undefined || origin.node !== this.node || origin.count < 1) return;
      const sequences = this.epochs.get(origin.epoch) ?? new SequenceSet();
      this.epochs.set(origin.epoch, sequences);
      sequences.add(origin.first, origin.first + origin.count - 1);
    });
  }
}
