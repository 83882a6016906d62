import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { HOME, type Placement, placed } from './ddl.js';
import { alone } from './migration-lock.js';
import { MigrationProgress } from './migration-progress.js';
import { quote } from './quote.js';

export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sha256: string;
  readonly statements: readonly string[];
}

/** What runs statements; a database, or a test. */
export interface StatementRunner {
  /** Default: database `vslog` of one server. */
  readonly placement?: Placement;
  write(sql: string): Promise<unknown>;
  text(sql: string): Promise<string>;
}

/** The numbered files of src/store/migrations in order. A statement ends with a semicolon at the end of its line. */
export function loadMigrations(folder: string = fileURLToPath(new URL('./migrations', import.meta.url))): Migration[] {
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

const LEDGER = [
  'CREATE DATABASE IF NOT EXISTS vslog',
  "CREATE TABLE IF NOT EXISTS vslog.schema_migrations (version UInt32, name String, sha256 String, applied_at DateTime('UTC') DEFAULT now()) ENGINE = ReplacingMergeTree ORDER BY version",
];
/** Only while migrations are under way. */
const STEPS =
  'CREATE TABLE IF NOT EXISTS vslog.schema_steps (version UInt32, sha256 String, done UInt32) ENGINE = ReplacingMergeTree(done) ORDER BY version';

function recording({ version, name, sha256 }: Migration): string {
  return `INSERT INTO vslog.schema_migrations (version, name, sha256) SETTINGS async_insert = 0 VALUES (${version}, ${quote(name)}, ${quote(sha256)})`;
}

/** Every statement that makes the tables, in order, for somebody who runs them by hand. */
export function allStatements(migrations: readonly Migration[], placement: Placement): string[] {
  return [...LEDGER, ...migrations.flatMap((migration) => [...migration.statements, recording(migration)])].flatMap((sql) =>
    placed(sql, placement),
  );
}

/**
 * Runs what has not been run yet, and refuses a store that another version of this program has changed. Writes nothing when there is nothing to do. Whatever ends it
 * between two statements or within one, the next call goes on from there. `onStep`: called after each statement, before it is remembered as done.
 */
export async function migrate(
  engine: StatementRunner,
  migrations: readonly Migration[],
  onStep: () => Promise<void> = async () => undefined,
): Promise<void> {
  const placement = engine.placement ?? HOME;
  const run = async (sql: string): Promise<void> => {
    for (const one of placed(sql, placement)) await engine.write(one);
    await onStep();
  };
  if ((await pending(engine, placement, migrations)).length === 0) return;
  for (const sql of [...LEDGER, STEPS]) await run(sql);
  const action = async (): Promise<void> => {
    const progress = new MigrationProgress(engine, placement);
    await progress.read();
    // Somebody else may have done it meanwhile.
    for (const migration of await pending(engine, placement, migrations)) {
      for (const index of migration.statements.keys()) await progress.step(migration, index, run);
      await run(recording(migration));
    }
    await progress.forget();
  };
  // Nobody shares the embedded store.
  await (engine.placement === undefined ? action() : alone(engine, engine.placement, action));
}

/** What is to be done. Rejects with a sentence when this is not a store of this version's. */
export async function pending(engine: StatementRunner, placement: Placement, migrations: readonly Migration[]): Promise<Migration[]> {
  const { database } = placement;
  const there = await engine.text(`SELECT count() FROM system.tables WHERE database = ${quote(database)} AND name = 'schema_migrations'`);
  const applied = new Map<number, string>();
  const rows = there === '0' ? '' : await engine.text(`SELECT version, sha256 FROM ${database}.schema_migrations`);
  for (const line of rows.split('\n')) {
    const [version, sha256] = line.split('\t');
    if (version !== undefined && sha256 !== undefined) applied.set(Number(version), sha256);
  }
  const newest = Math.max(0, ...migrations.map(({ version }) => version));
  for (const version of applied.keys()) {
    if (version > newest)
      throw new Error(`The store's tables were made by a newer vslog (migration ${version}, this one knows ${newest}): use that version.`);
  }
  return migrations.filter(({ version, name, sha256 }) => {
    const before = applied.get(version);
    if (before !== undefined && before !== sha256)
      throw new Error(`Migration ${name} is not the one that made this store's tables: restore the file, and put changes into a new one.`);
    return before === undefined;
  });
}
