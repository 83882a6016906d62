import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { HOME } from '../ddl.js';

/** The database whose tables are ours. */
const { database } = HOME;

/** Where things are in the engine's data directory, as it lays them out for a database of kind Atomic: a table's rows are in a folder that its UUID names. */
export class EngineFolder {
  readonly dir: string;

  constructor(dir: string) {
    this.dir = resolve(dir);
  }

  /** What the database is, one statement. */
  get databaseFile(): string {
    return join(this.dir, 'metadata', `${database}.sql`);
  }

  /** A link to the folder of the tables' definitions. */
  get definitionsLink(): string {
    return join(this.dir, 'metadata', database);
  }

  /** The folder of the tables' definitions; undefined: there is no database yet, or its link is gone. */
  get definitions(): string | undefined {
    return linked(this.definitionsLink);
  }

  /** Names of the tables and views that have a definition, whatever stands in it. */
  defined(): string[] {
    return entries(this.definitions ?? '')
      .filter((name) => name.endsWith('.sql'))
      .map((name) => name.slice(0, -4));
  }

  definition(table: string): string | undefined {
    return this.definitions === undefined ? undefined : join(this.definitions, `${table}.sql`);
  }

  /** The folder of a table's rows: by its definition, or by the engine's link to it. Undefined: neither names one. */
  rows(table: string): string | undefined {
    const path = this.definition(table);
    const uuid = path === undefined ? undefined : uuidOf(textOf(path) ?? '');
    if (uuid !== undefined) return this.byUuid(uuid);
    return linked(join(this.dir, 'data', database, table));
  }

  byUuid(uuid: string): string {
    return join(this.dir, 'store', uuid.slice(0, 3), uuid);
  }

  /** All folders of rows, those of no known table, too. */
  *allRows(): Generator<string> {
    for (const prefix of entries(join(this.dir, 'store')))
      for (const uuid of entries(join(this.dir, 'store', prefix))) yield join(this.dir, 'store', prefix, uuid);
  }

  /** The table whose rows are in a folder; undefined: none that is known. */
  tableOf(rows: string): string | undefined {
    return this.defined().find((table) => this.rows(table) === rows);
  }

  /** A path as people are told it. */
  told(path: string): string {
    return relative(this.dir, path);
  }
}

/** The UUID that a definition names; undefined: it names none. */
export function uuidOf(definition: string): string | undefined {
  return /\bUUID '([0-9a-f-]{36})'/.exec(definition)?.[1];
}

/** Whether the engine could read such a definition, as far as can be seen without it. */
export function isDefinition(text: string | undefined): boolean {
  return text !== undefined && /^ATTACH [A-Z]/.test(text) && text.endsWith('\n') && !text.includes('\0');
}

/** A part's folder: its partition, its first and last block, how often it was merged, the mutation that made it. */
export const PART = /^([0-9A-Za-z]+)_\d+_\d+_\d+(_\d+)?$/;

/** Names in a folder; none where there is no such folder. */
export function entries(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

/** What is in a file; undefined: there is no such. */
export function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Where a link leads; the path itself where it is a folder. */
function linked(path: string): string | undefined {
  try {
    return lstatSync(path).isSymbolicLink() ? resolve(path, '..', readlinkSync(path)) : path;
  } catch {
    return undefined;
  }
}
