import { clockText } from '../../src/text/moment.ts';
import type { RichCell, TableColumn } from '../table.tsx';
import { ZONE } from '../zone.ts';

/** Columns of a table by their titles: one that ends in `>` is of numbers, and stands at the right. */
export const columnsOf = (...titles: readonly string[]): TableColumn[] =>
  titles.map((title) => ({ title: title.replace(/>$/, ''), right: title.endsWith('>') }));

/** A time, ms, in a column whose title has the zone. It is sorted as a number. */
export const clock = (at: number | null, otherwise = ''): RichCell =>
  at === null ? { text: otherwise, value: Number.POSITIVE_INFINITY } : { text: clockText(at, ZONE), value: new Date(at).toISOString() };

/** The zone of times, for a column's title. */
export const IN_ZONE = `(${ZONE})`;
