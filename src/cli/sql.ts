import { Command, Option } from 'commander';
import { ApiClient } from '../api/client.js';
import { ApiError } from '../api/errors.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';
import { addConfigOptions, configOf } from './options.js';
import { note, page, writeAnswer } from './output.js';
import { sqlErrorText } from './sql-error.js';
import { answerText, formatNames, formatOf, isBinary, shortOf } from './sql-format.js';
import type { SqlAsker } from './sql-http.js';
import { addLimitOptions, type LimitFlags, limitAdvice, limitsOf } from './sql-limits.js';
import { askedSql } from './sql-words.js';

const EXAMPLES = `
Formats: ${formatNames.join(', ')}, or any output format of ClickHouse by its name.
Without a query, on a terminal, there is a shell: history, completion by tab, \\? for its commands.

Examples:
  vslog sql
  vslog sql "SELECT kind, count() FROM conn_events GROUP BY kind"
  vslog sql "SELECT * FROM connections WHERE real_ip = '192.168.1.11'" -f vertical
  vslog sql --json "SELECT reason, count() AS n FROM conn_events GROUP BY reason"
  vslog sql -f parquet -o events.parquet < query.sql
  vslog sql --http http://127.0.0.1:8123 "SELECT count() FROM connections"`;

interface Flags extends LimitFlags {
  readonly format?: string;
  readonly output?: string;
  readonly http?: string | true;
  readonly tokenFile?: string;
}

export function sqlCommand(): Command {
  const command = new Command('sql')
    .description('Ask the store: the query is the argument, or standard input; on a terminal without one, a shell.')
    .argument('[query]')
    .option('-f, --format <FORMAT>', 'how the answer is written (default: table on a terminal, tsv in a pipe)')
    .addOption(new Option('--json', 'the same as --format json: one array').implies({ format: 'json' }))
    .option('-o, --output <FILE>', 'write the answer into a file')
    .option(
      '--http [URL]',
      "ask by ClickHouse's HTTP protocol instead of the collector's socket (default: http:// and clickhouse_http.listen)",
    )
    .option('--token-file <FILE>', 'with --http: the file of the token (default: reader.token in collector.data_dir)');
  addLimitOptions(command).addHelpText('after', EXAMPLES);
  addConfigOptions(command, 'sql');
  return command.action(async (argument: string | undefined, options: Flags) => {
    const { values } = configOf(command, 'sql');
    const [query, http] = queryAndUrl(argument, options.http);
    if (http === undefined && options.tokenFile !== undefined)
      throw new Failure(Exit.usage, "--token-file is for --http: the collector's socket asks for none.");
    const api: SqlAsker =
      http === undefined
        ? new ApiClient(values['collector.api_socket'])
        : (await import('./sql-http.js')).httpSql(values, http, options.tokenFile);
    const terminal = process.stdout.isTTY === true && options.output === undefined;
    const asked = options.format ?? (terminal ? 'table' : 'tsv');
    const format = formatOf(asked);
    if (format === undefined)
      throw new Failure(
        Exit.usage,
        `--format is ${JSON.stringify(asked)}: it must be one of ${formatNames.join(', ')} or a format of ClickHouse.`,
      );
    if (terminal && isBinary(format))
      throw new Failure(Exit.usage, `--format ${asked} is nothing for a terminal: write it into a file by --output FILE, or into a pipe.`);
    const limits = limitsOf(options);
    if (query === undefined && process.stdin.isTTY === true && terminal) {
      const { SqlShell } = await import('./sql-shell.js');
      return new SqlShell(api, shortOf(asked), limits).run();
    }
    const sql = query === undefined || query === '-' ? await standardInput() : query;
    if (sql.trim() === '') throw new Failure(Exit.usage, 'There is no query: give it as an argument or on standard input.');
    const answer = await api.sql(askedSql(sql), format, limits).catch((error: unknown) => {
      const advice = limitAdvice(error);
      if (advice !== undefined) note(advice);
      if (error instanceof ApiError && error.code === 'query_failed') throw new Failure(Exit.failure, sqlErrorText(sql, error.message));
      throw error;
    });
    const text = await answerText(answer, asked);
    if (options.output === undefined)
      return terminal && (asked === 'table' || asked === 'vertical') ? page(text.toString()) : writeAnswer(text);
    (await import('./output-file.js')).writeOutputFile(options.output, text);
  });
}

/** What follows --http is its address where it looks like one, else the query. */
function queryAndUrl(argument: string | undefined, http: string | true | undefined): [string | undefined, string | true | undefined] {
  return typeof http === 'string' && argument === undefined && !/^https?:\/\//.test(http) ? [http, true] : [argument, http];
}

async function standardInput(): Promise<string> {
  if (process.stdin.isTTY === true) throw new Failure(Exit.usage, 'There is no query: give it as an argument or on standard input.');
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
