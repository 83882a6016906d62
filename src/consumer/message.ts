import { plainEvent } from '../cli/event-json.js';
import { EVENT_SCHEMA, HEADERS } from '../sink/kafka/message.js';
import { nextEvent } from '../wire/batch.js';
import { toBigInt, v1 } from '../wire/proto.js';

/** What the helper needs of a message, of whichever client. */
export interface KafkaMessage {
  readonly value: Uint8Array | null | undefined;
  readonly headers?: Readonly<Record<string, Uint8Array | string | readonly (Uint8Array | string)[] | undefined>> | undefined;
}

/** An event. */
export interface ConsumedEvent {
  /** The balancer. */
  readonly node: string;
  /** One run of its capture: sequences are unique in it. */
  readonly epoch: string;
  readonly record: 'conn' | 'control';
  /** Position in the epoch's log, from 1, without gaps over both record types. */
  readonly sequence: bigint;
  /** The Protobuf message as the capture wrote it, without a length before it. */
  readonly bytes: Uint8Array;
  /** All its fields as `vslog tail -o jsonl` shows them: words for enumerations, text for addresses and times. */
  toJSON(): Record<string, unknown>;
}

/** What is in a message. */
export interface MessageContent {
  readonly node: string;
  readonly epoch: string;
  readonly record: 'conn' | 'control';
  /** Sequence of the first event; the others follow it without gaps. */
  readonly first: bigint;
  readonly count: number;
  /** The events, decoded as they are asked for. Throws BadMessage when the body is not what the headers say. */
  events(): Generator<ConsumedEvent>;
}

/** A message is none of vslog's, or damaged, or of a version that this reader does not know. */
export class BadMessage extends Error {
  override readonly name = 'BadMessage';
}

/** Reads a message of either framing. Throws BadMessage. */
export function readMessage({ value, headers = {} }: KafkaMessage): MessageContent {
  const header = (name: string): string => {
    const found = headers[name];
    const one = Array.isArray(found) ? (found as readonly (Uint8Array | string)[])[0] : (found as Uint8Array | string | undefined);
    if (one === undefined) throw new BadMessage(`A message has no header "${name}": it is none of vslog's.`);
    return typeof one === 'string' ? one : Buffer.from(one).toString('utf8');
  };
  const schema = header(HEADERS.schema);
  if (schema !== String(EVENT_SCHEMA))
    throw new BadMessage(
      `A message has events of schema version ${schema}, and this reader knows version ${EVENT_SCHEMA}: use the vslog that wrote it.`,
    );
  const [node, epoch, record, framing] = [header(HEADERS.node), header(HEADERS.epoch), header(HEADERS.record), header(HEADERS.framing)];
  if (record !== 'conn' && record !== 'control') throw new BadMessage(`A message has records of type "${record}", which there is not.`);
  const [first, count] = [header(HEADERS.first), header(HEADERS.count)];
  if (!/^\d{1,19}$/.test(first) || !/^\d{1,9}$/.test(count))
    throw new BadMessage(`A message has first = "${first}" and count = "${count}", which are no numbers.`);
  if (framing !== 'batch' && framing !== 'event')
    throw new BadMessage(`A message has framing "${framing}", which this reader does not know.`);
  if (value === null || value === undefined) throw new BadMessage('A message has no value.');
  const from = BigInt(first);
  const events = (): Generator<ConsumedEvent> =>
    decoded(bodies(value, framing), { node, epoch, record, first: from, count: Number(count) });
  return { node, epoch, record, first: from, count: Number(count), events };
}

function* bodies(value: Uint8Array, framing: 'batch' | 'event'): Generator<Uint8Array> {
  if (framing === 'event') return yield value;
  for (let at = 0; at < value.length; ) {
    let place: { start: number; end: number };
    try {
      place = nextEvent(value, at);
    } catch {
      throw new BadMessage(`A message ends inside the event at its byte ${at}.`);
    }
    yield value.subarray(place.start, place.end);
    at = place.end;
  }
}

function* decoded(values: Iterable<Uint8Array>, about: Omit<MessageContent, 'events'>): Generator<ConsumedEvent> {
  const { node, epoch, record, first, count } = about;
  let next = first;
  for (const bytes of values) {
    const log = decode(record, bytes, node, epoch);
    const sequence = toBigInt(log.event.sequence);
    if (sequence !== next) throw new BadMessage(`A message has the event ${sequence} of ${node} ${epoch} where its headers say ${next}.`);
    next++;
    yield { node, epoch, record, sequence, bytes, toJSON: () => plainEvent(log) };
  }
  if (next !== first + BigInt(count))
    throw new BadMessage(`A message of ${node} ${epoch} has ${next - first} events, and its headers say ${count}.`);
}

function decode(record: 'conn' | 'control', bytes: Uint8Array, node: string, epoch: string): Parameters<typeof plainEvent>[0] {
  try {
    return record === 'conn'
      ? { node, epoch, record, event: v1.ConnEvent.decode(bytes) }
      : { node, epoch, record, event: v1.ControlEvent.decode(bytes) };
  } catch (error) {
    throw new BadMessage(`A message of ${node} ${epoch} cannot be read: ${error instanceof Error ? error.message : String(error)}.`);
  }
}
