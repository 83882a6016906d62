import type { VirtualService } from '../../wire/administration.js';
import { OTHER, serverIdentity, serviceIdentity } from './identity.js';
import type { Roster } from './roster.js';

/** How a real server, or many together, stand now. */
export interface Levels {
  active: number;
  inactive: number;
  weight: number;
  /** Real servers: of a real server's own series 1. */
  servers: number;
  /** Of these with weight 0. */
  quiesced: number;
  /** Of these with connections. */
  draining: number;
  overloaded: number;
}

/** Sums of the balancer's list by slot; `other` where somebody has no series. */
export function levelsOf(
  list: readonly VirtualService[],
  { services, servers }: Pick<Roster, 'services' | 'servers'>,
): { readonly services: Map<string, Levels>; readonly servers: Map<string, Levels> } {
  const found = { services: new Map<string, Levels>(), servers: new Map<string, Levels>() };
  for (const service of list) {
    const identity = serviceIdentity(service.key);
    const sum = levelsAt(found.services, services.has(identity.slot) ? identity.slot : OTHER);
    for (const real of service.reals) {
      const { slot } = serverIdentity(identity, real.key);
      const weight = Number(real.settings.get('real_weight') ?? 0);
      for (const levels of [sum, levelsAt(found.servers, servers.has(slot) ? slot : OTHER)]) {
        levels.active += real.active;
        levels.inactive += real.inactive;
        levels.weight += weight;
        levels.servers += 1;
        if (weight === 0) levels.quiesced += 1;
        if (weight === 0 && real.active > 0) levels.draining += 1;
        if (real.overloaded) levels.overloaded += 1;
      }
    }
  }
  return found;
}

function levelsAt(found: Map<string, Levels>, slot: string): Levels {
  let levels = found.get(slot);
  if (levels === undefined) {
    levels = { active: 0, inactive: 0, weight: 0, servers: 0, quiesced: 0, draining: 0, overloaded: 0 };
    found.set(slot, levels);
  }
  return levels;
}
