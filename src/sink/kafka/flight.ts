import type { Segment } from '../../spool/segment.js';
import { SinkRejection } from '../sink.js';
import type { Compression } from './codec.js';
import { KafkaFailure } from './failure.js';
import type { Round } from './frame.js';
import type { EncodedBatch, KafkaProducer, Placed } from './producer.js';
import { type ProducerIdentity, type SpareMemory, sequenceAfter } from './record-set.js';

/** Who writes, and what the next sequence is by `TOPIC/PARTITION`; none: 0. */
export interface Writer {
  readonly identity: ProducerIdentity;
  readonly sequences: Readonly<Record<string, number>>;
}

export interface FlightPlan {
  readonly segment: Segment;
  readonly topic: string;
  readonly compression: Compression;
  /** Gets back what the rounds lie in. */
  readonly memory: SpareMemory;
}

/** A round that is on its way. */
interface Flight {
  readonly round: Round;
  readonly batches: readonly EncodedBatch[];
  readonly after: Writer;
}

/**
 * Sends rounds, one after the other; the next one is made ready while one is on its way. `confirm` is told when Kafka has one, and where its batches lie. Rejects with KafkaFailure, or with SinkRejection when a single event
 * is too large; a round that is still on its way then ends with the connection.
 */
export async function sendRounds(
  producer: KafkaProducer,
  source: AsyncIterable<Round>,
  plan: FlightPlan,
  writer: Writer,
  confirm: (round: Round, after: Writer, placed: readonly Placed[]) => Promise<void>,
): Promise<void> {
  let next = writer;
  let pending: { readonly flight: Flight; readonly sent: Promise<readonly Placed[]> } | undefined;
  const land = async (): Promise<void> => {
    if (pending === undefined) return;
    const { flight, sent } = pending;
    pending = undefined;
    let placed: readonly Placed[];
    try {
      placed = await sent;
    } catch (error) {
      const alone = error instanceof KafkaFailure && error.kind === 'too-large' && flight.round.events === 1;
      throw alone ? tooLarge(plan.segment, flight.round, error) : error;
    }
    for (const { records } of flight.round.parts) plan.memory.give(records.memory);
    await confirm(flight.round, flight.after, placed);
  };
  try {
    for await (const round of source) {
      const flight = await prepare(producer, round, plan, next);
      next = flight.after;
      await land();
      const sent = flight.batches.length === 0 ? Promise.resolve([]) : producer.send(flight.batches);
      sent.catch(() => undefined); // told by land()
      pending = { flight, sent };
    }
    await land();
  } catch (error) {
    // What comes after a hole must not be there.
    if (pending !== undefined) producer.disconnect();
    throw error;
  }
}

async function prepare(
  producer: KafkaProducer,
  round: Round,
  { topic, compression }: FlightPlan,
  { identity, sequences }: Writer,
): Promise<Flight> {
  const after: Record<string, number> = { ...sequences };
  const batches = await Promise.all(
    round.parts.map(({ partition, records }) => {
      const key = `${topic}/${partition}`;
      const sequence = after[key] ?? 0;
      after[key] = sequenceAfter(sequence, records.count);
      return producer.encode({ topic, partition, sequence, records }, identity, compression);
    }),
  );
  return { round, batches, after: { identity, sequences: after } };
}

function tooLarge(segment: Segment, { from, to }: Round, error: Error): SinkRejection {
  return new SinkRejection(
    `Segment ${segment.id} has an event of ${to.offset - from.offset} bytes, which is too large by itself. ${error.message}`,
  );
}
