import { lstatSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Definitions } from './definitions.js';
import { type EngineFolder, entries, isDefinition, PART, textOf, uuidOf } from './folder.js';
import { isHeldBy } from './parts.js';

/** Something in the engine's folder with which it would not open, or would open without its rows. */
export interface Damage {
  /** What is to be moved away. */
  readonly path: string;
  /** What is wrong, a sentence. */
  readonly what: string;
  /** The table, and its partition, that lack rows by it. */
  readonly lacks?: readonly [table: string, partition: string];
  /** The table whose definition is to be put back from its copy; `true`: the database's. */
  readonly restore?: string | true;
}

/** A mutation's record, whole: https://github.com/ClickHouse/ClickHouse, MergeTreeMutationEntry.cpp. */
const MUTATION = /^format version: 1\ncreate time: .+\ncommands: .+\n(tid: .+\n)?(csn: .+\n)?$/s;
/** Files that each part has, or may have, and never empty. */
const OF_PART =
  /^(columns|checksums|count|ttl|metadata_version)\.txt$|^(serialization\.json|partition\.dat|primary\.c?idx|data\.(bin|c?mrk\d?))$/;

/** Everything that can be seen to be damaged without the engine, which must not run. */
export function findDamage(folder: EngineFolder, copies: Definitions): Damage[] {
  return [...ofDatabase(folder, copies), ...ofDefinitions(folder, copies), ...ofRows(folder, copies)];
}

function* ofDatabase(folder: EngineFolder, copies: Definitions): Generator<Damage> {
  if (copies.database() === undefined) return;
  const path = folder.databaseFile;
  if (!isDefinition(textOf(path)))
    yield {
      path,
      what: `The definition of the database, ${folder.told(path)}, is ${state(path)}; its copy takes its place.`,
      restore: true,
    };
  else if (folder.definitions === undefined)
    yield {
      path: folder.definitionsLink,
      what: `The link to the tables' definitions, ${folder.told(folder.definitionsLink)}, is gone; it is made anew.`,
      restore: true,
    };
}

function* ofDefinitions(folder: EngineFolder, copies: Definitions): Generator<Damage> {
  const dir = folder.definitions;
  // A database that is gone whole comes first; then this is looked at again.
  if (dir === undefined) return;
  for (const table of new Set([...folder.defined(), ...copies.known()])) {
    const path = join(dir, `${table}.sql`);
    if (isDefinition(textOf(path)) || copies.copy(table) === undefined || wasDropped(folder, copies, table)) continue;
    yield {
      path,
      what: `The definition of table ${table}, ${folder.told(path)}, is ${state(path)}; its copy takes its place.`,
      restore: table,
    };
  }
  // The engine refuses what it does not know.
  for (const name of entries(dir))
    if (!/\.sql(\.tmp|\.tmp_drop|\.detached)?$/.test(name))
      yield { path: join(dir, name), what: `${folder.told(join(dir, name))} is no definition of a table.` };
}

function* ofRows(folder: EngineFolder, copies: Definitions): Generator<Damage> {
  for (const table of folder.defined()) {
    const text = textOf(folder.definition(table) ?? '') ?? '';
    const uuid = uuidOf(text);
    if (!/\bENGINE = \w*MergeTree\b/.test(text) || uuid === undefined || uuidOf(copies.copy(table) ?? '') !== uuid) continue;
    const path = folder.byUuid(uuid);
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true)
      yield { path, what: `The folder of table ${table}, ${folder.told(path)}, is gone with all of its rows.`, lacks: [table, '*'] };
  }
  for (const rows of folder.allRows()) yield* ofTable(folder, rows);
}

function* ofTable(folder: EngineFolder, rows: string): Generator<Damage> {
  const names = entries(rows);
  const table = folder.tableOf(rows);
  const of = table === undefined ? '' : ` of table ${table}`;
  const parts = names.filter((name) => PART.test(name));
  const flaws = new Map(parts.map((name) => [name, flawOf(join(rows, name))]));
  const good = parts.filter((name) => flaws.get(name) === undefined);
  for (const name of names) {
    const path = join(rows, name);
    const told = folder.told(path);
    if (/^mutation_\d+\.txt$/.test(name)) {
      const text = textOf(path) ?? '';
      if (!MUTATION.test(text)) yield { path, what: `The record of a change${of}, ${told}, is ${text === '' ? 'empty' : 'torn'}.` };
    } else if (name === 'format_version.txt') {
      if (!/^\d+\s*$/.test(textOf(path) ?? '')) yield { path, what: `The file ${told}${of} is ${state(path)}.` };
    } else if (PART.test(name) && table !== undefined) {
      const wrong = flaws.get(name);
      const version = join(path, 'txn_version.txt');
      if (statSync(version, { throwIfNoEntry: false })?.size === 0)
        yield { path: version, what: `The file ${folder.told(version)}${of} is empty.` };
      if (wrong === undefined) continue;
      const what = `The part ${name}${of}, ${told}, cannot be read: its ${wrong}`;
      if (isHeldBy(name, good)) yield { path, what: `${what}; other parts hold its rows.` };
      else yield { path, what: `${what}.`, lacks: [table, partitionOf(name)] };
    }
  }
}

