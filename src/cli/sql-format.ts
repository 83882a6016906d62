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

/** An answer in the format of that name, as it is written: a table for people, CSV without formulas, all others as they came. */
export async function answerText(answer: Buffer, name: string): Promise<string | Buffer> {
  switch (name.toLowerCase()) {
    case 'table':
      return (await import('./sql-table.js')).answerTable(answer);
    case 'csv':
      return (await import('../text/csv.js')).withoutFormulas(answer);
    default:
      return answer;
  }
}
