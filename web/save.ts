import { csvCell } from '../src/text/csv.ts';

/** Lines of CSV as reports have them: raw values, nothing that a spreadsheet would take for a formula. */
export function csvText(lines: readonly (readonly unknown[])[]): string {
  return lines.map((line) => `${line.map(csvCell).join(',')}\r\n`).join('');
}

/** Has the browser save a text as a file of that name. */
export function saveText(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  // Outside of the document, so that no page takes the click for one of its own links.
  link.click();
  // The browser has taken the address by the next turn.
  setTimeout(() => URL.revokeObjectURL(url), 0);
}
