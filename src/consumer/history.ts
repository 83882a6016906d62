import { SequenceSet } from '../sink/file/sequences.js';
import type { ConsumedEvent, MessageContent } from './message.js';

/** Sequences that were not seen, although later ones were. Both ends included. */
export interface Gap {
  readonly node: string;
  readonly epoch: string;
  readonly first: bigint;
  readonly last: bigint;
}

/** A history as JSON: spans of sequences by node and epoch. */
export type HistoryState = readonly {
  readonly node: string;
  readonly epoch: string;
  readonly spans: readonly (readonly [number, number])[];
}[];

export interface HistoryOptions {
  /** What an earlier history had seen, of toJSON(). */
  readonly state?: HistoryState;
  /** Spans that are remembered of an epoch, a few dozen bytes each; when there are more, the oldest are forgotten: a replay of them would not be noticed. Default 100000. */
  readonly maxSpans?: number;
}

/**
 * Which events were seen, by node, epoch and sequence, so that one that comes twice is noticed. Kafka brings messages again when a consumer ended before its offsets were committed; keep toJSON()
 * together with what you make of the events, and give it to the next run, to notice those, too.
 */
export class History {
  private readonly epochs = new Map<string, { readonly node: string; readonly epoch: string; seen: SequenceSet }>();
  private readonly maxSpans: number;

  constructor({ state = [], maxSpans = 100_000 }: HistoryOptions = {}) {
    this.maxSpans = Math.max(1, maxSpans);
    for (const { node, epoch, spans } of state) this.epochs.set(keyOf(node, epoch), { node, epoch, seen: new SequenceSet(spans) });
  }

  /** The events of a message that were not seen. Marks nothing: do that once they are dealt with. Throws BadMessage. */
  fresh(content: MessageContent): ConsumedEvent[] {
    const seen = this.epochs.get(keyOf(content.node, content.epoch))?.seen;
    const first = Number(content.first);
    const missing = seen?.missing(first, first + content.count - 1);
    // Most messages are wholly new, and those that come twice are wholly known.
    if (missing?.length === 0 && content.count > 0) return [];
    const events = [...content.events()];
    return missing === undefined ? events : events.filter(({ sequence }) => !(seen?.has(Number(sequence)) ?? false));
  }

  /** All events of a message are dealt with. */
  mark({ node, epoch, first, count }: Pick<MessageContent, 'node' | 'epoch' | 'first' | 'count'>): void {
    if (count < 1) return;
    const key = keyOf(node, epoch);
    const found = this.epochs.get(key) ?? { node, epoch, seen: new SequenceSet() };
    this.epochs.set(key, found);
    found.seen.add(Number(first), Number(first) + count - 1);
    const { spans } = found.seen;
    // Not one by one: forgetting copies.
    if (spans.length > this.maxSpans * 1.5) found.seen = new SequenceSet(spans.slice(-this.maxSpans));
  }

  /**
   * What is missing between the first and the last sequence that were seen. Sequences go over both record types, so this says something only when both topics are read, and all partitions of
   * them; what is still on its way is missing, too. A gap that stays is a loss: the log itself has a record of it, kind `loss`.
   */
  gaps(): Gap[] {
    return [...this.epochs.values()].flatMap(({ node, epoch, seen }) =>
      seen.spans.slice(1).map(([begin], i) => ({ node, epoch, first: BigInt((seen.spans[i]?.[1] ?? 0) + 1), last: BigInt(begin - 1) })),
    );
  }

  /** Forgets an epoch: no more comes of it. */
  forget(node: string, epoch: string): void {
    this.epochs.delete(keyOf(node, epoch));
  }

  toJSON(): HistoryState {
    return [...this.epochs.values()].map(({ node, epoch, seen }) => ({ node, epoch, spans: [...seen.spans] }));
  }
}

function keyOf(node: string, epoch: string): string {
  return JSON.stringify([node, epoch]);
}
