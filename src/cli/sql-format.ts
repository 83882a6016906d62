import { withoutFormulas } from '../text/csv-bytes.js';
import { plainLines } from '../text/plain.js';
import { note, table } from './output.js';

/** Our short names for ClickHouse's formats; any of its own names is taken too. */
const FORMATS: Readonly<Record<string, string>> = {
  table: 'JSONCompact',
  vertical: 'Vertical',
  json: 'JSON',
  jsonl: 'JSONEachRow',
  csv: 'CSVWithNames',
  tsv: 'TabSeparatedWithNames',
  markdown: 'Markdown',
  parquet: 'Parquet',
  arrow: 'Arrow',
};

/** Nothing for a terminal. */
const BINARY = /^(Parquet|Arrow|ArrowStream|ORC|Avro|Native|RowBinary\w*|BSONEachRow|MsgPack|Protobuf\w*|CapnProto|Npy)$/i;

/** The short names, in order. */
export const formatNames: readonly string[] = Object.keys(FORMATS);

/** ClickHouse's name of a format; undefined when it can be none. */
export function formatOf(name: string): string | undefined {
  const format = FORMATS[name.toLowerCase()] ?? name;
  return /^[A-Za-z0-9]{1,64}$/.test(format) ? format : undefined;
}

export const isBinary = (format: string): boolean => BINARY.test(format);

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

/** An answer in the format of that name, as it is written: a table for people, CSV without formulas, all others as they came. */
export function answerText(answer: Buffer, name: string): string | Buffer {
  switch (name.toLowerCase()) {
    case 'table':
      return answerTable(answer);
    case 'csv':
      return withoutFormulas(answer);
    default:
      return answer;
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
