import { parseServerKey, parseServiceKey } from '../../../../src/cli/service-address.js';
import type { VirtualService } from '../../../../src/wire/administration.js';

/** Virtual services with real servers of these weights; each of them has ten established and five other connections. */
export function balanced(services: Readonly<Record<string, Readonly<Record<string, number>>>>): VirtualService[] {
  return Object.entries(services).map(([service, reals]) => ({
    key: parseServiceKey(service),
    settings: new Map(),
    traffic: undefined,
    reals: Object.entries(reals).map(([real, weight]) => ({
      key: parseServerKey(real),
      settings: new Map([['real_weight', String(weight)]]),
      ...{ active: 10, inactive: 5, persistent: 0, overloaded: false, traffic: undefined },
    })),
  }));
}
