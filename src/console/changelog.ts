import type { SqlStore } from '../api/sql-store.js';
import { changeOf } from '../story/changes.js';
import type { Changelog } from '../story/document.js';
import { askRows } from './reports.js';

/** So many changes, where nobody says how many. */
const FALLBACK = '200';

/** Every change in a time, the newest first: the report `changes` with whole command lines. Rejects with ConsoleError or Failure, a sentence. */
export async function changelog(store: SqlStore, said: URLSearchParams, signal: AbortSignal): Promise<Changelog> {
  const asked = new URLSearchParams(said);
  if ((asked.get('limit') ?? '') === '') asked.set('limit', FALLBACK);
  if ((asked.get('since') ?? '') === '') asked.set('since', '7d');
  const { rows, values, question } = await askRows(store, 'changes', asked, signal);
  return { changes: rows.map(changeOf), more: rows.length === values.limit, none: question.none, sql: question.sql };
}
