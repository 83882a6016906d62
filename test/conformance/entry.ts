import { type Batch, nextEvent } from '../../src/wire/batch.js';
import { toBigInt, v1 } from '../../src/wire/proto.js';

export type ConnEvent = InstanceType<typeof v1.ConnEvent>;
export type ControlEvent = InstanceType<typeof v1.ControlEvent>;

/** One record of the log, in the order of its sequence. */
export type Entry =
  | { readonly sequence: bigint; readonly conn: ConnEvent; readonly control?: undefined }
  | { readonly sequence: bigint; readonly control: ControlEvent; readonly conn?: undefined };

/** The records of a batch. */
export function entriesOf(batch: Batch): Entry[] {
  const entries: Entry[] = [];
  let sequence = batch.first;
  for (let at = 0; at < batch.body.length; ) {
    const { start, end } = nextEvent(batch.body, at);
    const message = batch.body.subarray(start, end);
    if (batch.record === 'conn') entries.push({ sequence, conn: v1.ConnEvent.decode(message) });
    else entries.push({ sequence, control: v1.ControlEvent.decode(message) });
    sequence++;
    at = end;
  }
  return entries;
}

export const netnsOf = (entry: Entry): number => entry.conn?.netns ?? entry.control?.netns ?? 0;

/** A 64-bit id as text. */
export const idOf = (value: Parameters<typeof toBigInt>[0]): string => toBigInt(value).toString();
