import type { EachBatchPayload, EachMessagePayload } from 'kafkajs';
import type { History } from './history.js';
import { type ConsumedEvent, type MessageContent, readMessage } from './message.js';

/** Deals with the events of one message that were not seen before. When it rejects, Kafka brings the message again. */
export type EventsHandler = (events: readonly ConsumedEvent[], about: MessageContent) => Promise<void> | void;

/** For `consumer.run({ eachMessage })` of kafkajs. */
export function eachMessage(history: History, handler: EventsHandler): (payload: Pick<EachMessagePayload, 'message'>) => Promise<void> {
  return async ({ message }) => {
    const content = readMessage(message);
    const events = history.fresh(content);
    if (events.length > 0) await handler(events, content);
    history.mark(content);
  };
}

/** For `consumer.run({ eachBatchAutoResolve: false, eachBatch })` of kafkajs. */
export function eachBatch(
  history: History,
  handler: EventsHandler,
): (payload: Pick<EachBatchPayload, 'batch' | 'resolveOffset' | 'heartbeat' | 'isRunning' | 'isStale'>) => Promise<void> {
  const one = eachMessage(history, handler);
  return async ({ batch, resolveOffset, heartbeat, isRunning, isStale }) => {
    for (const message of batch.messages) {
      // The partition went to another consumer, or we are to end: the rest comes again.
      if (!isRunning() || isStale()) return;
      await one({ message });
      resolveOffset(message.offset);
      await heartbeat();
    }
  };
}
