import type { Config } from './load.js';
import { keys, optionOf } from './schema.js';
import type { VirtualService } from './services.js';
import { show } from './value.js';

/** The effective values as a TOML file, each with its origin. */
export function dumpToml(config: Config): string {
  const lines: string[] = [];
  let table = '';
  for (const key of keys) {
    const at = key.indexOf('.');
    if (key.slice(0, at) !== table) {
      table = key.slice(0, at);
      lines.push(...(lines.length > 0 ? [''] : []), `[${table}]`);
    }
    lines.push(`${key.slice(at + 1)} = ${literal(key, config.values[key])}  # ${config.origins[key]}`);
  }
  if (config.knobs.length > 0) {
    lines.push('', '[engine.knobs]');
    for (const { name, value, origin } of config.knobs)
      lines.push(`${name} = ${/^\d+$/.test(value) ? value : JSON.stringify(value)}  # ${origin}`);
  }
  for (const service of config.services) lines.push('', ...serviceLines(service));
  return `${lines.join('\n')}\n`;
}

function serviceLines(service: VirtualService): string[] {
  return [
    `[[service]]  # ${service.origin}`,
    `at = ${JSON.stringify(service.at)}`,
    `scheduler = ${JSON.stringify(service.scheduler)}`,
    `persistent = ${service.persistent}`,
    `netmask = ${JSON.stringify(service.netmask)}`,
    `one_packet = ${service.onePacket}`,
    'real = [',
    ...service.reals.map(
      ({ at, weight, upper, lower }) => `  { at = ${JSON.stringify(at)}, weight = ${weight}, upper = ${upper}, lower = ${lower} },`,
    ),
    ']',
  ];
}

function literal(key: (typeof keys)[number], value: unknown): string {
  const option = optionOf(key);
  if (typeof value === 'boolean' || option.type === 'int') return String(value);
  return JSON.stringify(show(option, value));
}

/** The same for machines: sizes in bytes, times in ms. */
export function dumpJson(config: Config): Record<string, unknown> {
  return {
    ...Object.fromEntries(keys.map((key) => [key, { value: config.values[key], from: config.origins[key] }])),
    'engine.knobs': Object.fromEntries(config.knobs.map(({ name, value, origin }) => [name, { value, from: origin }])),
    service: config.services.map(({ origin, onePacket, reals, ...rest }) => ({
      ...rest,
      one_packet: onePacket,
      real: reals,
      from: origin,
    })),
  };
}
