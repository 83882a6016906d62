import { plainOutput } from '../text/plain.js';
import { drawTable, type TableColumn } from '../text/table.js';
import { colour, terminalWidth } from './output.js';

/** A small table for people. Cells are escaped, but for our colours; a cell without a value is NULL. It is never wider than the terminal. */
export function table(
  head: readonly (string | TableColumn)[],
  rows: readonly (readonly unknown[])[],
  right: readonly number[] = [],
): string {
  const columns = head.map((one, at): TableColumn => (typeof one === 'string' ? { title: one, right: right.includes(at) } : one));
  const cells = rows.map((row) =>
    row.map((cell) => (cell === null || cell === undefined ? colour.dim('NULL') : oneLine(plainOutput(String(cell))))),
  );
  return drawTable(columns, cells, { width: terminalWidth(), bold: colour.bold }).text;
}

/** A table's line is a line. */
function oneLine(text: string): string {
  return text.replaceAll('\r', '\\r').replaceAll('\n', '\\n').replaceAll('\t', '\\t');
}
