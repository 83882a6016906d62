import { countText, wholeText } from '../../text/format.js';
import type { RealServer, Traffic, VirtualService } from '../../wire/administration.js';
import type { Listing } from '../listing.js';
import { colour } from '../output.js';
import { formatServerKey, formatServiceKey } from '../service-address.js';

/** Virtual services as a list. */
export const SERVICES: Listing<VirtualService> = {
  one: 'virtual service',
  none: 'no virtual services',
  columns: [
    { title: 'virtual service', name: 'service', cell: ({ key }) => formatServiceKey(key) },
    { title: 'scheduler', name: 'service_scheduler', priority: 3, cell: ({ settings }) => settings.get('service_scheduler') ?? '' },
    { title: 'persistent', name: 'service_timeout', priority: 4, cell: ({ settings }) => persistence(settings.get('service_timeout')) },
    { title: 'flags', name: 'service_flags', priority: 6, min: 8, cell: ({ settings }) => quiet(settings.get('service_flags'), 'none') },
    { title: 'real servers', name: 'reals', right: true, cell: ({ reals }) => countText(reals.length) },
    { title: 'active', name: 'active', right: true, cell: ({ reals }) => countText(sum(reals, 'active')) },
    { title: 'inactive', name: 'inactive', right: true, priority: 5, cell: ({ reals }) => countText(sum(reals, 'inactive')) },
    { title: 'new/s', name: 'traffic', right: true, cell: ({ traffic }) => rate(traffic, 'connectionsPerS') },
    { title: 'bytes/s in', name: 'bytes_in_per_s', right: true, priority: 7, cell: ({ traffic }) => rate(traffic, 'bytesInPerS') },
    { title: 'out', name: 'bytes_out_per_s', right: true, priority: 8, cell: ({ traffic }) => rate(traffic, 'bytesOutPerS') },
  ],
  plain: ({ key, settings, reals, traffic }) => ({
    service: formatServiceKey(key),
    ...Object.fromEntries(settings),
    active: sum(reals, 'active'),
    inactive: sum(reals, 'inactive'),
    traffic: plainTraffic(traffic),
    reals: reals.map(plainReal),
  }),
};

/** A real server of a virtual service. */
export interface Member {
  readonly service: string;
  readonly real: RealServer;
}

export function membersOf(services: readonly VirtualService[]): Member[] {
  return services.flatMap(({ key, reals }) => reals.map((real) => ({ service: formatServiceKey(key), real })));
}

/** Real servers as a list, each once for each service that has it. */
export const REALS: Listing<Member> = {
  one: 'real server',
  none: 'no real servers',
  columns: [
    { title: 'virtual service', name: 'service', cell: ({ service }) => service },
    { title: 'real server', name: 'real', cell: ({ real }) => formatServerKey(real.key) },
    { title: 'weight', name: 'real_weight', right: true, cell: ({ real }) => real.settings.get('real_weight') ?? '' },
    { title: 'forward', name: 'real_forward', priority: 5, cell: ({ real }) => real.settings.get('real_forward') ?? '' },
    { title: 'threshold', name: 'real_upper', priority: 6, cell: ({ real }) => threshold(real) },
    { title: 'active', name: 'active', right: true, cell: ({ real }) => countText(real.active) },
    { title: 'inactive', name: 'inactive', right: true, priority: 4, cell: ({ real }) => countText(real.inactive) },
    { title: 'templates', name: 'templates', right: true, priority: 7, cell: ({ real }) => countText(real.persistent) },
    { title: 'new/s', name: 'traffic', right: true, priority: 3, cell: ({ real }) => rate(real.traffic, 'connectionsPerS') },
    { title: 'bytes/s in', name: 'bytes_in_per_s', right: true, priority: 8, cell: ({ real }) => rate(real.traffic, 'bytesInPerS') },
    { title: 'out', name: 'bytes_out_per_s', right: true, priority: 9, cell: ({ real }) => rate(real.traffic, 'bytesOutPerS') },
    { title: 'notes', name: 'quiesced', cell: ({ real }) => notes(real) },
  ],
  plain: ({ service, real }) => ({ service, ...plainReal(real) }),
};

function plainReal(real: RealServer): Record<string, unknown> {
  return {
    real: formatServerKey(real.key),
    ...Object.fromEntries(real.settings),
    active: real.active,
    inactive: real.inactive,
    templates: real.persistent,
    overloaded: real.overloaded,
    quiesced: isQuiesced(real),
    traffic: plainTraffic(real.traffic),
  };
}

/** The balancer's counters, named as everything else for machines is. */
function plainTraffic(traffic: Traffic | undefined): Record<string, number> | null {
  if (traffic === undefined) return null;
  return Object.fromEntries(
    Object.entries(traffic).map(([name, value]) => [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]),
  );
}

/** Its weight is 0: it gets no new connections but what persistence sends. */
function isQuiesced({ settings }: RealServer): boolean {
  return settings.get('real_weight') === '0';
}

function notes(real: RealServer): string {
  const words = [...(isQuiesced(real) ? [colour.yellow('quiesced')] : []), ...(real.overloaded ? [colour.red('overloaded')] : [])];
  return words.join(', ');
}

function threshold({ settings }: RealServer): string {
  const [upper = '0', lower = '0'] = [settings.get('real_upper'), settings.get('real_lower')];
  return upper === '0' ? '' : `${upper}/${lower}`;
}

function persistence(timeout = '0'): string {
  return timeout === '0' ? '' : `${timeout} s`;
}

function quiet(text: string | undefined, nothing: string): string {
  return text === undefined || text === nothing ? '' : text;
}

function sum(reals: readonly RealServer[], what: 'active' | 'inactive'): number {
  return reals.reduce((all, real) => all + real[what], 0);
}

function rate(traffic: Traffic | undefined, what: keyof Traffic): string {
  return traffic === undefined ? '' : wholeText(traffic[what]);
}
