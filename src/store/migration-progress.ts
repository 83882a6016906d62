import { type Placement, placed, storage } from './ddl.js';
import type { Migration, StatementRunner } from './migrate.js';
import { quote } from './quote.js';

/**
 * How far a migration is, statement by statement. Most statements may be repeated, but not a whole migration: an earlier one may read what a later one has dropped. So
 * each is remembered when it is done, and only the one that was under way is run again.
 */
export class MigrationProgress {
  private readonly engine: StatementRunner;
  private readonly placement: Placement;
  /** Statements done, by version and file. */
  private readonly done = new Map<string, number>();

  constructor(engine: StatementRunner, placement: Placement) {
    this.engine = engine;
    this.placement = placement;
  }

  /** Reads what an earlier run remembered. Its table must be there. */
  async read(): Promise<void> {
    const rows = await this.engine.text(
      `SELECT version, sha256, max(done) FROM ${this.placement.database}.schema_steps GROUP BY version, sha256`,
    );
    for (const line of rows.split('\n')) {
      const [version, sha256, done] = line.split('\t');
      if (version !== undefined && sha256 !== undefined && done !== undefined) this.done.set(`${Number(version)} ${sha256}`, Number(done));
    }
  }

  /** Runs one statement of a migration, unless it was done before. */
  async step(migration: Migration, index: number, run: (sql: string) => Promise<void>): Promise<void> {
    const { version, sha256, statements } = migration;
    const done = this.done.get(`${version} ${sha256}`);
    const sql = statements[index] ?? '';
    if (done !== undefined && index < done) return;
    // Only the first one may have been carried out in part.
    if (index === done) await this.undo(statements.slice(0, index), sql);
    if (!(await this.carriedOut(statements.slice(index + 1), sql))) await run(sql);
    await this.engine.write(
      `INSERT INTO ${this.placement.database}.schema_steps (version, sha256, done) SETTINGS async_insert = 0 VALUES (${version}, ${quote(sha256)}, ${index + 1})`,
    );
  }

  /** Everything is applied. */
  async forget(): Promise<void> {
    for (const sql of placed('DROP TABLE IF EXISTS vslog.schema_steps', this.placement)) await this.engine.write(sql);
  }

  /**
   * Takes back what a statement that cannot be repeated did: a view is there already; an INSERT may have filled its table in part, which begins with none of its rows where
   * the same migration made it.
   */
  private async undo(before: readonly string[], sql: string): Promise<void> {
    const [, view] = /^CREATE VIEW (vslog\.\w+) /.exec(sql) ?? [];
    if (view !== undefined) for (const one of placed(`DROP VIEW IF EXISTS ${view}`, this.placement)) await this.engine.write(one);
    const [, table] = /^INSERT INTO vslog\.(\w+) /.exec(sql) ?? [];
    if (table === undefined || !before.some((one) => one.startsWith(`CREATE TABLE IF NOT EXISTS vslog.${table} (`))) return;
    const { name, on } = storage(this.placement, table);
    await this.engine.write(`TRUNCATE TABLE ${name}${on}`);
  }

  /**
   * Whether a statement was carried out by a version that remembered no steps: it fills a column from one that a later statement of the same migration drops, and that
   * column is gone.
   */
  private async carriedOut(later: readonly string[], sql: string): Promise<boolean> {
    const [, table = '', expression = ''] = /^ALTER TABLE vslog\.(\w+) UPDATE (.+)$/s.exec(sql) ?? [];
    const dropped = later
      .map((one) => new RegExp(`^ALTER TABLE vslog\\.${table} DROP COLUMN IF EXISTS (\\w+)$`).exec(one)?.[1])
      .filter((column) => column !== undefined && new RegExp(`\\b${column}\\b`).test(expression));
    if (table === '' || dropped.length === 0) return false;
    const { database } = this.placement;
    const { name } = storage(this.placement, table);
    const there = await this.engine.text(
      `SELECT count() FROM system.columns WHERE database = ${quote(database)} AND table = ${quote(name.slice(database.length + 1))} AND name IN (${dropped.map((column) => quote(column ?? '')).join(', ')})`,
    );
    return Number(there) < dropped.length;
  }
}
