import { msOf, offsetText } from '../text/moment.js';

/** Texts, which stay as they are; and integers of so many digits that a double does not hold each of them. */
const TEXT_OR_LONG = /"(?:[^"\\]|\\.)*"|-?\b\d{16,}\b(?![.eE])/g;

/**
 * An answer in ROWS_FORMAT as objects, a line each; `json`: with an array around them. Times are RFC 3339; integers that a double may round, and 64-bit ids, are text.
 * Undefined: the statement chose a format of its own.
 */
export function rowsText(answer: Buffer, form: 'json' | 'jsonl'): string | undefined {
  const lines = answer.toString('utf8').split('\n');
  const [names, types] = [wordsOf(lines[0]), wordsOf(lines[1])];
  if (names === undefined || types === undefined || names.length !== types.length) return answer.length === 0 ? '' : undefined;
  const columns = names.map((name, i) => ({ key: JSON.stringify(name), change: changeOf(name, types[i] ?? '') }));
  const rows = lines
    .slice(2)
    .filter((line) => line !== '')
    .map((line) => {
      const cells = JSON.parse(line.replace(TEXT_OR_LONG, quotedIfLong)) as unknown[];
      return `{${columns.map(({ key, change }, i) => `${key}:${JSON.stringify(change(cells[i]))}`).join(',')}}`;
    });
  if (form === 'jsonl') return rows.map((row) => `${row}\n`).join('');
  return rows.length === 0 ? '[]\n' : `[\n${rows.join(',\n')}\n]\n`;
}

function wordsOf(line: string | undefined): string[] | undefined {
  try {
    const found = JSON.parse(line ?? '') as unknown;
    return Array.isArray(found) && found.every((one) => typeof one === 'string') ? found : undefined;
  } catch {
    return undefined;
  }
}

function quotedIfLong(token: string): string {
  return token.startsWith('"') || Number.isSafeInteger(Number(token)) ? token : `"${token}"`;
}

type Change = (value: unknown) => unknown;

/** What becomes of the values of a column. */
function changeOf(name: string, type: string): Change {
  const [, inner] = /^(?:Nullable|LowCardinality)\((.*)\)$/.exec(type) ?? [];
  if (inner !== undefined) return changeOf(name, inner);
  const [, element] = /^Array\((.*)\)$/.exec(type) ?? [];
  if (element !== undefined) {
    const change = changeOf(name, element);
    return (value) => (Array.isArray(value) ? value.map(change) : value);
  }
  if (/^U?Int64$/.test(type) && name.endsWith('_id')) return (value) => (typeof value === 'number' ? String(value) : value);
  const time = /^DateTime(?:64\(\d(?:, '([^']+)')?\)|(?:\('([^']+)'\))?)$/.exec(type);
  if (time === null) return (value) => value;
  const zone = time[1] ?? time[2] ?? 'UTC';
  return (value) => (typeof value === 'string' ? timeIn(value, zone) : value);
}

/** `2026-01-31 12:00:30.5`, a clock of that zone, as RFC 3339. */
function timeIn(text: string, zone: string): string {
  const [, year, month, day, hour, minute, second] = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)/.exec(text)?.map(Number) ?? [];
  if (year === undefined || month === undefined || day === undefined) return text;
  return `${text.replace(' ', 'T')}${offsetText(msOf(zone, year, month, day, hour, minute, second), zone)}`;
}
