import { largest, smallest } from '../plot/extremes.js';
import { bytesText, countText, durationText, percentText } from '../text/format.js';
import { clockText, offsetText } from '../text/moment.js';
import type { Column, Row } from './report.js';

/** What may be said of a column beside what it shows. */
type More = Pick<Column, 'priority' | 'min' | 'wide'>;

/** Columns of the kinds that reports have: each shows the answer's column `name`. */
const shown = (
  title: string,
  name: string,
  text: (value: unknown, zone: string) => string,
  more: Omit<Column, 'title' | 'name' | 'cell'>,
): Column => ({
  title,
  name,
  ...more,
  cell: (row, zone) => {
    const value = row[name];
    return value === null || value === undefined ? '' : text(value, zone);
  },
});

export const words = (title: string, name: string, more: More = {}): Column => shown(title, name, String, more);
/** Of a word of an enumeration: `never established`. */
export const named = (title: string, name: string, more: More = {}): Column =>
  shown(title, name, (value) => String(value).replaceAll('_', ' '), more);
export const count = (title: string, name: string, more: More = {}): Column =>
  shown(title, name, (value) => countText(Number(value)), { right: true, ...more });
export const bytes = (title: string, name: string, more: More = {}): Column =>
  shown(title, name, (value) => bytesText(Number(value)), { right: true, ...more });
/** Of seconds. */
export const duration = (title: string, name: string, more: More = {}): Column =>
  shown(title, name, (value) => durationText(Number(value)), { right: true, ...more });
/** Of ms since 1970. */
export const moment = (title: string, name: string, more: More = {}): Column =>
  shown(title, name, (value, zone) => clockText(Number(value), zone), { time: true, ...more });
/** Of a part of 1. */
export const share = (title: string, name: string, more: More = {}): Column =>
  shown(title, name, (value) => percentText(Number(value)), { right: true, ...more });

/**
 * The title of a column for these rows: of times with the zone's offset, `from (+01:00)`. Where the rows have several, as summer time began or ended among them, that of
 * the first; then each cell is to have its own: cellOf().
 */
export function titleOf({ title, name, time }: Column, rows: readonly Row[], zone: string): string {
  if (time !== true) return title;
  const offsets = offsetsOf(name, rows, zone);
  const [only] = offsets;
  return offsets.size > 1 ? title : `${title} (${only === undefined || only === 'Z' ? 'UTC' : only})`;
}

/** The cells of a column, in the order of the rows. */
export function cellsOf(column: Column, rows: readonly Row[], zone: string): string[] {
  const own = column.time === true && offsetsOf(column.name, rows, zone).size > 1;
  return rows.map((row) => {
    const text = column.cell(row, zone);
    return own && text !== '' ? `${text} ${offsetText(Number(row[column.name]), zone)}` : text;
  });
}

function offsetsOf(name: string, rows: readonly Row[], zone: string): Set<string> {
  return new Set(rows.flatMap((row) => (row[name] === null || row[name] === undefined ? [] : [offsetText(Number(row[name]), zone)])));
}

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
  const [begin, end] = [smallest(times, 0), largest(times, 0)];
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
