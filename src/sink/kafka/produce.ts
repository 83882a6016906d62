import type { Connection } from './kafkajs-core.js';
import type { EncodedBatch } from './producer.js';

/*
 * The request Produce, version 7 (https://kafka.apache.org/protocol#The_Messages_Produce). It is written to the socket in the pieces that it is made of: kafkajs would copy all of it three times.
 */

/** Its key. */
export const PRODUCE = 0;
/** Of Kafka 2.1: the first that takes zstd. */
export const PRODUCE_VERSION = 7;

/** What a broker answers for one batch. */
export interface Produced {
  readonly topic: string;
  readonly partition: number;
  /** 0: all is well. */
  readonly code: number;
  /** Of the batch's first message: where it lies now, or has lain all along when the broker took the batch for one that it had. */
  readonly offset: number;
}

/** Sends batches to the leader of their partitions, at most one a partition, and resolves to its answer for each. */
export function produce(
  connection: Connection,
  batches: readonly EncodedBatch[],
  { clientId, timeoutMs }: { readonly clientId: string; readonly timeoutMs: number },
): Promise<Produced[]> {
  const correlationId = connection.nextCorrelationId();
  const body = bodyOf(batches, timeoutMs);
  const head = headOf(correlationId, clientId, sizeOf(body));
  return new Promise<{ readonly payload: Buffer }>((resolve, reject) => {
    connection.requestQueue.push({
      entry: { apiKey: PRODUCE, apiName: 'Produce', apiVersion: PRODUCE_VERSION, correlationId, resolve, reject },
      expectResponse: true,
      requestTimeout: null,
      sendRequest: () => {
        const { socket } = connection;
        socket.cork();
        for (const piece of [head, ...body]) socket.write(piece);
        socket.uncork();
      },
    });
  }).then(({ payload }) => answersOf(payload));
}

function sizeOf(pieces: readonly Buffer[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

function headOf(correlationId: number, clientId: string, bodySize: number): Buffer {
  const id = Buffer.from(clientId);
  const buffer = Buffer.allocUnsafe(14 + id.length);
  buffer.writeInt32BE(10 + id.length + bodySize, 0);
  buffer.writeInt16BE(PRODUCE, 4);
  buffer.writeInt16BE(PRODUCE_VERSION, 6);
  buffer.writeInt32BE(correlationId, 8);
  buffer.writeInt16BE(id.length, 12);
  id.copy(buffer, 14);
  return buffer;
}

function bodyOf(batches: readonly EncodedBatch[], timeoutMs: number): Buffer[] {
  const byTopic = new Map<string, EncodedBatch[]>();
  for (const batch of batches) byTopic.set(batch.topic, [...(byTopic.get(batch.topic) ?? []), batch]);
  const options = Buffer.allocUnsafe(12);
  options.writeInt16BE(-1, 0); // no transaction
  options.writeInt16BE(-1, 2); // all replicas in sync
  options.writeInt32BE(timeoutMs, 4);
  options.writeInt32BE(byTopic.size, 8);
  const pieces: Buffer[] = [options];
  for (const [topic, own] of byTopic) {
    const name = Buffer.from(topic);
    const before = Buffer.allocUnsafe(2 + name.length + 4);
    before.writeInt16BE(name.length, 0);
    name.copy(before, 2);
    before.writeInt32BE(own.length, 2 + name.length);
    pieces.push(before);
    for (const { partition, bytes } of own) {
      const frame = Buffer.allocUnsafe(8);
      frame.writeInt32BE(partition, 0);
      frame.writeInt32BE(sizeOf(bytes), 4);
      pieces.push(frame, ...bytes);
    }
  }
  return pieces;
}

/** A topic's name, then of each partition its number, error code, offset, time and first offset. */
function answersOf(payload: Buffer): Produced[] {
  const answers: Produced[] = [];
  let at = 4;
  for (let topics = payload.readInt32BE(0); topics > 0; topics--) {
    const length = payload.readInt16BE(at);
    const topic = payload.toString('utf8', at + 2, at + 2 + length);
    at += 2 + length;
    const partitions = payload.readInt32BE(at);
    at += 4;
    for (let i = 0; i < partitions; i++) {
      const [partition, code, offset] = [payload.readInt32BE(at), payload.readInt16BE(at + 4), Number(payload.readBigInt64BE(at + 6))];
      answers.push({ topic, partition, code, offset });
      at += 4 + 2 + 8 + 8 + 8;
    }
  }
  return answers;
}
