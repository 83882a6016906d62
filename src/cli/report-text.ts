import type { TerminalStyle } from '../plot/terminal.js';
import { cellsOf, titleOf } from '../report/columns.js';
import type { Report, Row } from '../report/report.js';
import { csvCell } from '../text/csv.js';
import { plainText } from '../text/plain.js';
import type { Listing } from './listing.js';
import { colour } from './output.js';

/** A report's answer as a list; times for people in that zone. */
export function reportListing(report: Report, rows: readonly Row[], none: string, zone: string): Listing<Row> {
  const columns = report.columns.map((column) => {
    const cells = new Map(cellsOf(column, rows, zone).map((cell, i) => [rows[i], plainText(cell)]));
    return { ...column, title: titleOf(column, rows, zone), cell: (row: Row) => cells.get(row) ?? '' };
  });
  return { columns, one: 'row', none, plain: (row) => machineRow(report, row) };
}

/** A row for machines: all that the store told, times as RFC 3339. */
export function machineRow(report: Report, row: Row): Row {
  const plain = report.plain?.(row) ?? row;
  const times = report.columns.flatMap(({ name, time }) =>
    time === true && typeof plain[name] === 'number' ? [[name, new Date(plain[name]).toISOString()] as const] : [],
  );
  return { ...plain, ...Object.fromEntries(times) };
}

/** The rows as CSV: a line of names, then a line a row. */
export function reportCsv(report: Report, rows: readonly Row[], columns: readonly string[]): string {
  const plain = rows.map((row) => machineRow(report, row));
  const names = [...new Set([...columns, ...Object.keys(plain[0] ?? {})])];
  return [names, ...plain.map((row) => names.map((name) => row[name]))].map((line) => `${line.map(csvCell).join(',')}\r\n`).join('');
}

/** How pictures are drawn on this standard output. */
export function terminalStyle(ascii: boolean, zone: string): TerminalStyle {
  const locale = process.env.LC_ALL || process.env.LC_CTYPE || process.env.LANG || '';
  return {
    width: process.stdout.columns ?? 120,
    ascii: ascii || !/utf-?8/i.test(locale),
    colours: colour.isColorSupported,
    zone,
  };
}
