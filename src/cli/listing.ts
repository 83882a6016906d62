import { type Command, Option } from 'commander';
import { nearest } from '../config/nearest.js';
import { csvCell } from '../text/csv.js';
import { plural } from '../text/format.js';
import { plainText } from '../text/plain.js';
import { drawBlocks, drawTable, type TableColumn } from '../text/table.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';
import { writeArray } from './json-output.js';
import { colour, note, page, terminalWidth, write } from './output.js';

/** A column of a list. */
export interface ListColumn<R> extends TableColumn {
  /** As JSON, --columns and the first line of tsv and csv call it. */
  readonly name: string;
  /** As people read it; our colours may be in it. */
  cell(row: R): string;
  /** Only with -o wide, and where --columns names it. */
  readonly wide?: boolean;
}

/** What a command lists. */
export interface Listing<R> {
  readonly columns: readonly ListColumn<R>[];
  /** One row: `real server`. */
  readonly one: string;
  /** More rows, where an s does not do it. */
  readonly more?: string;
  /** A sentence for people where there is no row. */
  readonly none: string;
  /** A row for machines: documented in docs/json. */
  plain(row: R): Readonly<Record<string, unknown>>;
}

export const LIST_FORMATS = ['table', 'wide', 'vertical', 'json', 'jsonl', 'csv', 'tsv'] as const;
export type ListFormat = (typeof LIST_FORMATS)[number];

export interface ListOptions {
  readonly output: ListFormat;
  readonly headers?: boolean;
  readonly columns?: string;
}

/** The options that every list has. */
export function addListOptions(command: Command): Command {
  return command
    .addOption(new Option('-o, --output <FORMAT>', 'how rows are written; wide: every column').choices(LIST_FORMATS).default('table'))
    .addOption(new Option('--json', 'the same as -o json: one array, described in docs/json').implies({ output: 'json' }))
    .option('--columns <NAMES>', 'only these columns, in this order, separated by commas')
    .option('--no-headers', 'no line of titles');
}

/** Whether the rows are for people: a table, or blocks. */
export function isForPeople({ output }: ListOptions): boolean {
  return output === 'table' || output === 'wide' || output === 'vertical';
}

/** Throws Failure when there is no column of a name. Call it before anything is asked. */
export function checkColumns<R>(listing: Listing<R>, { columns }: ListOptions): void {
  if (columns !== undefined) chosen(listing, columns);
}

/** Writes all rows. `after`: what a person should know below them. */
export async function writeListing<R>(listing: Listing<R>, rows: readonly R[], options: ListOptions, after = ''): Promise<void> {
  const { output: format } = options;
  switch (format) {
    case 'json':
    case 'jsonl':
      return writeArray(
        format,
        rows.map((row) => picked(listing, row, options.columns)),
      );
    case 'csv':
    case 'tsv':
      return write(separated(listing, rows, options, format));
    default:
      return page(`${peopleText(listing, rows, options)}${after}`);
  }
}

/** How wide lines may be, in characters; undefined: as wide as they are. */
export interface Screen {
  readonly width: number | undefined;
}

/** The rows for people, with how many they are. */
export function peopleText<R>(
  listing: Listing<R>,
  rows: readonly R[],
  { output, columns, headers }: ListOptions,
  screen: Screen = { width: terminalWidth() },
): string {
  if (rows.length === 0) return `${listing.none}\n`;
  const all = columns === undefined ? listing.columns.filter(({ wide }) => wide !== true || output === 'wide') : chosen(listing, columns);
  // A column in which nothing stands only takes room.
  const cellsOf = (column: ListColumn<R>): string[] => rows.map((row) => column.cell(row));
  const filled = all
    .map((column) => ({ column, cells: cellsOf(column) }))
    .filter(({ cells }) => columns !== undefined || cells.some((cell) => cell !== ''));
  const lines = rows.map((_row, i) => filled.map(({ cells }) => cells[i] ?? ''));
  const titles = filled.map(({ column }) => column);
  const style = {
    width: output === 'wide' ? undefined : screen.width,
    bold: colour.bold,
    headers: headers !== false,
  };
  const count = `${plural(rows.length, listing.one, listing.more)}\n`;
  if (output === 'vertical') return `${drawBlocks(titles, lines, style)}\n${count}`;
  const { text, hidden, vertical } = drawTable(titles, lines, style);
  if (hidden.length > 0) note(`${plural(hidden.length, 'column')} without room: ${hidden.join(', ')}; -o wide shows all`);
  return headers === false ? text : `${text}${vertical ? '\n' : ''}${count}`;
}

function chosen<R>({ columns }: Listing<R>, names: string): ListColumn<R>[] {
  return names.split(',').map((text) => {
    const name = text.trim();
    const found = columns.find((column) => column.name === name);
    if (found !== undefined) return found;
    const known = columns.map((column) => column.name);
    const near = nearest(name, known);
    throw new Failure(
      Exit.usage,
      `--columns has ${JSON.stringify(name)}, which is no column: there are ${known.join(', ')}${near === undefined ? '' : `; do you mean ${near}?`}`,
    );
  });
}

function picked<R>(listing: Listing<R>, row: R, columns: string | undefined): Readonly<Record<string, unknown>> {
  const plain = listing.plain(row);
  return columns === undefined ? plain : Object.fromEntries(chosen(listing, columns).map(({ name }) => [name, plain[name] ?? null]));
}

/** CSV after RFC 4180; TSV with what would break a line or a cell escaped. The line of titles is there without any row, too. */
export function separated<R>(listing: Listing<R>, rows: readonly R[], { columns, headers }: ListOptions, format: 'csv' | 'tsv'): string {
  const plain = rows.map((row) => listing.plain(row));
  const all = plain.length === 0 ? listing.columns.map(({ name }) => name) : [...new Set(plain.flatMap((row) => Object.keys(row)))];
  const names = columns === undefined ? all : chosen(listing, columns).map(({ name }) => name);
  const lines = [...(headers === false ? [] : [names as readonly unknown[]]), ...plain.map((row) => names.map((name) => row[name]))];
  if (format === 'csv') return lines.map((line) => `${line.map(csvCell).join(',')}\r\n`).join('');
  const cell = (value: unknown): string =>
    value === null || value === undefined ? '' : plainText(typeof value === 'object' ? JSON.stringify(value) : String(value));
  return lines.map((line) => `${line.map(cell).join('\t')}\n`).join('');
}
