import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { clickhouseFlaw } from './clickhouse-options.js';
import { consoleFlaw } from './console-options.js';
import { ConfigError } from './errors.js';
import { readToml, suggestion } from './file.js';
import { kafkaFlaw } from './kafka-options.js';
import { type Knob, knobsOfFlags, lastKnobs } from './knobs.js';
import { listenOpenFlaw } from './listen-open.js';
import { metricsFlaw } from './metrics-options.js';
import type { Machine } from './option.js';
import { envName, type Key, keys, optionOf, type Values } from './schema.js';
import { type RawService, readServices, type ServiceFlag, servicesOfFlags, type VirtualService } from './services.js';
import { BadValue, closed, parseValue } from './value.js';

export const DEFAULT_FILE = '/etc/vslog/vslog.toml';

/** How names of options begin in the environment. */
const SECTIONS = [...new Set(keys.map((key) => envName(key).split('_', 2).join('_')))].map((section) => `${section}_`);

/** Names in the environment that are ours and are no options of the schema. */
const OTHER_NAMES = new Set(['VSLOG_CONFIG', 'VSLOG_DEBUG']);

export interface Sources {
  /** Path of the TOML file; undefined: VSLOG_CONFIG, or /etc/vslog/vslog.toml when it is there. */
  readonly file?: string | undefined;
  /** What was given as flags, by key. */
  readonly flags?: Readonly<Partial<Record<Key, unknown>>>;
  /** `--service` and the flags that follow one, in their order. With any of them the file's services do not count. */
  readonly serviceFlags?: readonly ServiceFlag[];
  /** Values of `--knob`. */
  readonly knobFlags?: readonly string[];
  readonly machine?: Machine;
}

export interface Config {
  readonly values: Values;
  /** Where each value comes from: `default`, `FILE:LINE`, `VSLOG_...`, `--flag`. */
  readonly origins: Readonly<Record<Key, string>>;
  /** The engine's virtual services, and its knobs where they are not left at their defaults. */
  readonly services: readonly VirtualService[];
  readonly knobs: readonly Knob[];
  /** What is allowed and yet worth a word. */
  readonly notes: readonly string[];
  /** The file that was read, if any. */
  readonly file: string | undefined;
}

/** This machine and this process's environment. */
export function thisMachine(): Machine {
  const uid = process.getuid?.() ?? 0;
  return { root: uid === 0, uid, home: homedir(), env: process.env };
}

/** The effective configuration: the file, over it the environment, over it the flags. Throws ConfigError with everything that is wrong. */
export function loadConfig(sources: Sources = {}): Config {
  const machine = sources.machine ?? thisMachine();
  const problems: string[] = [];
  // One by one: a file of many services may have more to say than a call takes arguments.
  const tell = (more: readonly string[]): void => {
    for (const problem of more) problems.push(problem);
  };
  const values: Partial<Record<Key, unknown>> = {};
  const origins: Partial<Record<Key, string>> = {};
  for (const key of keys) {
    values[key] = optionOf(key).default(machine);
    origins[key] = 'default';
  }
  const set = (key: Key, raw: unknown, origin: string, place: string): void => {
    try {
      values[key] = checked(key, parseValue(optionOf(key), raw));
      origins[key] = origin;
    } catch (error) {
      if (!(error instanceof BadValue)) throw error;
      problems.push(closed(`${place}: ${key} ${error.message}`));
    }
  };

  let rawServices: readonly RawService[] = [];
  const knobs: Knob[] = [];
  const asked = sources.file ?? machine.env.VSLOG_CONFIG;
  const file = asked ?? DEFAULT_FILE;
  const content = readFile(file, asked !== undefined);
  if (content !== undefined) {
    const toml = readToml(content, file);
    tell(toml.problems);
    rawServices = toml.services;
    knobs.push(...toml.knobs);
    for (const [key, { value, line }] of toml.values) set(key, value, `${file}:${line}`, `${file}:${line}`);
  }
  const names = new Map(keys.map((key) => [envName(key), key]));
  for (const [name, value] of Object.entries(machine.env)) {
    if (!name.startsWith('VSLOG_') || value === undefined || OTHER_NAMES.has(name)) continue;
    const key = names.get(name);
    if (key !== undefined) set(key, value, name, `environment, ${name}`);
    else if (SECTIONS.some((section) => name.startsWith(section))) {
      const meant = name.slice('VSLOG_'.length).toLowerCase().replace('_', '.');
      problems.push(`environment, ${name}: there is no option ${meant}${suggestion(meant)}`);
    }
  }
  for (const key of keys) {
    const raw = sources.flags?.[key];
    if (raw !== undefined) set(key, raw, `--${optionOf(key).flag}`, `flag --${optionOf(key).flag}`);
  }
  if ((sources.serviceFlags?.length ?? 0) > 0) {
    const given = servicesOfFlags(sources.serviceFlags ?? []);
    rawServices = given.raw;
    tell(given.problems);
  }
  const { services, problems: flaws } = readServices(rawServices);
  const flagKnobs = knobsOfFlags(sources.knobFlags ?? []);
  tell(flaws);
  tell(flagKnobs.problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return {
    values: values as Values,
    origins: origins as Record<Key, string>,
    services,
    knobs: lastKnobs([...knobs, ...flagKnobs.knobs]),
    notes: notesOf(values as Values, services),
    file: content === undefined ? undefined : file,
  };
}

function notesOf(values: Values, services: readonly VirtualService[]): string[] {
  const notes = services
    .filter(({ reals }) => reals.length === 0)
    .map(({ at, origin }) => `${origin}: service ${at} has no real servers, so nobody can be served there.`);
  const source = values['capture.source'];
  if (services.length > 0 && (source === 'ipvs' || source === 'conntrack' || source === 'scripted')) {
    notes.push(`${services[0]?.origin}: services are for source engine; source ${source} does not use them.`);
  }
  return notes;
}

/** What a type cannot say. */
function checked(key: Key, value: string | number | boolean): string | number | boolean {
  const flaw =
    clickhouseFlaw(key, value) ?? kafkaFlaw(key, value) ?? metricsFlaw(key, value) ?? consoleFlaw(key, value) ?? listenOpenFlaw(key, value);
  if (flaw !== undefined) throw new BadValue(flaw);
  if (key === 'collector.subscription' && !/^[A-Za-z0-9._-]{1,63}$/.test(String(value))) {
    throw new BadValue(`is ${JSON.stringify(value)}: it must be 1 to 63 of A-Z, a-z, 0-9, ".", "_" and "-"`);
  }
  // sun_path of a unix socket has 108 bytes, the last one is 0.
  if ((key === 'capture.socket' || key === 'collector.api_socket') && (value === '' || Buffer.byteLength(String(value)) > 107)) {
    throw new BadValue(`is ${JSON.stringify(value)}: the path of a unix socket must have 1 to 107 bytes`);
  }
  return value;
}

/** The file's text. Undefined when it is not there and nobody asked for it. */
function readFile(file: string, asked: boolean): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && !asked) return undefined;
    const reason = code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'it may not be read' : message;
    throw new ConfigError([`${file}: ${reason}.`]);
  }
}
