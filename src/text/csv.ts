import { plainLines } from './plain.js';

/** What a spreadsheet takes for the begin of a formula. */
const FORMULA = /^[=+\-@\t\n＝＋－＠]/u;
const NUMBER = /^[-+]?\d+(\.\d+)?(e[-+]?\d+)?$/i;

/** A cell of CSV (RFC 4180). A text that a spreadsheet would take for a formula gets a single quote before it; a number stays one. */
export function csvCell(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = plainLines(typeof value === 'object' ? JSON.stringify(value) : String(value));
  const safe = FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
