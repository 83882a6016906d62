import { phaseOf } from '../outcome/outcome.js';
import type { RealServer, ServiceKey, VirtualService } from '../wire/administration.js';
import type { ConnEvent } from '../wire/client.js';
import { toBigInt } from '../wire/proto.js';

/** A real server in one virtual service. */
export interface Place {
  readonly service: VirtualService;
  readonly real: RealServer;
}

/** What an entry of the balancer's table is for a drain: established (or being opened this moment), half-open or over, or a template. */
export type RestKind = 'established' | 'other' | 'template';

/** A connection that the balancer has, or a template. */
export interface RestConnection {
  /** Of which it is; undefined: no service of today. */
  readonly service: VirtualService | undefined;
  readonly kind: RestKind;
  /** 16 bytes. */
  readonly client: Uint8Array;
  readonly port: number;
  readonly protocol: number;
  readonly state: number;
  /** Seconds; undefined when the balancer does not know when it began. */
  readonly age: number | undefined;
}

/** What is left on what is drained. */
export interface Rest {
  /** Connections that carry traffic or may do so again: a drain waits for these, and for nothing else. */
  readonly established: number;
  /** Connections that are half open, closing or over: their timer alone keeps them. */
  readonly others: number;
  readonly templates: number;
  /** Undefined where the source lists none: then the balancer's own count of active ones is `established`. */
  readonly connections: readonly RestConnection[] | undefined;
}

export const NOTHING_LEFT: Rest = { established: 0, others: 0, templates: 0, connections: [] };

/**
 * What is left by the balancer's own counters and by its list. `connections` undefined: nobody lists them to us. What it counts and does not list is taken
 * for established: its counters tell half-open ones from established ones no better (ip_vs_proto_tcp.c, tcp_state_active_table).
 */
export function restOf(places: readonly Place[], connections: readonly RestConnection[] | undefined): Rest {
  const sum = (what: 'active' | 'inactive' | 'persistent'): number => places.reduce((all, { real }) => all + real[what], 0);
  const [active, inactive, templates] = [sum('active'), sum('inactive'), sum('persistent')];
  if (connections === undefined) return { established: active, others: inactive, templates, connections };
  const count = (kind: RestKind): number => connections.reduce((all, one) => all + (one.kind === kind ? 1 : 0), 0);
  const [established, others] = [count('established'), count('other')];
  const unlisted = Math.max(0, Math.min(active - established, active + inactive - established - others));
  return { established: established + unlisted, others, templates: Math.max(templates, count('template')), connections };
}

/** What is left on several directors together. */
export function together(rests: readonly Rest[]): Rest {
  return rests.reduce(
    (all, one) => ({
      established: all.established + one.established,
      others: all.others + one.others,
      templates: all.templates + one.templates,
      connections: all.connections === undefined || one.connections === undefined ? undefined : [...all.connections, ...one.connections],
    }),
    NOTHING_LEFT,
  );
}

export function establishedOf({ connections = [] }: Rest): RestConnection[] {
  return connections.filter(({ kind }) => kind === 'established');
}

/** IP_VS_CONN_F_ONE_PACKET of include/uapi/linux/ip_vs.h. */
const ONE_PACKET = 0x2000;
/** A handshake that is younger than this may be a real one, s; an older one is a flood's, or its client is gone. */
const HANDSHAKE_S = 10;

/** An entry as it counts; its service is one of the places', or none of today's. */
export function restConnection(event: ConnEvent, places: readonly Place[]): RestConnection {
  const created = toBigInt(event.created_ns);
  const age = created === 0n ? undefined : Math.max(0, Number(toBigInt(event.time_ns) - created) / 1e9);
  return {
    service: places.find(({ service }) => isOf(event, service.key))?.service,
    kind: kindOf(event, age),
    client: event.client_addr,
    port: event.client_port,
    protocol: event.protocol,
    state: event.state,
    age,
  };
}

function kindOf({ is_template: isTemplate, flags, protocol, state }: ConnEvent, age: number | undefined): RestKind {
  if (isTemplate) return 'template';
  if ((flags & ONE_PACKET) !== 0) return 'other';
  const phase = phaseOf(protocol, state);
  return phase === 'idle' || (phase === 'never_established' && age !== undefined && age < HANDSHAKE_S) ? 'established' : 'other';
}

/** Whether it is a connection or a template of this virtual service. */
function isOf(event: ConnEvent, { fwmark, protocol, address, port }: ServiceKey): boolean {
  if (fwmark !== 0 || event.fwmark !== 0) return event.fwmark === fwmark;
  // A service of port 0 has connections to every port; a template may have no port of its own.
  const samePort = event.virtual_port === port || port === 0 || (event.is_template && event.virtual_port === 0);
  return samePort && event.protocol === protocol && Buffer.compare(event.virtual_addr, address) === 0;
}

/** Upper ends of the classes of age, seconds. */
const AGES = [10, 60, 600, 3600, 86_400, Number.POSITIVE_INFINITY];

/** How many connections are of which age; classes without one are left out. */
export function byAge(connections: readonly RestConnection[]): { readonly below: number; readonly count: number }[] {
  const classes = AGES.map((below, at) => ({
    below,
    count: connections.filter(({ age }) => age !== undefined && age < below && age >= (AGES[at - 1] ?? 0)).length,
  }));
  return classes.filter(({ count }) => count > 0);
}

/** How many each client has, most first. `key` tells clients apart. */
export function byClient<T>(connections: readonly T[], key: (one: T) => string): [client: string, count: number][] {
  const counts = new Map<string, number>();
  for (const one of connections) counts.set(key(one), (counts.get(key(one)) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
}

/** Those that live longest, oldest first. */
export function stragglers(connections: readonly RestConnection[], most: number): RestConnection[] {
  return connections
    .filter(({ kind, age }) => kind === 'established' && age !== undefined)
    .sort((a, b) => (b.age ?? 0) - (a.age ?? 0))
    .slice(0, most);
}
