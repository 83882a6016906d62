import { listSegments } from '../../spool/layout.js';
import type { RecordName, Segment } from '../../spool/segment.js';
import { SequenceSet, type Span } from '../file/sequences.js';
import type { KafkaConnection } from './connection.js';
import { Contents } from './contents.js';
import { KafkaFailure } from './failure.js';
import { sendRounds } from './flight.js';
import { FRAMING_VERSION, type Plan, type Position, rounds, sequencesBetween } from './frame.js';
import { Inventory } from './inventory.js';
import { sentencesOf } from './notes.js';
import type { KafkaOptions } from './options.js';
import type { Placed } from './producer.js';
import type { SpareMemory } from './record-set.js';
import { standingOf } from './standing.js';
import { isBehind, type Mark, type ProducerState, readState, removeState, resumeAt, writeState } from './state.js';

/** How often the ends of all partitions are asked for, ms. */
const REFRESH_MS = 60_000;
/** Rounds that may have been sent since the state on disk was written. */
const ROUNDS_AHEAD = 2;
const BEGINNING: Position = { offset: 0, events: 0 };

export interface DeliveryOptions extends Pick<KafkaOptions, 'framing' | 'compression'> {
  /** The spool's folder, where the state is kept. */
  readonly spool: string;
  readonly topics: ReadonlyMap<RecordName, string>;
  readonly memory: SpareMemory;
  /** The believed time, ms since 1970. */
  readonly now: () => number;
}

/**
 * Sends each segment once. What was sent last is kept on disk; before that is relied upon, the topics are asked whether it is so. Where it is not, or nothing is known, each segment is looked up in
 * its topic before it is sent, under a new identity, so that the broker takes nothing of it for a repetition.
 */
export class Delivery {
  private readonly options: DeliveryOptions;
  private state: ProducerState | undefined;
  private stateRead = false;
  private distrusted = false;
  /** What the topics had when this process began; undefined: nobody has asked. */
  private contents: Contents | undefined;
  /** What is being read, to be compared with the state. */
  private compared: Contents | undefined;
  /** Something was sent since the contents were read. */
  private sent = false;
  /** What is sent next is in the topic already: the process before ended in the middle of it. */
  private resending = false;
  /** When the ends of all partitions were asked for, by performance.now(). */
  private refreshed = performance.now();
  private marks: Record<string, Mark> = {};
  /** Why segments are looked up, words for "since ..."; undefined: they are not, or all that was there is passed. */
  private why: string | undefined;
  private readonly changed = new Set<string>();
  private readonly besidesUnproven = new Map<string, number>();

  constructor(options: DeliveryOptions) {
    this.options = options;
  }

  /** Reads the state of an earlier process. `trusted`: whether the sink's cursor is the one that was written last, as far as the spool knows. */
  async begin(cluster: string, trusted: boolean): Promise<void> {
    const { spool } = this.options;
    if (!this.stateRead) {
      this.state = await readState(spool);
      this.marks = { ...this.state?.marks };
    }
    this.stateRead = true;
    if (!trusted && !this.distrusted) {
      // Removed at once: a process that ends before it has looked leaves the next one nothing to rely on.
      await this.distrust('its cursor cannot be relied upon');
      this.distrusted = true;
    }
    if (this.state !== undefined && this.state.cluster !== cluster) await this.distrust('this is another cluster');
  }

  /** Resolves when Kafka has the segment. Rejects with KafkaFailure or SinkRejection. `limit`: most bytes of a batch. */
  async bring(connection: KafkaConnection, segment: Segment, limit: number): Promise<void> {
    if (this.state !== undefined && isBehind(this.state, segment))
      await this.distrust('segments came again that were delivered: its cursor is of before');
    if (this.contents === undefined) await this.prove(connection, segment, limit);
    const contents = this.contents as Contents;
    const { state } = this;
    const plan = this.planName(connection, limit);
    const resumed = state?.plan === plan ? resumeAt(state, segment, this.options.now()) : undefined;
    if (resumed === 'whole') return;
    if (resumed !== undefined && state?.whole === false) {
      await this.send(connection, segment, limit, { ...state, position: resumed });
      await this.passed(connection, segment, new SequenceSet(state.absent ?? spansOf(segment)).size);
      return;
    }
    const { id, sha256, node } = segment;
    const begun = { plan, segment: { id, sha256, node }, position: BEGINNING, whole: false };
    let absent = await contents.absent(connection, segment, () => this.newest());
    // What is sent again lies where it lay.
    if (!this.resending) for (const [key, { offset, newest }] of Object.entries(contents.marks())) this.mark(key, offset, newest);
    let next: ProducerState;
    if (resumed !== undefined && state !== undefined) next = { ...state, ...begun };
    else {
      // A request of an attempt that failed may have been carried out since the topics were read.
      if (this.sent) absent = await this.lookAgain(connection, segment, absent);
      next = {
        ...begun,
        cluster: connection.cluster,
        identity: await connection.identify(),
        sequences: {},
        marks: {},
        savedMs: 0,
      };
    }
    next = { ...next, absent: absent.size === segment.count ? undefined : absent.spans };
    if (absent.size === 0) await this.save({ ...next, position: { offset: segment.bytes, events: segment.count }, whole: true });
    else {
      // Before anything is sent: an attempt that fails goes on under this identity with the same batches, since its request may still be carried out.
      if (resumed === undefined || next.absent !== undefined) await this.save(next);
      await this.send(connection, segment, limit, next);
    }
    await this.passed(connection, segment, absent.size);
  }

