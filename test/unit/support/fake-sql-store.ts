import type { SqlStore } from '../../../src/api/sql-store.js';
import type { QueryOptions } from '../../../src/store/store.js';

/** A store that answers every query with these rows, in format JSONCompact. */
export class FakeSqlStore implements SqlStore {
  /** What it was asked, in order. */
  readonly asked: { readonly sql: string; readonly options: QueryOptions }[] = [];
  /** What it answers; it may throw. */
  rows: (sql: string) => readonly (readonly unknown[])[] | Promise<readonly (readonly unknown[])[]> = () => [];

  async query(sql: string, options: QueryOptions): Promise<Uint8Array> {
    this.asked.push({ sql, options });
    const data = await this.rows(sql);
    return Buffer.from(JSON.stringify({ meta: [], data, rows: data.length }));
  }
}
