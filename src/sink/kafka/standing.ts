import type { RecordName, Segment } from '../../spool/segment.js';
import { SequenceSet, type Span } from '../file/sequences.js';
import { Contents } from './contents.js';
import { sequencesBetween } from './frame.js';
import { type MessageOrigin, originOf, type Sighting, sightingOf, type TopicReader } from './inventory.js';
import type { FetchedMessage } from './kafkajs-core.js';
import type { ProducerState } from './state.js';

/** What the topics say of a state that is on disk. */
export interface Standing {
  /** Whether it is the last one: nothing was sent since, or at most what is sent next. */
  readonly last: boolean;
  /** The topics have more than the state knows of. */
  readonly more: boolean;
  /** Why not, words for "since ..."; undefined: it is, or somebody just needs to look. */
  readonly why?: string;
  /** A topic that is not the one of the state any more, or has lost messages. */
  readonly changed?: string;
  readonly contents: Contents;
}

export interface Question {
  readonly reader: TopicReader;
  readonly topics: ReadonlyMap<RecordName, string>;
  readonly state: ProducerState;
  /** The segment that comes next. */
  readonly segment: Segment;
  /** The sequences that are sent next under the state's identity; undefined: that cannot be said. */
  readonly next: () => Promise<readonly Span[] | undefined>;
  /** Id of the last segment that there is now. */
  readonly newest: () => Promise<number>;
  /** Told what is being read. */
  readonly reading?: (contents: Contents) => void;
}

/** More messages than are on their way at a time are not remembered. */
const TAIL_MOST = 10_000;

interface Seen extends Sighting {
  readonly key: string;
  readonly topic: string;
  readonly origin: MessageOrigin;
}

/**
 * Compares a state with the topics. The newest message of ours that it knows of must be where it says, or the topic is another one; and behind the offsets up to which it speaks there must be
 * nothing of ours, or the state is an older one: of a copy of the data directory that was put back. What there is behind them is read, so that what is sent next can be compared with it.
 */
export async function standingOf({ reader, topics, state, segment, next, newest, reading }: Question): Promise<Standing> {
  for (const topic of topics.values())
    if (!(await isSame(reader, topic, state)))
      return {
        last: false,
        more: true,
        changed: topic,
        why: `topic ${topic} is not what it was`,
        contents: new Contents(topics, new Map(), []),
      };
  const from = new Map<string, number>();
  for (const [key, { offset }] of Object.entries(state.marks)) from.set(key, state.look?.[key] ?? offset);
  const contents = new Contents(topics, from, state.known ?? []);
  reading?.(contents);
  const tail: Seen[] = [];
  let lacking: string | undefined;
  const last = await newest();
  for (const [record, topic] of topics) {
    // Its first segment is still to come.
    if (!contents.byOffset(topic)) continue;
    const inventory = contents.inventory(record, segment.node);
    await inventory.readFrom(
      reader,
      (partition) => contents.offset(topic, partition),
      (message, partition) => {
        const seen = sighted(message, `${topic}/${partition}`, topic, state, segment);
        if (seen !== undefined && tail.length < TAIL_MOST) tail.push(seen);
      },
    );
    if (record === segment.record) for (const [first, last] of confirmedOf(state, segment)) inventory.add(segment.epoch, first, last);
    if (inventory.lacking) lacking = topic;
    contents.done(inventory, last);
  }
  if (lacking !== undefined)
    return { last: false, more: true, why: `topic ${lacking} has deleted messages that nobody has compared`, contents };
  if (tail.length === 0) return { last: true, more: false, contents };
  if (isNext(tail, state, segment, topics, await next())) return { last: true, more: true, contents };
  return {
    last: false,
    more: true,
    why: 'the topics have more than the state on disk knows of, as after a copy of before was put back',
    contents,
  };
}

/** What the state knows to be there of the segment that it is of: what was sent, and what the topic had before. */
function confirmedOf(state: ProducerState, segment: Segment): readonly Span[] {
  if (state.segment.id !== segment.id || state.segment.sha256 !== segment.sha256) return [];
  const sent = sequencesBetween(segment, { offset: 0, events: 0 }, state.position);
  if (state.absent === undefined) return sent;
  const absent = new SequenceSet(state.absent);
  return [...sent, ...segment.ranges.flatMap(({ first, last }) => absent.missing(Number(first), Number(last)))];
}

/** Whether the newest message that the state knows of is where it was; one that was deleted says nothing. */
async function isSame(reader: TopicReader, topic: string, state: ProducerState): Promise<boolean> {
  for (let partition = 0; partition < reader.partitions(topic); partition++) {
    const mark = state.marks[`${topic}/${partition}`];
    if (mark === undefined) continue;
    const { first, end } = await reader.offsets(topic, partition);
    if (end < mark.offset) return false;
    const { newest } = mark;
    if (newest === undefined || newest.offset < first) continue;
    let found: Sighting | undefined;
    await reader.read(topic, partition, newest.offset, newest.offset + 1, (message) => {
      found = sightingOf(message);
    });
    if (found !== undefined && (found.producer !== newest.producer || found.sequence !== newest.sequence)) return false;
  }
  return true;
}

/** A message of ours that the state does not know of. */
function sighted(message: FetchedMessage, key: string, topic: string, state: ProducerState, segment: Segment): Seen | undefined {
  const origin = originOf(message);
  const sighting = sightingOf(message);
  // With what is looked for anew comes what is known.
  if (origin === undefined || sighting.offset < (state.marks[key]?.offset ?? 0)) return undefined;
  const ours = origin.node === segment.node || origin.node === state.segment.node || sighting.producer === state.identity.id;
  return ours ? { ...sighting, key, topic, origin } : undefined;
}

/** Whether that is what is sent next: a process was ended after it had sent it, and before it had heard of it. */
function isNext(
  tail: readonly Seen[],
  state: ProducerState,
  { node, epoch, record }: Segment,
  topics: ReadonlyMap<RecordName, string>,
  spans: readonly Span[] | undefined,
): boolean {
  if (spans === undefined || tail.length === TAIL_MOST) return false;
  const following = new Map<string, number>();
  return tail.every(({ key, topic, producer, sequence, origin }) => {
    const expected = following.get(key) ?? state.sequences[key] ?? 0;
    following.set(key, (expected + 1) % 0x8000_0000);
    const last = origin.first + origin.count - 1;
    return (
      topic === topics.get(record) &&
      producer === state.identity.id &&
      sequence === expected &&
      origin.node === node &&
      origin.epoch === epoch &&
      spans.some(([from, to]) => from <= origin.first && to >= last)
    );
  });
}
