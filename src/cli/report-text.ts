import type { TerminalStyle } from '../plot/terminal.js';
import { cellsOf, titleOf } from '../report/columns.js';
import type { Report, Row } from '../report/report.js';
import { csvCell } from '../text/csv.js';
import { plainText } from '../text/plain.js';
import { timeOf } from '../text/rfc3339.js';
import type { Listing } from './listing.js';
import { colour } from './output.js';

/** A report's answer as a list; times for people in that zone. */
export function reportListing(report: Report, rows: readonly Row[], none: string, zone: string): Listing<Row> {
  const columns = report.columns.map((column) => {
    const cells = new Map(cellsOf(column, rows, zone).map((cell, i) => [rows[i], plainText(cell)]));
    return {
      ...column,
      name: machineName(report, column.name),
      title: titleOf(column, rows, zone),
      cell: (row: Row) => cells.get(row) ?? '',
    };
  });
  return { columns, one: 'row', none, plain: (row) => machineRow(report, row) };
}

/** A row for machines, described in docs/json: all that the store told under the names of SQL, times as RFC 3339. */
export function machineRow(report: Report, row: Row): Row {
  const times = new Set(report.columns.flatMap(({ name, time }) => (time === true ? [name] : [])));
  return Object.fromEntries(
    Object.entries(report.plain?.(row) ?? row).map(([name, value]) => [
      machineName(report, name),
      times.has(name) && typeof value === 'number' ? timeOf(value) : value,
    ]),
  );
}

const machineName = ({ machine = {} }: Report, name: string): string => machine[name] ?? name;

/** The rows as CSV: a line of names, then a line a row. */
export function reportCsv(report: Report, rows: readonly Row[], columns: readonly string[]): string {
  const plain = rows.map((row) => machineRow(report, row));
  const names = [...new Set([...columns.map((name) => machineName(report, name)), ...Object.keys(plain[0] ?? {})])];
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
