import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { program } from '../../../src/cli/program.js';

/** A query that people are shown, and where. */
export interface WrittenQuery {
  readonly where: string;
  readonly sql: string;
}

/** Queries in the documentation: blocks of SQL, and `vslog sql "..."` in blocks of commands. */
export function documentedQueries(): WrittenQuery[] {
  const files = ['README.md', ...readdirSync('docs').flatMap((name) => (name.endsWith('.md') ? [join('docs', name)] : []))];
  return files.flatMap((where) => {
    const text = readFileSync(where, 'utf8');
    const blocks = [...text.matchAll(/```sql\n(.*?)```/gs)].map(([, sql = '']) => sql);
    return [...blocks, ...inCommands(text)].flatMap((sql) =>
      /^\s*(SELECT|WITH)\b/i.test(sql) ? [{ where, sql: withoutFormat(sql) }] : [],
    );
  });
}

const whole = await program();

/** Queries in the help texts of the program. */
export function helpQueries(command: Command = whole): WrittenQuery[] {
  let help = '';
  command.configureOutput({
    writeOut: (text) => {
      help += text;
    },
  });
  command.outputHelp();
  return [...inCommands(help).map((sql) => ({ where: command.name(), sql })), ...command.commands.flatMap(helpQueries)];
}

/** Queries of Grafana's panels and variables, with what Grafana puts in. */
export function dashboardQueries(folder = 'deploy/grafana/dashboards'): WrittenQuery[] {
  return readdirSync(folder).flatMap((name) => {
    const text = readFileSync(join(folder, name), 'utf8');
    const found = [...text.matchAll(/"(?:rawSql|query)": ("SELECT (?:[^"\\]|\\.)*")/g)].map(([, sql = '""']) => JSON.parse(sql) as string);
    return found.map((sql) => ({ where: name, sql: filled(sql) }));
  });
}

/** The query that the page begins with. */
export function pageQuery(): WrittenQuery {
  const where = 'web/pages/sql.tsx';
  const [, sql] = /const FIRST =\s+('SELECT (?:[^'\\]|\\.)*')/.exec(readFileSync(where, 'utf8')) ?? [];
  if (sql === undefined) throw new Error(`${where} has no query to begin with.`);
  return { where, sql: sql.slice(1, -1).replaceAll('\\n', '\n') };
}

function inCommands(text: string): string[] {
  return [...text.matchAll(/\bvslog sql [^"\n]*"([^"]+)"/g)].map(([, sql = '']) => sql);
}

function withoutFormat(sql: string): string {
  return sql.replace(/\s+FORMAT \w+\s*;?\s*$/, '');
}

/** https://github.com/grafana/clickhouse-datasource#macros */
function filled(sql: string): string {
  return sql
    .replace(/\$__timeInterval\((\w+)\)/g, 'toStartOfInterval($1, INTERVAL 60 second)')
    .replace(/\$__timeFilter\((\w+)\)/g, '$1 >= toDateTime(1) AND $1 <= toDateTime(2)')
    .replace(/\$\{node:singlequote\}/g, "'lb1', 'lb2'");
}
