import { createRequire } from 'node:module';
import type * as smolToml from 'smol-toml';
import { ConfigError } from './errors.js';
import type { Knob } from './knobs.js';
import { nearest } from './nearest.js';
import { type Key, keys } from './schema.js';
import type { RawField, RawReal, RawService } from './services.js';
import { tomlLines } from './toml-lines.js';

/** A value of the file, and the line it stands in. */
export interface FileValue {
  readonly value: unknown;
  readonly line: number;
}

/** What a file says. `problems` are the sentences on what it cannot say. */
export interface FileContent {
  readonly values: ReadonlyMap<Key, FileValue>;
  readonly services: readonly RawService[];
  readonly knobs: readonly Knob[];
  readonly problems: readonly string[];
}

type Table = Record<string, unknown>;

const require = createRequire(import.meta.url);

/** Reads a TOML text. Throws ConfigError when it is none. */
export function readToml(text: string, file: string): FileContent {
  // Most commands are run where there is no file: those need no reader of one.
  const { parse, TomlError } = require('smol-toml') as typeof smolToml;
  let table: Table;
  try {
    table = parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const reason = (error.message.split('\n')[0] ?? '').replace(/^Invalid TOML document: /, '');
    throw new ConfigError([`${file}:${error.line}: this is no TOML: ${reason}.`]);
  }
  const lines = tomlLines(text);
  const values = new Map<Key, FileValue>();
  const problems: string[] = [];
  const lineOf = (key: string): number => lines.get(key) ?? 1;
  const services = readServiceTables(table, file, lines, problems);
  const knobs = readKnobs(table, file, lines, problems);
  for (const [name, value] of Object.entries(flatten(table))) {
    if ((keys as string[]).includes(name)) values.set(name as Key, { value, line: lineOf(name) });
    else problems.push(`${file}:${lineOf(name)}: there is no option ${name}${suggestion(name)}`);
  }
  return { values, services, knobs, problems };
}

/** The end of a sentence on a name that is none: what was meant, if anything is near. */
export function suggestion(name: string): string {
  const near = nearest(name, [...keys, 'service']) ?? keys.find((key) => key.endsWith(`.${name}`));
  return near === undefined ? '.' : `; did you mean ${near === 'service' ? '[[service]]' : near}?`;
}

/** Takes `[[service]]` out of the table. */
function readServiceTables(table: Table, file: string, lines: ReadonlyMap<string, number>, problems: string[]): RawService[] {
  const { service } = table;
  delete table.service;
  if (service === undefined) return [];
  const tables = tablesOf(service);
  if (tables === undefined) {
    problems.push(`${file}:${lines.get('service') ?? 1}: service must be written as a list of tables: [[service]].`);
    return [];
  }
  return tables.map((one, i) => {
    const path = `service[${i}]`;
    const line = lines.get(path) ?? lines.get('service') ?? 1;
    const { real, ...rest } = one;
    return { ...rawTable(rest, path, file, line, lines), reals: readRealTables(real, path, file, line, lines, problems) };
  });
}

function readRealTables(
  real: unknown,
  service: string,
  file: string,
  line: number,
  lines: ReadonlyMap<string, number>,
  problems: string[],
): RawReal[] {
  if (real === undefined) return [];
  const at = lines.get(`${service}.real`) ?? line;
  const tables = tablesOf(real);
  if (tables !== undefined) {
    return tables.map((one, i) => {
      const path = `${service}.real[${i}]`;
      return rawTable(one, path, file, lines.get(path) ?? at, lines);
    });
  }
  problems.push(`${file}:${at}: service.real must be a list of tables, such as real = [{ at = "192.0.2.7:80", weight = 2 }].`);
  return [];
}

function rawTable(table: Table, path: string, file: string, line: number, lines: ReadonlyMap<string, number>): RawReal {
  const fields = Object.entries(table).map(
    ([name, value]): RawField => ({ name, value, place: `${file}:${lines.get(`${path}.${name}`) ?? line}` }),
  );
  return { place: `${file}:${line}`, fields };
}

/** Takes `[engine.knobs]` out of the table. */
function readKnobs(table: Table, file: string, lines: ReadonlyMap<string, number>, problems: string[]): Knob[] {
  const { engine } = table;
  if (!isTable(engine) || engine.knobs === undefined) return [];
  const { knobs } = engine;
  delete engine.knobs;
  if (!isTable(knobs)) {
    problems.push(`${file}:${lines.get('engine.knobs') ?? 1}: engine.knobs must be a table: [engine.knobs].`);
    return [];
  }
  const found: Knob[] = [];
  for (const [name, value] of Object.entries(knobs)) {
    const origin = `${file}:${lines.get(`engine.knobs.${name}`) ?? lines.get('engine.knobs') ?? 1}`;
    if (typeof value === 'boolean') found.push({ name, value: value ? '1' : '0', origin });
    else if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'string')
      found.push({ name, value: String(value), origin });
    else problems.push(`${origin}: engine.knobs.${name} is ${JSON.stringify(value)}: it must be a number, a string or a boolean.`);
  }
  return found;
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function tablesOf(value: unknown): Table[] | undefined {
  return Array.isArray(value) && value.every(isTable) ? value : undefined;
}

function flatten(table: Table, prefix = ''): Table {
  const flat: Table = {};
  for (const [name, value] of Object.entries(table)) {
    const key = prefix + name;
    if (isTable(value)) Object.assign(flat, flatten(value, `${key}.`));
    else flat[key] = value;
  }
  return flat;
}
