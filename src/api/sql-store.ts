import type { QueryOptions, StoredAnswer } from '../store/store.js';

/** What the API needs of a store. */
export interface SqlStore {
  /** The answer in the named ClickHouse format, as it is. Rejects with the engine's sentence. */
  query(sql: string, options: QueryOptions): Promise<Uint8Array>;
  /** The same, in a file where it is large; undefined: this store has no such. */
  stored?(sql: string, options: QueryOptions): Promise<StoredAnswer>;
}

/** Rows of a query, as objects. */
export async function rows<T>(store: SqlStore, sql: string): Promise<T[]> {
  const bytes = await store.query(sql, { format: 'JSONEachRow' });
  return Buffer.from(bytes)
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}
