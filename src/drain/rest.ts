import type { RealServer, ServiceKey, VirtualService } from '../wire/administration.js';
import type { ConnEvent } from '../wire/client.js';
import { toBigInt } from '../wire/proto.js';

/** A real server in one virtual service. */
export interface Place {
  readonly service: VirtualService;
  readonly real: RealServer;
}

/** A live connection, or a template. */
export interface RestConnection {
  /** Of which it is. */
  readonly service: VirtualService;
  /** 16 bytes. */
  readonly client: Uint8Array;
  readonly port: number;
  readonly protocol: number;
  readonly state: number;
  readonly template: boolean;
  /** Seconds; undefined when the balancer does not know when it began. */
  readonly age: number | undefined;
}

/** What is left on a real server. */
export interface Rest {
  readonly active: number;
  readonly inactive: number;
  readonly templates: number;
  /** Undefined where the source lists none. */
  readonly connections: readonly RestConnection[] | undefined;
}

/** Connections that carry traffic or may do so again. Templates carry none themselves. */
export function liveOf({ active, inactive }: Rest): number {
  return active + inactive;
}

export function restOf(places: readonly Place[], connections: readonly RestConnection[] | undefined): Rest {
  const sum = (what: 'active' | 'inactive' | 'persistent'): number => places.reduce((all, { real }) => all + real[what], 0);
  return { active: sum('active'), inactive: sum('inactive'), templates: sum('persistent'), connections };
}

/** A connection as it counts for one of the places; undefined when it is of none of their services. */
export function restConnection(event: ConnEvent, places: readonly Place[]): RestConnection | undefined {
  const place = places.find(({ service }) => isOf(event, service.key));
  if (place === undefined) return undefined;
  const created = toBigInt(event.created_ns);
  return {
    service: place.service,
    client: event.client_addr,
    port: event.client_port,
    protocol: event.protocol,
    state: event.state,
    template: event.is_template,
    age: created === 0n ? undefined : Math.max(0, Number(toBigInt(event.time_ns) - created) / 1e9),
  };
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
    .filter(({ template, age }) => !template && age !== undefined)
    .sort((a, b) => (b.age ?? 0) - (a.age ?? 0))
    .slice(0, most);
}
