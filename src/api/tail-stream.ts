import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Batch } from '../wire/batch.js';
import type { MissedEvents, Wanted } from '../wire/client.js';
import { sentenceOf } from '../wire/errors.js';
import { encodeFrame } from '../wire/frame.js';
import { MessageType } from '../wire/message.js';
import { toLong, v1 } from '../wire/proto.js';
import { ApiError } from './errors.js';

/** Where the stream begins; in the answer's headers, so that whoever reads it can put the log's past before it. */
export interface TailBegin {
  readonly node: string;
  readonly epoch: string;
  readonly first: bigint;
}

export const TAIL_HEADERS = { node: 'x-vslog-node', epoch: 'x-vslog-epoch', first: 'x-vslog-first-sequence' } as const;

/** What the stream needs of the collector. */
export interface Tailer {
  tail(
    wanted: Wanted,
    onBatch: (batch: Batch) => void | Promise<void>,
    signal: AbortSignal,
    handlers: { onStart?(start: TailBegin): void; onMissed?(missed: MissedEvents): void },
  ): Promise<void>;
}

/**
 * GET /v1/tail: a live subscription of its own for every client, as the frames of docs/wire.md: EVENT_BATCH, CONTROL_OVERRUN where the client was too slow,
 * CONTROL_ERROR when the capture is gone. It ends with the client's connection.
 */
export async function streamTail(
  collector: Tailer,
  wanted: Wanted,
  request: IncomingMessage,
  response: ServerResponse,
  stopping: AbortSignal,
): Promise<void> {
  const gone = new AbortController();
  request.socket.once('close', () => gone.abort());
  const signal = AbortSignal.any([gone.signal, stopping]);
  const send = async (type: number, payload: Uint8Array): Promise<void> => {
    if (signal.aborted || response.write(encodeFrame(type, 0, 0, 0, payload))) return;
    await once(response, 'drain', { signal }).catch(() => undefined);
  };
  try {
    await collector.tail(wanted, (batch) => send(MessageType.eventBatch, encodeBatch(batch)), signal, {
      onStart: ({ node, epoch, first }) => {
        response.writeHead(200, {
          'content-type': 'application/x-vslog-frames',
          [TAIL_HEADERS.node]: encodeURIComponent(node),
          [TAIL_HEADERS.epoch]: epoch,
          [TAIL_HEADERS.first]: String(first),
        });
        response.flushHeaders();
      },
      onMissed: ({ missed, first, last }) => {
        const payload = v1.Overrun.encode({ missed: toLong(missed), first_sequence: toLong(first), last_sequence: toLong(last) }).finish();
        void send(MessageType.controlOverrun, payload);
      },
    });
  } catch (error) {
    if (!response.headersSent) throw new ApiError(503, 'capture_unreachable', sentenceOf(error));
    const payload = v1.ErrorReply.encode({ code: 104, message: sentenceOf(error), field: '' }).finish(); // ECONNRESET
    await send(MessageType.controlError, payload);
  }
  response.end();
}

function encodeBatch(batch: Batch): Uint8Array {
  const { node, epoch, first, count, crc32c, filtered, body } = batch;
  const record = v1.RecordType.Value[batch.record];
  return v1.EventBatch.encode({ header: { record, node, epoch, first_sequence: toLong(first), count, crc32c, filtered }, body }).finish();
}
