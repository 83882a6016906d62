import { Command } from 'commander';
import { ApiClient } from '../api/client.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';
import { addConfigOptions, configOf } from './options.js';
import { note, table, write } from './output.js';

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
};

const EXAMPLES = `
Formats: ${Object.keys(FORMATS).join(', ')}, or any output format of ClickHouse by its name.

Examples:
  vslog sql "SELECT kind, count() FROM conn_events GROUP BY kind"
  vslog sql "SELECT * FROM connections WHERE real_addr = '192.168.1.11'" -f vertical
  vslog sql --json "SELECT reason, count() AS n FROM conn_events GROUP BY reason"
  vslog sql -f parquet < query.sql > events.parquet`;

export function sqlCommand(): Command {
  const command = new Command('sql')
    .description('Ask the store. The query is the argument, or standard input.')
    .argument('[query]')
    .option('-f, --format <FORMAT>', 'how the answer is written (default: table on a terminal, tsv in a pipe)')
    .option('--json', 'the same as --format json')
    .addHelpText('after', EXAMPLES);
  addConfigOptions(command, 'sql');
  return command.action(async (query: string | undefined, options: { format?: string; json?: boolean }) => {
    const socket = configOf(command, 'sql').values['collector.api_socket'];
    const asked = options.json === true ? 'json' : (options.format ?? (process.stdout.isTTY === true ? 'table' : 'tsv'));
    const format = FORMATS[asked.toLowerCase()] ?? asked;
    if (!/^[A-Za-z0-9]+$/.test(format))
      throw new Failure(
        Exit.usage,
        `--format is ${JSON.stringify(asked)}: it must be one of ${Object.keys(FORMATS).join(', ')} or a format of ClickHouse.`,
      );
    const sql = query === undefined || query === '-' ? await standardInput() : query;
    if (sql.trim() === '') throw new Failure(Exit.usage, 'There is no query: give it as an argument or on standard input.');
    const answer = await new ApiClient(socket).sql(sql, format);
    await write(asked.toLowerCase() === 'table' ? answerTable(answer) : answer);
  });
}

interface CompactAnswer {
  readonly meta: readonly { readonly name: string; readonly type: string }[];
  readonly data: readonly (readonly unknown[])[];
  readonly rows: number;
}

/** A terminal shows no more rows than this; the other formats give all. */
const MOST_ROWS = 10_000;

function answerTable(answer: Buffer): string {
  if (answer.length === 0) return '';
  const { meta, data, rows } = JSON.parse(answer.toString('utf8')) as CompactAnswer;
  const right = meta.flatMap(({ type }, i) => (/^(Nullable\()?(U?Int|Float|Decimal)/.test(type) ? [i] : []));
  const cells = data
    .slice(0, MOST_ROWS)
    .map((row) => row.map((cell) => (typeof cell === 'object' && cell !== null ? JSON.stringify(cell) : cell)));
  if (data.length > MOST_ROWS) note(`the first ${MOST_ROWS} of ${rows} rows; use another format for all`);
  const names = meta.map(({ name }) => name);
  return `${table(names, cells, right)}${rows} ${rows === 1 ? 'row' : 'rows'}\n`;
}

async function standardInput(): Promise<string> {
  if (process.stdin.isTTY === true) throw new Failure(Exit.usage, 'There is no query: give it as an argument or on standard input.');
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
