import { rmSync, symlinkSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { makeFolder } from '../../access/place.js';
import { openToWrite } from '../../access/readers.js';
import { syncDirectory } from '../../spool/layout.js';
import { type EngineFolder, entries, isDefinition, textOf } from './folder.js';

/** Folder inside the store for copies of what the tables are. */
export const DEFINITIONS = 'definitions';
/** The copy of what the database is: no table's name begins so. */
const DATABASE = '-database.sql';
/** Migrations that made the tables, a line each. */
const APPLIED = '-applied.tsv';

/** Copies of the definitions of database and tables, which are small and without which the rows cannot be read. */
export class Definitions {
  private readonly folder: EngineFolder;

  constructor(folder: EngineFolder) {
    this.folder = folder;
  }

  /** Names of the tables and views of which there is a copy. */
  known(): string[] {
    return entries(this.dir)
      .filter((name) => name.endsWith('.sql') && name !== DATABASE)
      .map((name) => name.slice(0, -4));
  }

  /** A copy of a table's definition; undefined: there is none that could be used. */
  copy(table: string): string | undefined {
    return whole(textOf(join(this.dir, `${table}.sql`)));
  }

  /** A copy of what the database is. */
  database(): string | undefined {
    return whole(textOf(join(this.dir, DATABASE)));
  }

  /** The migrations that were applied when all was well, as lines of version, name and SHA-256. */
  applied(): readonly string[] {
    return (textOf(join(this.dir, APPLIED)) ?? '').split('\n').filter((line) => /^\d+\t[^\t]+\t[0-9a-f]{64}$/.test(line));
  }

  /** Takes copies of all that is there now, which the engine could read. `applied`: see applied(); `durable`: they must outlive a power cut from here on. */
  async keep(applied: readonly string[] | undefined, durable: boolean): Promise<void> {
    if (this.folder.definitions === undefined) return;
    makeFolder(this.dir);
    const live = this.folder.defined();
    const texts = new Map(live.map((table) => [`${table}.sql`, textOf(this.folder.definition(table) ?? '')]));
    texts.set(DATABASE, textOf(this.folder.databaseFile));
    let changed = false;
    for (const [name, text] of texts) {
      if (text === undefined || !isDefinition(text) || text === textOf(join(this.dir, name))) continue;
      await this.put(name, text, durable);
      changed = true;
    }
    for (const table of this.known()) if (!live.includes(table)) rmSync(join(this.dir, `${table}.sql`), { force: true });
    if (applied !== undefined) await this.put(APPLIED, applied.map((line) => `${line}\n`).join(''), durable);
    if (durable && (changed || applied !== undefined)) await syncDirectory(this.dir);
  }

  /** Puts a copy in a table's place. */
  async restore(table: string): Promise<void> {
    const [text, path] = [this.copy(table), this.folder.definition(table)];
    if (text !== undefined && path !== undefined) await writeWhole(path, text, true);
  }

  /** Puts the copy of what the database is in its place, and the link to its tables. */
  async restoreDatabase(): Promise<void> {
    const text = this.database();
    if (text === undefined) return;
    const uuid = /UUID '([0-9a-f-]{36})'/.exec(text)?.[1];
    makeFolder(dirname(this.folder.databaseFile));
    if (uuid !== undefined && this.folder.definitions === undefined)
      symlinkSync(relative(dirname(this.folder.definitionsLink), this.folder.byUuid(uuid)), this.folder.definitionsLink);
    await writeWhole(this.folder.databaseFile, text, true);
  }

  /** All of it belongs to a store that is there no more. */
  forget(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  private get dir(): string {
    return join(this.folder.dir, DEFINITIONS);
  }

  private put(name: string, text: string, durable: boolean): Promise<void> {
    return writeWhole(join(this.dir, name), text, durable);
  }
}

function whole(text: string | undefined): string | undefined {
  return isDefinition(text) ? text : undefined;
}

/** After a crash it is the old file or the new one. */
async function writeWhole(path: string, text: string, durable: boolean): Promise<void> {
  // The engine removes what is left of such a name.
  const temporary = `${path}.tmp`;
  const file = await openToWrite(temporary, 'w');
  try {
    await file.writeFile(text);
    if (durable) await file.datasync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  if (durable) await syncDirectory(dirname(path));
}
