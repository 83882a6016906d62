import type { MessageOrigin, TopicReader } from '../../../../src/sink/kafka/inventory.js';
import type { FetchedMessage } from '../../../../src/sink/kafka/kafkajs-core.js';

/** A message to be written. */
export interface Written extends MessageOrigin {
  readonly producer: string;
  readonly sequence: number;
  readonly timeMs: number;
}

/** A topic of one partition in memory. */
export class MemoryTopic implements TopicReader {
  readonly messages: Written[] = [];
  /** Offset of the first that is left. */
  first = 0;
  /** Messages that were handed out. */
  handed = 0;

  now(): number {
    return Date.now();
  }

  partitions(): number {
    return 1;
  }

  async offsets(): Promise<{ first: number; end: number }> {
    return { first: this.first, end: this.messages.length };
  }

  async offsetAt(_topic: string, _partition: number, timeMs: number): Promise<number | undefined> {
    const found = this.messages.findIndex((message, offset) => offset >= this.first && message.timeMs >= timeMs);
    return found < 0 ? undefined : found;
  }

  async read(_topic: string, _partition: number, from: number, end: number, each: (message: FetchedMessage) => void): Promise<void> {
    for (let offset = Math.max(from, this.first); offset < end; offset++) {
      const { node, epoch, first, count, producer, sequence, timeMs } = this.messages[offset] as Written;
      this.handed++;
      each({
        offset: String(offset),
        timestamp: String(timeMs),
        key: null,
        value: Buffer.alloc(0),
        headers: { node, epoch, first: String(first), count: String(count) },
        isControlRecord: false,
        batchContext: { firstOffset: String(offset), producerId: producer, firstSequence: sequence },
      });
    }
  }
}
