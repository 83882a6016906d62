import type { ServiceKey, VirtualService } from '../../wire/administration.js';
import { type Identity, serverIdentity, serviceIdentity } from './identity.js';

/** How long a series stays that has neither a place in the balancer nor an event, ms. Longer than late events of the store take. */
export const KEPT_MS = 20 * 60_000;

/** Something that has a series of its own. */
export interface Member extends Identity {
  /** Of a virtual service that the balancer named. */
  readonly key?: ServiceKey;
  /** Some real server of this virtual service has port 0: it takes the port that the client used. */
  portless: boolean;
  /** When it was last in the balancer or had an event, ms. */
  seenMs: number;
}

/** Of one kind: virtual services, or real servers. */
export interface Ranks {
  readonly own: number;
  readonly other: number;
}

/**
 * Who has a series of its own: the first who come, up to the limit of each kind, in the order of their names. A member stays as long as it is in the balancer or has
 * events, and KEPT_MS longer, so that nobody goes to and fro between a series of its own and `other`.
 */
export class Roster {
  readonly services = new Map<string, Member>();
  readonly servers = new Map<string, Member>();
  readonly limit: number;
  private others: { services: number; servers: number } = { services: 0, servers: 0 };

  /** `limit`: so many virtual services, and so many real servers. */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** Takes the balancer's list of now. */
  observe(list: readonly VirtualService[], nowMs: number): void {
    const services = list
      .map((service) => ({ service, identity: serviceIdentity(service.key) }))
      .sort((a, b) => order(a.identity.vs, b.identity.vs));
    this.others = { services: 0, servers: 0 };
    for (const { service, identity } of services) {
      const portless = service.reals.some((real) => real.key.port === 0);
      if (!this.admit(this.services, { ...identity, key: service.key, portless, seenMs: nowMs }, nowMs)) this.others.services++;
      const member = this.services.get(identity.slot);
      if (member !== undefined) member.portless ||= portless;
    }
    const servers = services.flatMap(({ service, identity }) => service.reals.map((real) => serverIdentity(identity, real.key)));
    servers.sort((a, b) => order(a.vs, b.vs) || order(a.rs ?? '', b.rs ?? ''));
    for (const identity of servers)
      if (!this.admit(this.servers, { ...identity, portless: false, seenMs: nowMs }, nowMs)) this.others.servers++;
  }

  /** Takes one whose events are in the store and that the balancer does not name, while there is room. */
  discover(identity: Identity, nowMs: number): void {
    this.admit(identity.rs === undefined ? this.services : this.servers, { ...identity, portless: false, seenMs: nowMs }, nowMs);
  }

  /** Something happened at it. */
  touch(slot: string, nowMs: number): void {
    const member = this.services.get(slot) ?? this.servers.get(slot);
    if (member !== undefined) member.seenMs = nowMs;
  }

  /** Takes the places of those that are gone; returns their slots. */
  retire(nowMs: number): string[] {
    const gone: string[] = [];
    for (const members of [this.services, this.servers])
      for (const [slot, { seenMs }] of members)
        if (nowMs - seenMs > KEPT_MS) {
          members.delete(slot);
          gone.push(slot);
        }
    return gone;
  }

  /** How many have a series of their own, and how many of the balancer's have none. */
  ranks(): { readonly services: Ranks; readonly servers: Ranks } {
    return {
      services: { own: this.services.size, other: this.others.services },
      servers: { own: this.servers.size, other: this.others.servers },
    };
  }

  private admit(members: Map<string, Member>, member: Member, nowMs: number): boolean {
    const known = members.get(member.slot);
    if (known === undefined && members.size >= this.limit) return false;
    if (known === undefined) members.set(member.slot, member);
    else known.seenMs = nowMs;
    return true;
  }
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
