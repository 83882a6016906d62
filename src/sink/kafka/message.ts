import type { RecordName } from '../../spool/segment.js';

/** Version of the events' schema and of how they lie in messages. Events may get new fields within a version, as Protobuf allows. Names of topics carry it. */
export const EVENT_SCHEMA = 1;

/** How events lie in messages. */
export type Framing = 'batch' | 'event';

/** Names of the headers of every message; the values are text. */
export const HEADERS = {
  /** The balancer. */
  node: 'node',
  epoch: 'epoch',
  /** `conn` or `control`. */
  record: 'record',
  /** Sequence of the first event, decimal; the others follow it without gaps. */
  first: 'first',
  /** Events in the message, decimal. */
  count: 'count',
  /** EVENT_SCHEMA, decimal. */
  schema: 'schema',
  /** Full name of the events' Protobuf message. */
  message: 'message',
  /** `batch`: length-delimited events. `event`: one event without its length. */
  framing: 'framing',
} as const;

/** The Protobuf messages of proto/vslog/v1. */
export const MESSAGE_NAMES: Readonly<Record<RecordName, string>> = { conn: 'vslog.v1.ConnEvent', control: 'vslog.v1.ControlEvent' };

export const RECORDS: readonly RecordName[] = ['conn', 'control'];

/** `vslog.conn.v1`. */
export function topicName(prefix: string, record: RecordName): string {
  return `${prefix}.${record}.v${EVENT_SCHEMA}`;
}

/** FNV-1a, 32 bits: which partition a node's log goes to. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return mixed(hash);
}

/** Spreads 64 bits over 32: which partition a connection goes to. */
export function hashWords(low: number, high: number): number {
  return mixed(Math.imul(low, 0x9e3779b1) ^ mixed(high));
}

function mixed(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
