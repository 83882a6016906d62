import type { LocalRecord } from '../spool/loss.js';
import { CaptureClient } from '../wire/client.js';
import { MessageType } from '../wire/message.js';
import { toLong, v1 } from '../wire/proto.js';
import type { EraseOrder, OrderAuthor } from './order.js';

/** Longest reason, bytes; the capture takes no longer one. */
export const LONGEST_REASON = 400;

/** What the log says of an erasure. It names no person. */
export interface ErasureRecord extends Pick<EraseOrder, 'id' | 'selectors' | 'reason'> {
  readonly stage: 'ordered' | 'done';
  readonly beforeNs: string;
  /** Done: events. */
  readonly events?: number;
  /** Done: counts by place, with the number of connections. */
  readonly places?: Readonly<Record<string, number>>;
}

/** Has a running capture write it into its log, in the name of this process. Rejects with ConnectionError or CaptureRefusal, each a sentence. */
export async function recordByCapture(socket: string, record: ErasureRecord): Promise<void> {
  const client = new CaptureClient({ path: socket, software: 'vslog erase' });
  try {
    await client.connect();
    const { stage, id, selectors, beforeNs, reason, events = 0, places = {} } = record;
    const payload = v1.Erasure.encode({
      stage: v1.EraseStage.Value[stage],
      id,
      selectors,
      before_ns: toLong(BigInt(beforeNs)),
      reason,
      events: toLong(BigInt(events)),
      places: placesText(places),
    }).finish();
    await client.call({ type: MessageType.eventErase, payload, answer: MessageType.controlError });
  } finally {
    client.close();
  }
}

/** The same as a record of the collector's own, for where no capture can be asked. */
export function localRecord(
  { stage, id, selectors, beforeNs, reason, events = 0, places = {} }: ErasureRecord,
  author: OrderAuthor,
): LocalRecord {
  return {
    kind: v1.ControlKind.Value[stage === 'ordered' ? 'erase_ordered' : 'erased'],
    name: id,
    old_value: selectors,
    new_value: placesText(places),
    lost: toLong(BigInt(events)),
    last_ns: toLong(BigInt(beforeNs)),
    detail: reason,
    uid: author.uid,
    login_uid: author.loginUid,
    pid: author.pid,
    command: 'vslog erase',
    through: v1.Through.Value.vslog,
  };
}

/** `connections=3 spool=6 embedded=6`. */
function placesText(places: Readonly<Record<string, number>>): string {
  return Object.entries(places)
    .map(([place, count]) => `${place}=${count}`)
    .join(' ');
}
