import { type Batch, nextEvent } from '../wire/batch.js';
import { crc32c } from '../wire/crc32c.js';
import { toBigInt, toLong, v1 } from '../wire/proto.js';
import type { RecordName } from './segment.js';

/** Events that are missing, to be written into the log itself. */
export interface Loss {
  readonly where: Exclude<keyof typeof v1.LossPlace.Value, 'none'>;
  /** How many records. */
  readonly lost: bigint;
  /** Wall clock of the first and last, ns; 0: not known. */
  readonly firstNs?: bigint;
  readonly lastNs?: bigint;
  /** A sentence for people. */
  readonly detail: string;
  /** The same loss told twice has the same. */
  readonly id?: string;
  /** More may be missing than `lost` says, and nobody knows how many. */
  readonly unknown?: boolean;
}

/** Prefix of the epochs of records that a collector makes itself. */
export const LOCAL_EPOCH = 'collector-';

/** Fields of a record that the collector makes itself; the log adds time and sequence. */
export type LocalRecord = Omit<NonNullable<Parameters<typeof v1.ControlEvent.encode>[0]>, 'time_ns' | 'sequence'>;

/** A batch of one ControlEvent of kind loss, of the collector's own epoch. */
export function lossBatch(loss: Loss, node: string, epoch: string, sequence: bigint): Batch {
  const fields = {
    kind: v1.ControlKind.Value.loss,
    where: v1.LossPlace.Value[loss.where],
    lost: toLong(loss.lost),
    first_ns: toLong(loss.firstNs ?? 0n),
    last_ns: toLong(loss.lastNs ?? 0n),
    detail: loss.detail,
    ...(loss.id === undefined ? {} : { loss_id: loss.id }),
    ...(loss.unknown === true ? { lost_unknown: true } : {}),
  };
  return localBatch(fields, node, epoch, sequence);
}

/** A batch of one ControlEvent of the collector's own epoch. */
export function localBatch(fields: LocalRecord, node: string, epoch: string, sequence: bigint): Batch {
  const body = Buffer.from(
    v1.ControlEvent.encodeDelimited({
      uid: 0xffffffff,
      login_uid: 0xffffffff,
      ...fields,
      time_ns: toLong(BigInt(Date.now()) * 1_000_000n),
      sequence: toLong(sequence),
    }).finish(),
  );
  return { record: 'control', node, epoch, first: sequence, last: sequence, count: 1, crc32c: crc32c(body), filtered: false, body };
}

/** Wall clock of the first and last event that can still be read in a damaged body; zeros when none can. Slow: for damage only. */
export function timesIn(record: RecordName, body: Buffer): { firstNs: bigint; lastNs: bigint } {
  let firstNs = 0n;
  let lastNs = 0n;
  const type = record === 'conn' ? v1.ConnEvent : v1.ControlEvent;
  try {
    for (let at = 0; at < body.length; ) {
      const { start, end } = nextEvent(body, at);
      const time = toBigInt(type.decode(body.subarray(start, end)).time_ns);
      if (firstNs === 0n) firstNs = time;
      lastNs = time;
      at = end;
    }
  } catch {
    // From here on the body is unreadable; what was found before stands.
  }
  return { firstNs, lastNs };
}
