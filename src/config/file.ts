import { parse, TomlError } from 'smol-toml';
import { ConfigError } from './errors.js';
import { nearest } from './nearest.js';
import { type Key, keys } from './schema.js';

/** A value of the file, and the line it stands in. */
export interface FileValue {
  readonly value: unknown;
  readonly line: number;
}

/** The options of a TOML text, by key. `problems` are the sentences on keys that are none. Throws ConfigError when it is no TOML. */
export function readToml(text: string, file: string): { values: Map<Key, FileValue>; problems: string[] } {
  let table: Record<string, unknown>;
  try {
    table = parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const reason = (error.message.split('\n')[0] ?? '').replace(/^Invalid TOML document: /, '');
    throw new ConfigError([`${file}:${error.line}: this is no TOML: ${reason}.`]);
  }
  const lines = keyLines(text);
  const values = new Map<Key, FileValue>();
  const problems: string[] = [];
  const lineOf = (key: string): number => lines.get(key) ?? 1;
  for (const [name, value] of Object.entries(flatten(table))) {
    if ((keys as string[]).includes(name)) values.set(name as Key, { value, line: lineOf(name) });
    else problems.push(`${file}:${lineOf(name)}: there is no option ${name}${suggestion(name)}`);
  }
  return { values, problems };
}

/** The end of a sentence on a name that is none: what was meant, if anything is near. */
export function suggestion(name: string): string {
  const near = nearest(name, keys) ?? keys.find((key) => key.endsWith(`.${name}`));
  return near === undefined ? '.' : `; did you mean ${near}?`;
}

function flatten(table: Record<string, unknown>, prefix = ''): Record<string, unknown> {
  const flat: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(table)) {
    const key = prefix + name;
    if (typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)) {
      Object.assign(flat, flatten(value as Record<string, unknown>, `${key}.`));
    } else flat[key] = value;
  }
  return flat;
}

/** The line of every `key = value`, counted from 1. The parser does not tell. */
function keyLines(text: string): Map<string, number> {
  const lines = new Map<string, number>();
  let section = '';
  text.split('\n').forEach((line, i) => {
    const header = /^\s*\[\s*([^\]]+?)\s*\]/.exec(line);
    if (header !== null) section = `${plain(header[1] ?? '')}.`;
    else {
      const key = /^\s*([A-Za-z0-9_."'\s-]+?)\s*=/.exec(line);
      if (key !== null) lines.set(section + plain(key[1] ?? ''), i + 1);
    }
  });
  return lines;
}

function plain(key: string): string {
  return key.replace(/["'\s]/g, '');
}
