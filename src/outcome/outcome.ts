import { v1 } from '../wire/proto.js';

/** How a connection ended, in the words that people ask with. The number is its place in ClickHouse's Enum8 and never changes. */
export const OUTCOMES = [
  { name: 'open', number: 0, doc: 'it has not ended, as far as the log knows' },
  { name: 'closed', number: 1, doc: 'both sides closed it, or one did and the other was silent until the timer ran out' },
  { name: 'reset', number: 2, doc: 'the client or the real server reset or refused it' },
  { name: 'idle', number: 3, doc: 'it was established, and no packet came until its timer ran out; the usual end of UDP' },
  { name: 'never_established', number: 4, doc: 'the handshake was never completed' },
  { name: 'server_removed', number: 5, doc: 'its real server or virtual service was removed, and expire_nodest_conn ended it' },
  { name: 'flushed', number: 6, doc: 'ended on request, or with the balancer or its network namespace' },
  { name: 'defence', number: 7, doc: 'dropped by the drop_entry defence' },
  { name: 'replaced', number: 8, doc: 'ended at once by the balancer: its client used the same port again' },
  { name: 'template_quiesced', number: 9, doc: 'a persistence template was refused, because its real server has weight 0' },
  { name: 'one_packet', number: 10, doc: 'one-packet scheduling: it never outlives its packet' },
  { name: 'capture_stopped', number: 11, doc: 'the capture that carried it (source engine) stopped' },
  { name: 'unknown', number: 12, doc: 'it ended while nothing recorded it, or the source does not say' },
] as const;

export type Outcome = (typeof OUTCOMES)[number]['name'];

type Reason = keyof typeof v1.EndReason.Value;

/** Reasons that say it all. The reason `timeout` is told apart by the last state: CLOSING and EARLY. */
const OF_REASON: Readonly<Partial<Record<Reason, Outcome>>> = {
  none: 'open',
  expire_now: 'replaced',
  nodest: 'server_removed',
  flushed: 'flushed',
  drop_entry: 'defence',
  service_removed: 'server_removed',
  module_unload: 'flushed',
  template_quiesced: 'template_quiesced',
  one_packet: 'one_packet',
  capture_stopped: 'capture_stopped',
};

const [TCP, SCTP] = [6, 132];

/**
 * What a timer that ran out means, by protocol and last state (include/net/ip_vs.h; the tables of net/netfilter/ipvs/ip_vs_proto_tcp.c and ip_vs_proto_sctp.c).
 * A state, or a protocol, that is not here is an established one: `idle`. Direct routing sees one side only: a clean close ends there in FIN_WAIT.
 */
export const OF_STATE: readonly { readonly protocol: number; readonly outcome: Outcome; readonly states: readonly number[] }[] = [
  // NONE, SYN_SENT, SYN_RECV, LISTEN, SYNACK
  { protocol: TCP, outcome: 'never_established', states: [0, 2, 3, 9, 10] },
  // FIN_WAIT, TIME_WAIT, CLOSE_WAIT, LAST_ACK
  { protocol: TCP, outcome: 'closed', states: [4, 5, 7, 8] },
  // CLOSE: only a reset leads there
  { protocol: TCP, outcome: 'reset', states: [6] },
  // NONE, INIT1, INIT, COOKIE_SENT, COOKIE_REPLIED, COOKIE_WAIT, COOKIE, COOKIE_ECHOED
  { protocol: SCTP, outcome: 'never_established', states: [0, 1, 2, 3, 4, 5, 6, 7] },
  // SHUTDOWN_SENT, SHUTDOWN_RECEIVED, SHUTDOWN_ACK_SENT, CLOSED: an ABORT leads to CLOSED too, and nothing tells it apart
  { protocol: SCTP, outcome: 'closed', states: [9, 10, 11, 13] },
  // REJECTED
  { protocol: SCTP, outcome: 'reset', states: [12] },
];

/** Outcomes of connections that something other than their two ends ended. `unknown` is none of them: nobody knows. */
export const CUT: readonly Outcome[] = ['server_removed', 'flushed', 'defence', 'replaced', 'template_quiesced', 'capture_stopped'];

/** What an outcome is derived from; an event of the log has it all. */
export interface Ending {
  /** EndReason. */
  readonly reason: number;
  readonly protocol: number;
  /** The last one, IPVS's number. */
  readonly state: number;
  readonly isTemplate: boolean;
}

/** The outcome of a connection; `open` while it has no reason. sql.ts says the same in SQL. */
export function outcomeOf(ending: Ending): Outcome {
  const reason = v1.EndReason.Value[ending.reason] as Reason | undefined;
  if (reason === undefined) return 'unknown';
  if (reason !== 'timeout') return OF_REASON[reason] ?? 'unknown';
  return ending.isTemplate ? 'idle' : phaseOf(ending.protocol, ending.state);
}

/** OF_STATE by protocol and state: it is looked at for every event that a file sink writes. */
const BY_STATE: Outcome[][] = [];
for (const { protocol, outcome, states } of OF_STATE) {
  const own = BY_STATE[protocol] ?? [];
  BY_STATE[protocol] = own;
  for (const state of states) own[state] = outcome;
}

/** What the timer of a connection in this state means when it runs out: `idle` for an established one. */
export function phaseOf(protocol: number, state: number): 'idle' | Outcome {
  return BY_STATE[protocol]?.[state] ?? 'idle';
}

/** Whether data may flow on it: it is neither being opened, nor closing, nor over. UDP's one state counts as established. */
export function isEstablished(protocol: number, state: number): boolean {
  return phaseOf(protocol, state) === 'idle';
}

/** Whether it was cut: it was established, and neither side ended it. */
export function isCut(ending: Ending): boolean {
  return !ending.isTemplate && isEstablished(ending.protocol, ending.state) && CUT.includes(outcomeOf(ending));
}

export { outcomeText } from './words.js';
export { OF_REASON };