  /** The broker and we do not agree on what was sent: from now on only the topic knows what it has. */
  forget(): void {
    this.state = undefined;
  }

  /** Batches are made otherwise from the next segment on, which nobody has begun. */
  async replan(connection: KafkaConnection, limit: number): Promise<void> {
    if (this.state?.whole !== true) return;
    this.state = { ...this.state, plan: this.planName(connection, limit) };
    await writeState(this.options.spool, this.state);
  }

  /** Something else of ours was sent, which is no part of this. */
  async besides(placed: readonly (Placed & { readonly count: number })[]): Promise<void> {
    // What lies before it has to be compared with the state first.
    if (this.state === undefined || this.contents === undefined) return;
    for (const { topic, partition, offset, count } of placed) this.mark(`${topic}/${partition}`, offset + count, undefined);
    this.state = { ...this.state, marks: { ...this.marks } };
    await writeState(this.options.spool, this.state);
  }

  /** Events are sent besides that a topic may have had before it deleted them. */
  doubted(topic: string, events: number): void {
    this.besidesUnproven.set(topic, (this.besidesUnproven.get(topic) ?? 0) + events);
  }

  /** Events that were sent although the topics may have had them once, before they deleted them. */
  get unproven(): number {
    return [...this.unprovenByTopic().values()].reduce((sum, events) => sum + events, 0);
  }

  /** Sentences for people. */
  notes(): string[] {
    return sentencesOf({
      comparing: this.compared?.notes(),
      contents: this.contents?.notes(),
      why: this.why,
      changed: [...this.changed],
      unproven: this.unprovenByTopic(),
    });
  }

  private unprovenByTopic(): ReadonlyMap<string, number> {
    const all = new Map(this.besidesUnproven);
    for (const [topic, events] of this.contents?.notes().unproven ?? []) all.set(topic, (all.get(topic) ?? 0) + events);
    return all;
  }

  private async distrust(why: string): Promise<void> {
    this.why = why;
    this.state = undefined;
    this.contents = undefined;
    this.sent = false;
    await removeState(this.options.spool);
  }

  /** Asks the topics whether the state is the last one. */
  private async prove(connection: KafkaConnection, segment: Segment, limit: number): Promise<void> {
    const { topics } = this.options;
    const { state } = this;
    this.sent = false;
    if (state === undefined) {
      this.contents = new Contents(topics, new Map(), []);
      this.why ??= 'nothing is noted of what was sent before';
      return;
    }
    const standing = await standingOf({
      reader: connection,
      topics,
      state,
      segment,
      next: () => this.next(connection, segment, limit, state),
      newest: () => this.newest(),
      reading: (contents) => {
        this.compared = contents;
      },
    });
    this.compared = undefined;
    this.contents = standing.contents;
    if (standing.changed !== undefined) {
      this.changed.add(standing.changed);
      this.marks = {};
    }
    // What was looked up when the process before ended, is looked up still.
    const { known, look } = standing.contents.rest();
    this.why = standing.why ?? (known.length + Object.keys(look).length > 0 ? 'the state on disk was of before' : undefined);
    this.resending = standing.last && standing.more;
    if (!standing.last) this.state = undefined;
  }

  /** The sequences of what is sent next under a state: of two rounds, since one is on its way while the state that knows of the one before is written. */
  private async next(
    connection: KafkaConnection,
    segment: Segment,
    limit: number,
    state: ProducerState,
  ): Promise<readonly Span[] | undefined> {
    const resumed = state.plan === this.planName(connection, limit) ? resumeAt(state, segment, this.options.now()) : undefined;
    if (resumed === undefined || resumed === 'whole') return undefined;
    const wanted = state.whole || state.absent === undefined ? undefined : new SequenceSet(state.absent);
    const spans: Span[] = [];
    let read = 0;
    for await (const { from, to } of rounds(segment, this.plan(connection, segment.record, limit), resumed, wanted)) {
      spans.push(...sequencesBetween(segment, from, to));
      if (++read === ROUNDS_AHEAD) break;
    }
    return new SequenceSet(spans).spans;
  }

