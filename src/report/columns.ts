import { bytesText, countText, durationText, momentText } from '../plot/text.js';
import type { Column, Row } from './report.js';

/** Columns of the kinds that reports have: each shows the answer's column `name`. */
const shown = (title: string, name: string, text: (value: unknown, row: Row) => string, right = false): Column => ({
  title,
  right,
  cell: (row) => {
    const value = row[name];
    return value === null || value === undefined ? '' : text(value, row);
  },
});

export const words = (title: string, name: string): Column => shown(title, name, String);
/** Of a word of an enumeration: `never established`. */
export const named = (title: string, name: string): Column => shown(title, name, (value) => String(value).replaceAll('_', ' '));
export const count = (title: string, name: string): Column => shown(title, name, (value) => countText(Number(value)), true);
export const bytes = (title: string, name: string): Column => shown(title, name, (value) => bytesText(Number(value)), true);
/** Of seconds. */
export const duration = (title: string, name: string): Column => shown(title, name, (value) => durationText(Number(value)), true);
/** Of ms since 1970. */
export const moment = (title: string, name: string): Column => shown(title, name, (value) => momentText(Number(value)));
/** Of a part of 1. */
export const share = (title: string, name: string): Column => shown(title, name, (value) => `${(Number(value) * 100).toFixed(1)} %`, true);

/** A value of a row as a number; what is missing is 0. */
export const numberOf = (row: Row, name: string): number => Number(row[name] ?? 0);

/** Rows at equal steps of time as series: `at` is the column of their time, ms; a step without a row is 0, or for `held` ones what was before. */
export function series(
  rows: readonly Row[],
  step: number,
  names: readonly string[],
  held: ReadonlySet<string> = new Set(),
): { begin: number; values: ReadonlyMap<string, number[]> } {
  const times = rows.map((row) => numberOf(row, 'at'));
  const [begin, end] = [Math.min(...times), Math.max(...times)];
  const length = rows.length === 0 ? 0 : Math.round((end - begin) / step) + 1;
  const values = new Map(names.map((name) => [name, new Array<number>(length).fill(0)]));
  const there = new Map(rows.map((row) => [Math.round((numberOf(row, 'at') - begin) / step), row]));
  for (const name of names) {
    const list = values.get(name) ?? [];
    for (let i = 0; i < length; i++) {
      const row = there.get(i);
      list[i] = row !== undefined ? numberOf(row, name) : held.has(name) ? (list[i - 1] ?? 0) : 0;
    }
  }
  return { begin, values };
}
