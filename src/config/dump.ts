import type { Config } from './load.js';
import { keys, optionOf } from './schema.js';
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
  return `${lines.join('\n')}\n`;
}

function literal(key: (typeof keys)[number], value: unknown): string {
  const option = optionOf(key);
  if (typeof value === 'boolean' || option.type === 'int') return String(value);
  return JSON.stringify(show(option, value));
}

/** The same for machines: sizes in bytes, times in ms. */
export function dumpJson(config: Config): Record<string, { value: unknown; from: string }> {
  return Object.fromEntries(keys.map((key) => [key, { value: config.values[key], from: config.origins[key] }]));
}
