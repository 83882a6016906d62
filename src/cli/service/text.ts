import type { RealServer, Traffic, VirtualService } from '../../wire/administration.js';
import { plural, whole } from '../numbers.js';
import { colour, table } from '../output.js';
import { formatServerKey, formatServiceKey } from '../service-address.js';

const RATES = ['connections/s', 'bytes/s in', 'out'];

/** A table of virtual services. */
export function servicesText(services: readonly VirtualService[]): string {
  if (services.length === 0) return 'no virtual services\n';
  const counted = services.some(({ traffic }) => traffic !== undefined);
  const head = ['virtual service', 'scheduler', 'persistent', 'flags', 'real servers', 'active', 'inactive', ...(counted ? RATES : [])];
  const rows = services.map(({ key, settings, reals, traffic }) => [
    formatServiceKey(key),
    settings.get('service_scheduler') ?? '',
    persistence(settings.get('service_timeout')),
    quiet(settings.get('service_flags'), 'none'),
    whole(reals.length),
    whole(sum(reals, 'active')),
    whole(sum(reals, 'inactive')),
    ...(counted ? rates(traffic) : []),
  ]);
  return table(head, rows, [4, 5, 6, 7, 8, 9]);
}

/** A table of the services' real servers. */
export function realsText(services: readonly VirtualService[]): string {
  const all = services.flatMap(({ key, reals }) => reals.map((real) => ({ service: formatServiceKey(key), real })));
  if (all.length === 0) return 'no real servers\n';
  const counted = all.some(({ real }) => real.traffic !== undefined);
  const head = [
    ...['virtual service', 'real server', 'weight', 'forward', 'threshold', 'active', 'inactive', 'templates'],
    ...(counted ? RATES : []),
    '',
  ];
  const rows = all.map(({ service, real }) => [
    service,
    formatServerKey(real.key),
    real.settings.get('real_weight') ?? '',
    real.settings.get('real_forward') ?? '',
    threshold(real),
    whole(real.active),
    whole(real.inactive),
    whole(real.persistent),
    ...(counted ? rates(real.traffic) : []),
    notes(real),
  ]);
  return `${table(head, rows, [2, 5, 6, 7, 8, 9, 10])}${plural(all.length, 'real server')}\n`;
}

/** For machines: keys as text, settings by the knobs' names. */
export function servicesJson(services: readonly VirtualService[]): unknown {
  return services.map(({ key, settings, reals, traffic }) => ({
    service: formatServiceKey(key),
    ...Object.fromEntries(settings),
    traffic: traffic ?? null,
    reals: reals.map((real) => ({
      real: formatServerKey(real.key),
      ...Object.fromEntries(real.settings),
      active: real.active,
      inactive: real.inactive,
      templates: real.persistent,
      overloaded: real.overloaded,
      quiesced: isQuiesced(real),
      traffic: real.traffic ?? null,
    })),
  }));
}

/** Its weight is 0: it gets no new connections but what persistence sends. */
export function isQuiesced({ settings }: RealServer): boolean {
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

function rates(traffic: Traffic | undefined): string[] {
  return traffic === undefined ? ['', '', ''] : [traffic.connectionsPerS, traffic.bytesInPerS, traffic.bytesOutPerS].map(whole);
}
