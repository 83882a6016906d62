import { changes, changeText, whatText } from '../report/changes.js';
import type { Row, Values } from '../report/report.js';
import type { Change } from './document.js';
import type { Ask } from './told.js';

/** What was changed at the real servers of `values` in a time, the newest first. */
export async function changesOf(ask: Ask, values: Values): Promise<Change[]> {
  if (values.real?.length === 0) return [];
  const author = changes.columns.find(({ title }) => title === 'who');
  return (await ask(changes.question(values))).map((row: Row) => ({
    at: Number(row.time),
    node: String(row.node),
    who: author?.cell(row, 'UTC') ?? '',
    what: whatText(row),
    change: changeText(row),
  }));
}
