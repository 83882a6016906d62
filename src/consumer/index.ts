/**
 * Reads what vslog's Kafka sink has written, with kafkajs or with any client that gives a message's value and headers: `import { ... } from 'vslog/consumer'`.
 */
export { registerCodecs } from '../sink/kafka/codec.js';
export { EVENT_SCHEMA, HEADERS, topicName } from '../sink/kafka/message.js';
export { type EventsHandler, eachBatch, eachMessage } from './handlers.js';
export { type Gap, History, type HistoryOptions, type HistoryState } from './history.js';
export { BadMessage, type ConsumedEvent, type KafkaMessage, type MessageContent, readMessage } from './message.js';
