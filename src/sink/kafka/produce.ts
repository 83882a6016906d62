import type { Connection } from './kafkajs-core.js';
import type { EncodedBatch } from './producer.js';

/*
 * The request Produce, version 7 (https://kafka.apache.org/protocol#The_Messages_Produce). It is written to the socket in the pieces that it is made of: kafkajs would copy all of it three times.
 */

/** Its key. */
export const PRODUCE = 0;
/** Of Kafka 2.1: the first that takes zstd. */
export const PRODUCE_VERSION = 7;

/** Sends batches to the leader of their partitions, at most one a partition, and resolves to the error codes of its answer; 0: all is well. */
export function produce(
  connection: Connection,
  batches: readonly EncodedBatch[],
  { clientId, timeoutMs }: { readonly clientId: string; readonly timeoutMs: number },
): Promise<number[]> {
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
  }).then(({ payload }) => codesOf(payload));
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
function codesOf(payload: Buffer): number[] {
  const codes: number[] = [];
  let at = 4;
  for (let topics = payload.readInt32BE(0); topics > 0; topics--) {
    at += 2 + payload.readInt16BE(at);
    const partitions = payload.readInt32BE(at);
    at += 4;
    for (let i = 0; i < partitions; i++) {
      codes.push(payload.readInt16BE(at + 4));
      at += 4 + 2 + 8 + 8 + 8;
    }
  }
  return codes;
}
