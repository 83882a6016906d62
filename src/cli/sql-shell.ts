import { createInterface, type Interface } from 'node:readline';
import { ApiError } from '../api/errors.js';
import type { QueryLimits } from '../store/store.js';
import { durationText } from '../text/format.js';
import { sentenceOf } from '../wire/errors.js';
import { errorStyle, note, page, write, writeAnswer } from './output.js';
import { writeOutputFile } from './output-file.js';
import { sqlErrorText } from './sql-error.js';
import { answerText, formatNames, formatOf, isBinary, shortOf } from './sql-format.js';
import { addToHistory, historyPath, oneLine, readHistory } from './sql-history.js';
import type { SqlAsker } from './sql-http.js';
import { limitAdvice } from './sql-limits.js';
import { askedSql, columnsSql, completions, SIZES_SQL, type SqlWords, WORDS_SQL, wordsOf } from './sql-words.js';

const HELP = `A statement ends with ; and may have many lines; one that ends with \\\\G is answered with a block a row.
  \\d [TABLE]    tables, or a table's columns
  \\l            tables and what they take on disk
  \\x            a row as a block, or as a line of a table
  \\timing       how long each statement takes
  \\f FORMAT     how answers are written: ${formatNames.join(', ')}, or any of ClickHouse
  \\o [FILE]     answers go into a file; without FILE to the terminal again
  \\? \\h         this help
  \\q ^D         leave;  ^C: cancel what runs, or clear the line
`;

const CANCELLED = 'cancelled';
/** Formats for reading. */
const PAGED: ReadonlySet<string> = new Set(['table', 'vertical']);

/** The interactive shell of \`vslog sql\`. */
export class SqlShell {
  private readonly api: SqlAsker;
  private readonly limits: QueryLimits;
  private readonly history = historyPath();
  private format: string;
  private timing = true;
  /** Where answers go; undefined: the terminal. */
  private file: string | undefined;
  private statement = '';
  private running: AbortController | undefined;
  private words: SqlWords = { tables: [], columns: new Map(), functions: [] };

  constructor(api: SqlAsker, format: string, limits: QueryLimits) {
    this.api = api;
    this.format = format;
    this.limits = limits;
  }

  /** Reads and answers until the person leaves. Rejects when nobody answers at the beginning. */
  async run(): Promise<void> {
    await this.learn();
    await write('vslog sql: read-only; \\? for help, \\q to leave.\n');
    const lines = createInterface({
      input: process.stdin,
      output: process.stdout,
      history: readHistory(this.history).reverse(),
      historySize: 1000,
      removeHistoryDuplicates: true,
      completer: (line: string) => completions(line, this.statement, this.words),
    });
    lines.on('SIGINT', () => this.interrupt(lines));
    this.prompt(lines);
    // One line after the other: what is typed while a statement runs waits for it.
    for await (const line of lines) {
      if (await this.take(line)) break;
      this.prompt(lines);
    }
    lines.close();
    this.running?.abort();
  }

  private prompt(lines: Interface): void {
    lines.setPrompt(this.statement === '' ? 'vslog> ' : '    -> ');
    lines.prompt();
  }

  private interrupt(lines: Interface): void {
    if (this.running !== undefined) {
      this.running.abort();
      return;
    }
    this.statement = '';
    process.stdout.write('^C\n');
    // Takes away what was typed.
    lines.write(null, { ctrl: true, name: 'e' });
    lines.write(null, { ctrl: true, name: 'u' });
    this.prompt(lines);
  }

  /** Resolves to true when the person leaves. */
  private async take(line: string): Promise<boolean> {
    if (this.statement === '' && line.trim() === '') return false;
    // A command may come within an unfinished statement, which goes on behind it.
    const blocks = /\\G\s*;?\s*$/.test(line);
    if (/^\s*\\/.test(line) && !(blocks && this.statement !== '')) return this.command(line.trim());
    if (this.statement === '' && /^\s*(exit|quit)\s*;?\s*$/i.test(line)) return true;
    this.statement = this.statement === '' ? line : `${this.statement}\n${line}`;
    if (!blocks && !/;\s*$/.test(line)) return false;
    const statement = this.statement.trim();
    this.statement = '';
    addToHistory(this.history, oneLine(statement));
    await this.answer(statement.replace(/(?:\\G|;)\s*;?\s*$/, ''), blocks ? 'vertical' : this.format);
    return false;
  }

  private async command(line: string): Promise<boolean> {
    const [name = '', argument = ''] = line.replace(/;$/, '').split(/\s+/, 2);
    switch (name.toLowerCase()) {
      case '\\q':
        return true;
      case '\\?':
      case '\\h':
        await write(HELP);
        return false;
      case '\\d':
        await this.describe(argument);
        return false;
      case '\\l':
        await this.answer(SIZES_SQL, 'table');
        return false;
      case '\\x':
        this.format = this.format === 'vertical' ? 'table' : 'vertical';
        note(`answers are written as ${this.format}`);
        return false;
      case '\\timing':
        this.timing = !this.timing;
        note(`timing is ${this.timing ? 'on' : 'off'}`);
        return false;
      case '\\f':
        this.choose(argument);
        return false;
      case '\\o':
        this.file = argument === '' ? undefined : argument;
        note(this.file === undefined ? 'answers go to the terminal' : `answers go into ${this.file}, each over the one before`);
        return false;
      default:
        complain(`There is no ${name}: \\? tells what there is.`);
        return false;
    }
  }

  private choose(name: string): void {
    const format = name === '' ? undefined : formatOf(name);
    if (format === undefined) complain(`${JSON.stringify(name)} is no format: ${formatNames.join(', ')}, or one of ClickHouse's.`);
    else if (isBinary(format) && this.file === undefined) complain(`${name} is nothing for a terminal: choose a file first, by \\o FILE.`);
    else this.format = shortOf(name);
  }

  private async describe(table: string): Promise<void> {
    if (table === '') {
      await write(`${this.words.tables.join('\n')}\n`);
      return;
    }
    if (!/^\w+$/.test(table)) return complain(`${JSON.stringify(table)} is no table: \\d lists them.`);
    await this.answer(columnsSql(table), 'table');
  }

  /** Asks, and writes the answer or why there is none. */
  private async answer(sql: string, format: string): Promise<void> {
    const engine = formatOf(format) ?? format;
    const began = performance.now();
    const running = new AbortController();
    this.running = running;
    try {
      const bytes = await this.api.sql(askedSql(sql), engine, this.limits, running.signal);
      if (running.signal.aborted) throw new Error(CANCELLED);
      const text = await answerText(bytes, format);
      if (this.file === undefined) await (PAGED.has(format) ? page(text.toString()) : writeAnswer(text));
      else writeOutputFile(this.file, text);
      if (this.timing) note(`${durationText((performance.now() - began) / 1000)}${this.file === undefined ? '' : `, in ${this.file}`}`);
    } catch (error) {
      complain(
        running.signal.aborted
          ? CANCELLED
          : error instanceof ApiError && error.code === 'query_failed'
            ? sqlErrorText(sql, error.message)
            : sentenceOf(error),
      );
      const advice = limitAdvice(error);
      if (advice !== undefined) note(advice);
    } finally {
      this.running = undefined;
    }
  }

  /** What there is to complete. */
  private async learn(): Promise<void> {
    const answer = await this.api.sql(WORDS_SQL, 'JSONCompact');
    const { data } = JSON.parse(answer.toString('utf8')) as { data: readonly (readonly [string, string, string])[] };
    this.words = wordsOf(data);
  }
}

function complain(sentence: string): void {
  process.stderr.write(`${errorStyle(sentence)}\n`);
}
