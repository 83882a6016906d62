import type { Question } from '../knob/questions.js';
import type { TerminalStyle } from '../plot/terminal.js';
import type { Report, Row } from '../report/report.js';
import { csvCell } from '../text/csv.js';
import { plainText } from '../text/plain.js';
import { jsonLines } from './knob/text.js';
import { plural } from './numbers.js';
import { colour, pairs, table } from './output.js';

/** A report's rows for people: a table, or a block a row. */
export function reportText(report: Report, question: Question, rows: readonly Row[], format: 'table' | 'vertical'): string {
  if (rows.length === 0) return `${question.none}\n`;
  // A column in which nothing stands only takes room.
  const columns = report.columns.filter((column) => rows.some((row) => column.cell(row) !== ''));
  const heads = columns.map(({ title }) => title);
  const cells = rows.map((row) => columns.map((column) => plainText(column.cell(row))));
  if (format === 'vertical') return cells.map((row) => pairs(heads.map((head, at) => [head, row[at] ?? ''] as const))).join('\n');
  const right = columns.flatMap((column, at) => (column.right === true ? [at] : []));
  return `${table(heads, cells, right)}${plural(rows.length, 'row')}\n`;
}

/** The same for machines, with all that the store told. */
export function machineText(report: Report, question: Question, rows: readonly Row[], format: 'json' | 'jsonl' | 'csv'): string {
  const plain = rows.map((row) => report.plain?.(row) ?? row);
  if (format === 'json') return jsonLines(plain);
  if (format === 'jsonl') return plain.map((row) => `${JSON.stringify(row)}\n`).join('');
  return csv(plain, question.columns);
}

/** A line of names, then a line a row. */
function csv(rows: readonly Row[], columns: readonly string[]): string {
  const names = [...new Set([...columns, ...Object.keys(rows[0] ?? {})])];
  return [names, ...rows.map((row) => names.map((name) => row[name]))].map((line) => `${line.map(csvCell).join(',')}\r\n`).join('');
}

/** How pictures are drawn on this standard output. */
export function terminalStyle(ascii: boolean): TerminalStyle {
  const locale = process.env.LC_ALL || process.env.LC_CTYPE || process.env.LANG || '';
  return {
    width: process.stdout.columns ?? 120,
    ascii: ascii || !/utf-?8/i.test(locale),
    colours: colour.isColorSupported,
  };
}
