import type { RecordName, Segment } from '../../spool/segment.js';
import type { SequenceSet } from '../file/sequences.js';
import { Inventory, type TopicReader } from './inventory.js';
import type { KnownSpans, Mark } from './state.js';

/** Spans that are kept with the state; of more it is kept where they are read again. */
const SPANS_KEPT = 500;

/** What a person is told of it. */
export interface ContentsNotes {
  /** The topic that is being read, and how much of it is, of 1. */
  readonly reading: { readonly topic: string; readonly share: number } | undefined;
  /** Events that the topics had. */
  readonly found: number;
  /** Events that were sent although the topic may have had them once, by topic. */
  readonly unproven: ReadonlyMap<string, number>;
}

/**
 * What the topics have of what the spool may bring, as far as it was there before this process sent anything. An event is known by node, epoch, record and sequence: the number of its segment says
 * nothing, since a spool that was set back gives it again. Without `from` a topic is read from before the first segment on that comes for it.
 */
export class Contents {
  private readonly topics: ReadonlyMap<RecordName, string>;
  private from: ReadonlyMap<string, number>;
  private known: readonly KnownSpans[];
  private readonly inventories = new Map<string, Inventory>();
  private readonly ready = new Set<Inventory>();
  /** Inventories of topics that have deleted what may have been ours, and the last segment that this can be said of. */
  private readonly doubtful = new Map<Inventory, number>();
  private readonly unproven = new Map<string, number>();
  private found = 0;
  private left: { readonly known: readonly KnownSpans[]; readonly look: Record<string, number> } | undefined;

  /** `from`: from which offsets on, by `TOPIC/PARTITION`; a topic without any is read by time. `known`: what it has beside that. */
  constructor(topics: ReadonlyMap<RecordName, string>, from: ReadonlyMap<string, number>, known: readonly KnownSpans[]) {
    this.topics = topics;
    this.from = from;
    this.known = known;
  }

  /** The inventory of a topic for a node, not read. */
  inventory(record: RecordName, node: string): Inventory {
    const topic = this.topics.get(record) as string;
    const key = JSON.stringify([topic, node]);
    const found = this.inventories.get(key);
    if (found !== undefined) return found;
    const spans = this.known.filter((one) => one.topic === topic && one.node === node).flatMap(({ epochs }) => epochs);
    const made = new Inventory(topic, node, spans);
    this.inventories.set(key, made);
    return made;
  }

  /** Whether a topic is read from offsets on. */
  byOffset(topic: string): boolean {
    return [...this.from.keys()].some((key) => key.startsWith(`${topic}/`));
  }

  /** Whether a topic was read for any node. */
  isRead(topic: string): boolean {
    return [...this.ready].some((one) => one.topic === topic);
  }

  /** A topic was made anew: what is known of it is of the old one. */
  renew(topic: string): void {
    for (const [key, inventory] of this.inventories)
      if (inventory.topic === topic) {
        this.inventories.delete(key);
        this.ready.delete(inventory);
        this.doubtful.delete(inventory);
      }
    this.from = new Map([...this.from].filter(([key]) => !key.startsWith(`${topic}/`)));
    this.known = this.known.filter((one) => one.topic !== topic);
    this.left = undefined;
  }

  /** Where a partition is read from; undefined: from its beginning. */
  offset(topic: string, partition: number): number | undefined {
    return this.from.get(`${topic}/${partition}`);
  }

  /** The inventory was read. `newest`: no segment after this one can have been sent before. */
  done(inventory: Inventory, newest: number): void {
    this.ready.add(inventory);
    this.left = undefined;
    if (inventory.lacking) this.doubtful.set(inventory, newest);
  }

  /** What the topics lack of a segment. `newest`: the last segment that there is now. */
  async absent(reader: TopicReader, segment: Segment, newest: () => Promise<number>): Promise<SequenceSet> {
    const inventory = this.inventory(segment.record, segment.node);
    if (!this.ready.has(inventory)) {
      const last = await newest();
      if (this.byOffset(inventory.topic)) await inventory.readFrom(reader, (partition) => this.offset(inventory.topic, partition));
      else await inventory.cover(reader, segment);
      this.done(inventory, last);
    }
    return inventory.absent(segment);
  }

  /** A segment of which the topic lacked `absent` is in it now. Returns whether the topic may have more of what follows. */
  pass(segment: Segment, absent: number): boolean {
    const inventory = this.inventory(segment.record, segment.node);
    this.found += segment.count - absent;
    const last = this.doubtful.get(inventory);
    // Topics delete from their beginning on: what comes after something that is there was not deleted.
    if (last !== undefined && (absent < segment.count || segment.id > last)) this.doubtful.delete(inventory);
    else if (last !== undefined) this.unproven.set(inventory.topic, (this.unproven.get(inventory.topic) ?? 0) + absent);
    this.left = undefined;
    return inventory.pass(segment) || absent < segment.count;
  }

  /** What an inventory knows of the ends of partitions. */
  marks(): Record<string, Mark> {
    const marks: Record<string, Mark> = {};
    for (const { topic, read } of this.ready)
      for (const [partition, { end, newest }] of read) {
        const key = `${topic}/${partition}`;
        const had = marks[key];
        const later = (newest?.offset ?? -1) > (had?.newest?.offset ?? -1) ? newest : had?.newest;
        marks[key] = { offset: Math.max(end, had?.offset ?? 0), newest: later };
      }
    return marks;
  }

  /** What another process has to know of it. */
  rest(): { readonly known: readonly KnownSpans[]; readonly look: Readonly<Record<string, number>> } {
    if (this.left !== undefined) return this.left;
    const known: KnownSpans[] = [];
    const look: Record<string, number> = {};
    for (const { topic, node, epochs } of this.known)
      if (!this.inventories.has(JSON.stringify([topic, node]))) known.push({ topic, node, epochs });
    for (const inventory of this.inventories.values()) {
      const { topic, node } = inventory;
      const epochs = inventory.spans(SPANS_KEPT);
      if (epochs === undefined) for (const [partition, { from }] of inventory.read) look[`${topic}/${partition}`] = from;
      else if (epochs.length > 0) known.push({ topic, node, epochs });
    }
    this.left = { known, look };
    return this.left;
  }

  notes(): ContentsNotes {
    const reading = [...this.inventories.values()].find(({ progress }) => progress !== undefined);
    const { done = 0, all = 1 } = reading?.progress ?? {};
    return {
      reading: reading === undefined ? undefined : { topic: reading.topic, share: Math.min(1, done / Math.max(1, all)) },
      found: this.found,
      unproven: this.unproven,
    };
  }
}
