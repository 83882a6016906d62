import { type Batch, nextEvent } from '../wire/batch.js';
import { v1 } from '../wire/proto.js';

export type ConnEvent = InstanceType<typeof v1.ConnEvent>;
export type ControlEvent = InstanceType<typeof v1.ControlEvent>;

/** A decoded record, and where it is from. */
export type LogEvent = { readonly node: string; readonly epoch: string } & (
  | { readonly record: 'conn'; readonly event: ConnEvent }
  | { readonly record: 'control'; readonly event: ControlEvent }
);

/** The records of a batch, decoded: for people, never on the way to a sink. */
export function* eventsOf(batch: Batch): Generator<LogEvent> {
  const { node, epoch, record, body } = batch;
  for (let at = 0; at < body.length; ) {
    const { start, end } = nextEvent(body, at);
    const bytes = body.subarray(start, end);
    at = end;
    yield record === 'conn'
      ? { node, epoch, record, event: v1.ConnEvent.decode(bytes) }
      : { node, epoch, record, event: v1.ControlEvent.decode(bytes) };
  }
}

const PROTOCOLS = new Map([
  [1, 'icmp'],
  [6, 'tcp'],
  [17, 'udp'],
  [33, 'dccp'],
  [47, 'gre'],
  [50, 'esp'],
  [51, 'ah'],
  [58, 'icmpv6'],
  [132, 'sctp'],
  [136, 'udplite'],
]);

/** Other names of protocols, as IANA and /etc/protocols have them. */
const OTHER_NAMES = new Map([['ipv6-icmp', 58]]);

/** The protocol's name, or its number. */
export function protocolName(number: number): string {
  return PROTOCOLS.get(number) ?? String(number);
}

/** The number of a protocol's name or number; undefined when it is none. */
export function protocolNumber(text: string): number | undefined {
  const name = text.toLowerCase();
  const named = [...PROTOCOLS].find(([, one]) => one === name)?.[0] ?? OTHER_NAMES.get(name);
  if (named !== undefined) return named;
  return /^\d{1,3}$/.test(text) && Number(text) < 256 ? Number(text) : undefined;
}

/** The kind's name. */
export function kindOf(log: LogEvent): string {
  const names: Record<number, string> = log.record === 'conn' ? v1.EventKind.Value : v1.ControlKind.Value;
  return names[log.event.kind] ?? String(log.event.kind);
}
