import { authorOf, changes, changeText, whatText } from '../report/changes.js';
import type { Row, Values } from '../report/report.js';
import type { Change } from './document.js';
import type { Ask } from './told.js';

/** What was changed at the real servers of `values` in a time, the newest first. */
export async function changesOf(ask: Ask, values: Values): Promise<Change[]> {
  if (values.real?.length === 0) return [];
  return (await ask(changes.question(values))).map(changeOf);
}

/** A row of the report `changes`. */
export function changeOf(row: Row): Change {
  const { short, whole } = authorOf(row);
  return {
    at: Number(row.time),
    node: String(row.node),
    who: short,
    whole,
    what: whatText(row),
    change: changeText(row),
    through: String(row.through),
  };
}
