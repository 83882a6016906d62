import { formatNames } from './sql-format.js';

/** What the shell completes, as the store told it. */
export interface SqlWords {
  readonly tables: readonly string[];
  /** Names of columns, by table. */
  readonly columns: ReadonlyMap<string, readonly string[]>;
  readonly functions: readonly string[];
}

/** Written in capitals; completed in the case in which they were begun. */
export const KEYWORDS: readonly string[] =
  'SELECT DISTINCT FROM WHERE PREWHERE GROUP BY HAVING ORDER LIMIT OFFSET WITH AS AND OR NOT IN BETWEEN LIKE ILIKE IS NULL CASE WHEN THEN ELSE END JOIN LEFT INNER ON USING UNION ALL ARRAY FINAL SAMPLE DESC ASC INTERVAL SECOND MINUTE HOUR DAY WEEK MONTH DESCRIBE SHOW TABLES EXPLAIN FORMAT OVER PARTITION ROWS CAST TOTALS ROLLUP'.split(
    ' ',
  );

export const COMMANDS = ['\\d', '\\l', '\\x', '\\timing', '\\o', '\\f', '\\h', '\\?', '\\q'];

/** SQL whose rows, `kind`, `name`, `table`, wordsOf() reads. */
export const WORDS_SQL = `SELECT * FROM (SELECT 'column' AS kind, name, table, position AS at FROM system.columns WHERE database = currentDatabase() UNION ALL SELECT 'function' AS kind, name, '' AS table, 0 AS at FROM system.functions WHERE alias_to = '' AND NOT startsWith(name, '_')) ORDER BY kind, table, at, name`;

/** What the tables take on disk: the shell's \l. */
export const SIZES_SQL = `SELECT t.name AS table, if(t.engine IN ('View', 'MaterializedView'), 'view', 'table') AS is, p.rows AS rows, formatReadableSize(p.bytes) AS on_disk FROM system.tables AS t LEFT JOIN (SELECT table, sum(rows) AS rows, sum(bytes_on_disk) AS bytes FROM system.parts WHERE active AND database = currentDatabase() GROUP BY table) AS p ON p.table = t.name WHERE t.database = currentDatabase() AND t.name NOT LIKE '%_feed' ORDER BY t.name`;

/** A table's columns: the shell's \d TABLE. `table` is a plain name. */
export function columnsSql(table: string): string {
  return `SELECT name, type, default_kind = 'ALIAS' AS computed FROM system.columns WHERE database = currentDatabase() AND table = '${table}' ORDER BY position`;
}

/** What a person asked as the store is to be asked: views that only fill tables are no tables to read. */
export function askedSql(sql: string): string {
  return /^\s*show\s+tables\s*;?\s*$/i.test(sql) ? "SHOW TABLES NOT LIKE '%\\_feed'" : sql;
}

export function wordsOf(rows: readonly (readonly [kind: string, name: string, table: string])[]): SqlWords {
  const columns = new Map<string, string[]>();
  const functions: string[] = [];
  for (const [kind, name, table] of rows) {
    if (kind === 'function') functions.push(name);
    else columns.set(table, [...(columns.get(table) ?? []), name]);
  }
  return { tables: [...columns.keys()].filter((table) => !table.endsWith('_feed')), columns, functions };
}

/**
 * What the word at the end of a line may go on as, and that word. After FROM and JOIN: tables; elsewhere columns of the tables that the statement names (of all when it names none),
 * keywords and functions.
 */
export function completions(line: string, statement: string, words: SqlWords): [string[], string] {
  const [word = ''] = /[\w.\\]*$/.exec(line) ?? [];
  if (line.trimStart().startsWith('\\')) {
    const [, name] = /^\s*(\\[df]) /.exec(line) ?? [];
    if (name === '\\f') return [formatNames.filter((format) => format.startsWith(word)), word];
    if (name === '\\d') return [words.tables.filter((table) => table.startsWith(word)), word];
    return [COMMANDS.filter((command) => command.startsWith(word)), word];
  }
  const before = line.slice(0, line.length - word.length);
  if (/\b(from|join|describe|table)\s+$/i.test(before)) return [words.tables.filter((table) => startsLike(table, word)), word];
  if (word === '') return [[], word];
  const whole = `${statement}\n${line}`;
  const named = words.tables.filter((table) => new RegExp(`\\b${table}\\b`).test(whole));
  const columns = (named.length === 0 ? words.tables : named).flatMap((table) => words.columns.get(table) ?? []);
  const upper = word === word.toUpperCase();
  const keywords = KEYWORDS.filter((keyword) => startsLike(keyword, word)).map((keyword) => (upper ? keyword : keyword.toLowerCase()));
  const functions = words.functions.filter((name) => startsLike(name, word)).map((name) => `${name}(`);
  const found = [...new Set([...columns.filter((name) => startsLike(name, word)), ...keywords])];
  return [found.length > 0 && word.length < 3 ? found : [...found, ...functions], word];
}

function startsLike(name: string, word: string): boolean {
  return name.toLowerCase().startsWith(word.toLowerCase());
}