/** The partition that a part, or a folder that was one, belongs to. */
export function partitionOf(name: string): string {
  return PART.exec(basename(name).replace(/^[a-z-]+_(?=[0-9A-Za-z]+_\d+_\d+_\d+)/, ''))?.[1] ?? '*';
}

/** What is wrong with a part's folder; undefined: nothing that is seen by the sizes of its files. */
function flawOf(part: string): string | undefined {
  const names = entries(part);
  for (const name of ['columns.txt', 'count.txt']) if (!names.includes(name)) return `file ${name} is missing`;
  const empty = names.find((name) => OF_PART.test(name) && lstatSync(join(part, name), { throwIfNoEntry: false })?.size === 0);
  return empty === undefined ? undefined : `file ${empty} is empty`;
}

/** Somebody dropped the table, and the copy is from before. */
function wasDropped(folder: EngineFolder, copies: Definitions, table: string): boolean {
  const uuid = uuidOf(copies.copy(table) ?? '');
  return uuid !== undefined && entries(join(folder.dir, 'metadata_dropped')).some((name) => name.includes(uuid));
}

function state(path: string): string {
  const text = textOf(path);
  if (text === undefined) return 'gone';
  return text === '' ? 'empty' : 'torn';
}

/** Files that keep the engine from attaching a table, by what it wrote on its standard error. Empty: it names none, or it is nothing that is damaged. */
export function blamed(folder: EngineFolder, copies: Definitions, complaint: string): Damage[] {
  const cause = complaint.split(' from query ')[0] ?? '';
  const file = /(?:definition from metadata file|\(in file) (\S+\/(\w+)\.sql)/.exec(cause);
  const [, told = '', name = ''] = file ?? [];
  if (file !== null && told === folder.told(folder.databaseFile) && copies.database() !== undefined)
    return [
      {
        path: folder.databaseFile,
        what: `The definition of the database, ${told}, cannot be read by the engine; its copy takes its place.`,
        restore: true,
      },
    ];
  if (file !== null && copies.copy(name) !== undefined && !/Cannot attach table/.test(cause))
    return [
      {
        path: join(folder.dir, told),
        what: `The definition of table ${name}, ${told}, cannot be read by the engine; its copy takes its place.`,
        restore: name,
      },
    ];
  const table = /Cannot attach table `\w+`\.`(\w+)`/.exec(cause)?.[1];
  const rows = table === undefined ? undefined : folder.rows(table);
  if (table === undefined || rows === undefined || !isDamage(complaint)) return [];
  // What is beside the parts first: no rows are in it. Then all of the table.
  const beside = entries(rows).filter((one) => /^(mutation_\d+\.txt|format_version\.txt|deduplication_logs)$/.test(one));
  const records = beside.filter((one) => one.startsWith('mutation_'));
  if (records.length > 0)
    return records.map((one) => ({
      path: join(rows, one),
      what: `With the record of a change of table ${table}, ${folder.told(join(rows, one))}, the engine does not open the table.`,
    }));
  return [{ path: rows, what: `The engine cannot open table ${table}, ${folder.told(rows)}: ${firstLine(cause)}`, lacks: [table, '*'] }];
}

/** ClickHouse's codes for what is torn or damaged, and not for what is short or forbidden. */
const DAMAGED = new Set([6, 7, 26, 27, 32, 33, 34, 38, 40, 41, 62, 72, 107, 117, 228, 231, 233, 234, 246, 271, 432, 740]);

/** Whether the engine complains of damage: by the cause at the end of its chain of errors. */
export function isDamage(complaint: string): boolean {
  const codes = [...(complaint.split(' from query ')[0] ?? '').matchAll(/Code: (\d+)\./g)].map(([, code]) => Number(code));
  return DAMAGED.has(codes.at(-1) ?? 0);
}

function firstLine(text: string): string {
  const line = (text.replace(/Code: \d+\. DB::Exception: /g, '').split('\n')[0] ?? '').trim().slice(0, 300);
  return line.endsWith('.') ? line : `${line}.`;
}
