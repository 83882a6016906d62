import { findKnob } from '../../knob/catalogue.js';
import { countText, wholeText } from '../../text/format.js';
import type { RealServer, ServiceKey, Traffic, VirtualService } from '../../wire/administration.js';
import { formatAddress } from '../address.js';
import { plainValueOf } from '../knob/text.js';
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
    { title: 'real servers', name: 'real_servers', right: true, cell: ({ reals }) => countText(reals.length) },
    { title: 'active', name: 'active', right: true, cell: ({ reals }) => countText(sum(reals, 'active')) },
    { title: 'inactive', name: 'inactive', right: true, priority: 5, cell: ({ reals }) => countText(sum(reals, 'inactive')) },
    { title: 'new/s', name: 'connections_per_s', right: true, cell: ({ traffic }) => rate(traffic, 'connectionsPerS') },
    { title: 'bytes/s in', name: 'bytes_in_per_s', right: true, priority: 7, cell: ({ traffic }) => rate(traffic, 'bytesInPerS') },
    { title: 'out', name: 'bytes_out_per_s', right: true, priority: 8, cell: ({ traffic }) => rate(traffic, 'bytesOutPerS') },
  ],
  plain: ({ key, settings, reals, traffic }) => ({
    ...plainService(key),
    ...plainSettings(settings),
    active: sum(reals, 'active'),
    inactive: sum(reals, 'inactive'),
    ...plainTraffic(traffic),
    real_servers: reals.map(plainReal),
  }),
};

/** A real server of a virtual service. */
export interface Member {
  readonly service: ServiceKey;
  readonly real: RealServer;
}

export function membersOf(services: readonly VirtualService[]): Member[] {
  return services.flatMap(({ key, reals }) => reals.map((real) => ({ service: key, real })));
}

/** Real servers as a list, each once for each service that has it. */
export const REALS: Listing<Member> = {
  one: 'real server',
  none: 'no real servers',
  columns: [
    { title: 'virtual service', name: 'service', cell: ({ service }) => formatServiceKey(service) },
    { title: 'real server', name: 'real_server', cell: ({ real }) => formatServerKey(real.key) },
    { title: 'weight', name: 'real_weight', right: true, cell: ({ real }) => real.settings.get('real_weight') ?? '' },
    { title: 'forward', name: 'real_forward', priority: 5, cell: ({ real }) => real.settings.get('real_forward') ?? '' },
    { title: 'threshold', name: 'real_upper', priority: 6, cell: ({ real }) => threshold(real) },
    { title: 'active', name: 'active', right: true, cell: ({ real }) => countText(real.active) },
    { title: 'inactive', name: 'inactive', right: true, priority: 4, cell: ({ real }) => countText(real.inactive) },
    { title: 'templates', name: 'templates', right: true, priority: 7, cell: ({ real }) => countText(real.persistent) },
    { title: 'new/s', name: 'connections_per_s', right: true, priority: 3, cell: ({ real }) => rate(real.traffic, 'connectionsPerS') },
    { title: 'bytes/s in', name: 'bytes_in_per_s', right: true, priority: 8, cell: ({ real }) => rate(real.traffic, 'bytesInPerS') },
    { title: 'out', name: 'bytes_out_per_s', right: true, priority: 9, cell: ({ real }) => rate(real.traffic, 'bytesOutPerS') },
    { title: 'notes', name: 'quiesced', cell: ({ real }) => notes(real) },
  ],
  plain: ({ service, real }) => ({ ...plainService(service), ...plainReal(real) }),
};

function plainReal(real: RealServer): Record<string, unknown> {
  return {
    real_server: formatServerKey(real.key),
    real_addr: formatAddress(real.key.address),
    real_port: real.key.port,
    ...plainSettings(real.settings),
    active: real.active,
    inactive: real.inactive,
    templates: real.persistent,
    overloaded: real.overloaded,
    quiesced: isQuiesced(real),
    ...plainTraffic(real.traffic),
  };
}

/** A virtual service as text, and apart under the names that the log's columns have. */
function plainService(key: ServiceKey): Record<string, unknown> {
  const { protocol, address, port, fwmark } = key;
  return { service: formatServiceKey(key), protocol, virtual_addr: formatAddress(address), virtual_port: port, fwmark };
}

/** Settings under the names of their knobs. */
function plainSettings(settings: ReadonlyMap<string, string>): Record<string, unknown> {
  return Object.fromEntries([...settings].map(([name, value]) => [name, plainValueOf(findKnob(name), value)]));
}

/** The balancer's counters under the names of the log's columns; null where nobody counts. */
function plainTraffic(traffic: Traffic | undefined): Record<string, number | null> {
  return {
    connections: traffic?.connections ?? null,
    packets_in: traffic?.packetsIn ?? null,
    packets_out: traffic?.packetsOut ?? null,
    bytes_in: traffic?.bytesIn ?? null,
    bytes_out: traffic?.bytesOut ?? null,
    connections_per_s: traffic?.connectionsPerS ?? null,
    packets_in_per_s: traffic?.packetsInPerS ?? null,
    packets_out_per_s: traffic?.packetsOutPerS ?? null,
    bytes_in_per_s: traffic?.bytesInPerS ?? null,
    bytes_out_per_s: traffic?.bytesOutPerS ?? null,
  };
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
