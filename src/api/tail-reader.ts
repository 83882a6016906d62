import type { IncomingMessage } from 'node:http';
import { type Batch, readBatch } from '../wire/batch.js';
import type { MissedEvents } from '../wire/client.js';
import { FrameReader } from '../wire/frame.js';
import { MessageType } from '../wire/message.js';
import { toBigInt, v1 } from '../wire/proto.js';
import { SocketError } from './errors.js';
import { TAIL_HEADERS, type TailBegin } from './tail-stream.js';

export interface TailReader {
  /** Where the stream begins; before anything of it. Undefined: the collector is of a version that does not say. */
  onBegin?(begin: TailBegin | undefined): void | Promise<void>;
  /** May return a promise: then the stream waits. */
  onBatch(batch: Batch): void | Promise<void>;
  onMissed(missed: MissedEvents): void;
}

function beginOf({ headers }: IncomingMessage): TailBegin | undefined {
  const [node, epoch, first] = [headers[TAIL_HEADERS.node], headers[TAIL_HEADERS.epoch], headers[TAIL_HEADERS.first]];
  if (typeof node !== 'string' || typeof epoch !== 'string' || typeof first !== 'string' || !/^\d+$/.test(first)) return undefined;
  return { node: decodeURIComponent(node), epoch, first: BigInt(first) };
}

/** Reads the answer to GET /v1/tail until it ends or `signal` is aborted. Rejects with SocketError when the collector says why it ends it. */
export async function readTail(stream: IncomingMessage, reader: TailReader, signal: AbortSignal): Promise<void> {
  const frames = new FrameReader();
  await reader.onBegin?.(beginOf(stream));
  for await (const chunk of stream) {
    const ready: (Batch | MissedEvents)[] = [];
    frames.push(chunk as Buffer, ({ type, payload, offset }) => {
      if (type === MessageType.eventBatch) ready.push(readBatch(payload, offset + 16));
      else if (type === MessageType.controlOverrun) {
        const { missed, first_sequence, last_sequence } = v1.Overrun.decode(payload);
        ready.push({ missed: toBigInt(missed), first: toBigInt(first_sequence), last: toBigInt(last_sequence) });
      } else if (type === MessageType.controlError) throw new SocketError(v1.ErrorReply.decode(payload).message);
    });
    for (const item of ready) {
      if (signal.aborted) return;
      if ('missed' in item) reader.onMissed(item);
      else await reader.onBatch(item);
    }
  }
}