  /** What of it is still absent, after something was sent. */
  private async lookAgain(connection: KafkaConnection, segment: Segment, absent: SequenceSet): Promise<SequenceSet> {
    const inventory = new Inventory(this.options.topics.get(segment.record) as string, segment.node);
    await inventory.cover(connection, segment);
    for (const [partition, { end, newest }] of inventory.read) {
      const key = `${inventory.topic}/${partition}`;
      if (end < (this.marks[key]?.offset ?? 0)) {
        this.changed.add(inventory.topic);
        this.contents?.renew(inventory.topic);
        this.marks = Object.fromEntries(Object.entries(this.marks).filter(([one]) => !one.startsWith(`${inventory.topic}/`)));
      }
      this.mark(key, end, newest);
    }
    const still = new SequenceSet();
    for (const [first, last] of absent.spans)
      for (const span of inventory.absent({ epoch: segment.epoch, ranges: [{ first: BigInt(first), last: BigInt(last) }] }).spans)
        still.add(...span);
    return still;
  }

  /** The rest of a segment, or of what the topic lacked of it, each batch under the sequence that it has for ever. */
  private async send(connection: KafkaConnection, segment: Segment, limit: number, from: ProducerState): Promise<void> {
    this.sent = true;
    const { topics, compression, memory } = this.options;
    const topic = topics.get(segment.record) as string;
    let saving: Promise<void> = Promise.resolve();
    const wanted = from.absent === undefined ? undefined : new SequenceSet(from.absent);
    const source = rounds(segment, this.plan(connection, segment.record, limit), from.position, wanted, memory);
    await sendRounds(connection, source, { segment, topic, compression, memory }, from, async ({ to, parts }, { sequences }, placed) => {
      for (const { partition, offset } of placed) {
        const key = `${topic}/${partition}`;
        // It lies where something else was before: the broker took it for a batch of before, and it is not there.
        if (offset < (this.marks[key]?.offset ?? 0))
          throw new KafkaFailure('identity', `Kafka took messages for ${topic}, partition ${partition}, for others that it had already.`);
        const count = parts.find((part) => part.partition === partition)?.records.count ?? 0;
        const sequence = ((sequences[key] ?? 0) + 0x7fff_ffff) % 0x8000_0000;
        this.mark(key, offset + count, { offset: offset + count - 1, producer: from.identity.id, sequence });
      }
      await saving;
      // Written while the next batch is on its way: the broker still knows the one before that.
      saving = this.save({ ...from, sequences, position: to, whole: to.offset === segment.bytes });
      saving.catch(() => undefined);
    });
    await saving;
  }

  private async passed(connection: KafkaConnection, segment: Segment, absent: number): Promise<void> {
    this.resending = false;
    const more = this.contents?.pass(segment, absent) ?? false;
    if (!more) this.why = undefined;
    if (performance.now() - this.refreshed < REFRESH_MS) return;
    // What others write is not ours to read at the next start, so far as it lies before what we know to be the last of ours.
    for (const topic of this.options.topics.values())
      for (const [partition, end] of await connection.ends(topic))
        if (this.contents?.isRead(topic) === true) this.mark(`${topic}/${partition}`, end, undefined);
    this.refreshed = performance.now();
  }

  private mark(key: string, offset: number, newest: Mark['newest']): void {
    const had = this.marks[key];
    this.marks[key] = { offset: Math.max(offset, had?.offset ?? 0), newest: newest ?? had?.newest };
  }

  private async save(state: ProducerState): Promise<void> {
    const { known, look } = (this.contents as Contents).rest();
    this.state = {
      ...state,
      marks: { ...this.marks },
      known: known.length === 0 ? undefined : known,
      look: Object.keys(look).length === 0 ? undefined : look,
      savedMs: this.options.now(),
    };
    await writeState(this.options.spool, this.state);
  }

  /** Id of the last segment of the spool; one that is given later is made of events that came later, or come again. */
  private async newest(): Promise<number> {
    return (await listSegments(this.options.spool)).at(-1)?.id ?? 0;
  }

  private plan(connection: KafkaConnection, record: RecordName, limit: number): Plan {
    return { framing: this.options.framing, partitions: connection.partitions(this.options.topics.get(record) as string), limit };
  }

  /** All that makes batches what they are. */
  private planName(connection: KafkaConnection, limit: number): string {
    const partitions = [...this.options.topics.values()].map((topic) => `${topic}:${connection.partitions(topic)}`);
    return [FRAMING_VERSION, this.options.framing, limit, ...partitions].join(' ');
  }
}

function spansOf({ ranges }: Segment): Span[] {
  return ranges.map(({ first, last }) => [Number(first), Number(last)] as const);
}
