import { plainLines } from '../text/plain.js';
import { note } from './output.js';
import { table } from './small-table.js';

interface CompactAnswer {
  readonly meta: readonly { readonly name: string; readonly type: string }[];
  readonly data: readonly (readonly unknown[])[];
  readonly rows: number;
}

/** A terminal shows no more rows than this; the other formats give all. */
const MOST_ROWS = 10_000;

function compactOf(text: string): CompactAnswer | undefined {
  try {
    const found = JSON.parse(text) as Partial<CompactAnswer> | null;
    return Array.isArray(found?.meta) && Array.isArray(found.data) && Array.isArray(found.data[0] ?? [])
      ? (found as CompactAnswer)
      : undefined;
  } catch {
    return undefined;
  }
}

/** An answer in JSONCompact as a table for people. */
export function answerTable(answer: Buffer): string {
  if (answer.length === 0) return '';
  const compact = compactOf(answer.toString('utf8'));
  // The statement chose a format of its own: that is what it wants to be shown in.
  if (compact === undefined) return answer.toString('utf8');
  const { meta, data, rows } = compact;
  const right = meta.flatMap(({ type }, i) => (/^(Nullable\()?(U?Int|Float|Decimal)/.test(type) ? [i] : []));
  const cells = data
    .slice(0, MOST_ROWS)
    .map((row) =>
      row.map((cell) =>
        typeof cell === 'object' && cell !== null ? JSON.stringify(cell) : typeof cell === 'string' ? plainLines(cell) : cell,
      ),
    );
  if (data.length > MOST_ROWS) note(`the first ${MOST_ROWS} of ${rows} rows; use another format for all`);
  const names = meta.map(({ name }) => name);
  return `${table(names, cells, right)}${rows} ${rows === 1 ? 'row' : 'rows'}\n`;
}
