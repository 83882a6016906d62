import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { quote } from './quote.js';

export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sha256: string;
  readonly statements: readonly string[];
}

/** What runs statements; the embedded engine, or a test. */
export interface StatementRunner {
  write(sql: string): Promise<unknown>;
  text(sql: string): Promise<string>;
}

/** The numbered files of src/store/migrations in order. A statement ends with a semicolon at the end of its line. */
export function loadMigrations(folder: string = fileURLToPath(new URL('../migrations', import.meta.url))): Migration[] {
  return readdirSync(folder)
    .filter((name) => /^\d{3}_\w+\.sql$/.test(name))
    .sort()
    .map((name) => {
      const body = readFileSync(`${folder}/${name}`, 'utf8');
      const statements = body
        .split(/;\s*\n/)
        .map((sql) => sql.replace(/^--.*\n/gm, '').trim())
        .filter((sql) => sql !== '');
      return { version: Number(name.slice(0, 3)), name, sha256: createHash('sha256').update(body).digest('hex'), statements };
    });
}

/** Runs what has not been run yet, and refuses a store that another version of this program has changed. */
export async function migrate(engine: StatementRunner, migrations: readonly Migration[]): Promise<void> {
  await engine.write('CREATE DATABASE IF NOT EXISTS vslog');
  await engine.write(
    "CREATE TABLE IF NOT EXISTS vslog.schema_migrations (version UInt32, name String, sha256 String, applied_at DateTime('UTC') DEFAULT now()) ENGINE = ReplacingMergeTree ORDER BY version",
  );
  const applied = new Map<number, string>();
  for (const line of (await engine.text('SELECT version, sha256 FROM vslog.schema_migrations')).split('\n')) {
    const [version, sha256] = line.split('\t');
    if (version !== undefined && sha256 !== undefined) applied.set(Number(version), sha256);
  }
  const newest = Math.max(0, ...migrations.map(({ version }) => version));
  for (const version of applied.keys()) {
    if (version > newest)
      throw new Error(`The store's tables were made by a newer vslog (migration ${version}, this one knows ${newest}): use that version.`);
  }
  for (const { version, name, sha256, statements } of migrations) {
    const before = applied.get(version);
    if (before === sha256) continue;
    if (before !== undefined)
      throw new Error(`Migration ${name} is not the one that made this store's tables: restore the file, and put changes into a new one.`);
    for (const sql of statements) await engine.write(sql);
    await engine.write(
      `INSERT INTO vslog.schema_migrations (version, name, sha256) SETTINGS async_insert = 0 VALUES (${version}, ${quote(name)}, ${quote(sha256)})`,
    );
  }
}
