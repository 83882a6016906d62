import { join } from 'node:path';
import { HOME } from '../ddl.js';
import { quote } from '../quote.js';
import { partitionOf } from './damage.js';
import type { Engine } from './engine.js';
import { entries } from './folder.js';
import { isHeldBy } from './parts.js';
import type { Repair } from './repair.js';

const { database } = HOME;

/** The migrations that the store says were applied, as lines of version, name and SHA-256. */
export async function readApplied(engine: Pick<Engine, 'text'>): Promise<string[]> {
  const rows = await engine.text(`SELECT DISTINCT version, name, sha256 FROM ${database}.schema_migrations ORDER BY version`);
  return rows.split('\n').filter((line) => line !== '');
}

/** Puts back which migrations were applied, where the table that says so lost it: running them again on tables that have them would make some anew. */
export async function restoreApplied(engine: Pick<Engine, 'text' | 'write'>, applied: readonly string[]): Promise<void> {
  const there = await engine.text(
    `SELECT count() FROM system.tables WHERE database = ${quote(database)} AND name IN ('schema_migrations', 'conn_events')`,
  );
  if (there !== '2' || applied.length === 0) return;
  const has = new Set(await readApplied(engine));
  const rows = applied
    .filter((line) => !has.has(line))
    .map((line) => {
      const [version, name, sha256] = line.split('\t');
      return `(${Number(version)}, ${quote(name ?? '')}, ${quote(sha256 ?? '')})`;
    });
  if (rows.length > 0)
    await engine.write(
      `INSERT INTO ${database}.schema_migrations (version, name, sha256) SETTINGS async_insert = 0 VALUES ${rows.join(', ')}`,
    );
}

/** Sets aside the parts that the engine found broken and has detached: they lack in their tables. */
export async function setBrokenAside(
  engine: Pick<Engine, 'text'>,
  { aside, folder, say }: Pick<Repair, 'aside' | 'folder' | 'say'>,
): Promise<void> {
  const answer = await engine.text(
    `SELECT table, name, path FROM system.detached_parts WHERE database = ${quote(database)} AND (reason LIKE 'broken%' OR name LIKE 'broken%')`,
    'JSONCompactEachRow',
  );
  for (const line of answer.split('\n').filter((one) => one !== '')) {
    const [table, name, path] = JSON.parse(line) as [string, string, string];
    const part = name.replace(/^[a-z-]+_(?=[0-9A-Za-z]+_\d+_\d+_\d+)/, '');
    const rows = folder.rows(table);
    const isThere = rows !== undefined && isHeldBy(part, entries(rows));
    const what = `The part ${part} of table ${table} cannot be read by the engine, which took it out of the table${isThere ? '; other parts hold its rows' : ''}.`;
    await aside.move(rows === undefined ? path : join(rows, 'detached', name), what, isThere ? undefined : [table, partitionOf(name)]);
    say(what);
  }
}
