import type { RecordName } from '../../../src/spool/segment.js';
import type { Batch } from '../../../src/wire/batch.js';
import { crc32c } from '../../../src/wire/crc32c.js';
import { encodeFrame } from '../../../src/wire/frame.js';
import { MessageType } from '../../../src/wire/message.js';
import { toLong, v1 } from '../../../src/wire/proto.js';

export const EPOCH = '0f1e2d3c4b5a69788796a5b4c3d2e1f0-1700000000000';

/** A batch of real events with sequences from `first`. */
export function makeBatch(first: bigint, count: number, record: RecordName = 'conn', epoch = EPOCH, node = 'node-a'): Batch {
  const events: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    const sequence = toLong(first + BigInt(i));
    const time_ns = toLong(1_700_000_000_000_000_000n + first + BigInt(i));
    events.push(
      record === 'conn'
        ? v1.ConnEvent.encodeDelimited({
            kind: v1.EventKind.Value.create,
            time_ns,
            sequence,
            conn_id: sequence,
            client_port: 1234,
          }).finish()
        : v1.ControlEvent.encodeDelimited({
            kind: v1.ControlKind.Value.knob_changed,
            time_ns,
            sequence,
            name: 'expire_nodest_conn',
          }).finish(),
    );
  }
  const body = Buffer.concat(events);
  return { record, node, epoch, first, last: first + BigInt(count) - 1n, count, crc32c: crc32c(body), filtered: false, body };
}

/** Batches of given sizes and types that follow one another. */
export function makeLog(parts: readonly { count: number; record: RecordName }[], first = 1n, epoch = EPOCH): Batch[] {
  let next = first;
  return parts.map(({ count, record }) => {
    const batch = makeBatch(next, count, record, epoch);
    next += BigInt(count);
    return batch;
  });
}

/** The frame in which the capture sends a batch. */
export function batchFrame(batch: Batch, port = 7): Buffer {
  const payload = v1.EventBatch.encode({
    header: {
      record: v1.RecordType.Value[batch.record],
      node: batch.node,
      epoch: batch.epoch,
      first_sequence: toLong(batch.first),
      count: batch.count,
      crc32c: batch.crc32c,
    },
    body: batch.body,
  }).finish();
  return encodeFrame(MessageType.eventBatch, 0, 0, port, payload);
}
