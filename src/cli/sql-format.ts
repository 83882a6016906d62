/** What ClickHouse is asked for where objects are wanted: a line of names, a line of types, then a line a row. */
export const ROWS_FORMAT = 'JSONCompactEachRowWithNamesAndTypes';

/** Our short names for ClickHouse's formats; any of its own names is taken too. */
const FORMATS: Readonly<Record<string, string>> = {
  table: 'JSONCompact',
  vertical: 'Vertical',
  json: ROWS_FORMAT,
  jsonl: ROWS_FORMAT,
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

/** ClickHouse's name of a format; undefined when it can be none. `JSON` is ClickHouse's own, `json` ours. */
export function formatOf(name: string): string | undefined {
  const format = FORMATS[shortOf(name)] ?? name;
  return /^[A-Za-z0-9]{1,64}$/.test(format) ? format : undefined;
}

/** A short name in whatever case; what is ClickHouse's own name alone stays that. */
export function shortOf(name: string): string {
  return name === 'JSON' ? name : name.toLowerCase();
}

export const isBinary = (format: string): boolean => BINARY.test(format);

/** An answer in the format of that name, as it is written: a table for people, objects of docs/json, CSV without formulas, all others as they came. */
export async function answerText(answer: Buffer, name: string): Promise<string | Buffer> {
  const short = shortOf(name);
  switch (short) {
    case 'json':
    case 'jsonl':
      return (await import('./sql-json.js')).rowsText(answer, short) ?? answer;
    case 'table':
      return (await import('./sql-table.js')).answerTable(answer);
    case 'csv':
      return (await import('../text/csv-bytes.js')).withoutFormulas(answer);
    default:
      return answer;
  }
}
