import type { SqlStore } from '../api/sql-store.js';
import { reportCsv as csvOf } from '../cli/report-text.js';
import { valuesOf } from '../cli/report-values.js';
import { MOST_MARKS } from '../plot/plot.js';
import { changeText, whatText } from '../report/changes.js';
import { cellsOf, titleOf } from '../report/columns.js';
import { reports } from '../report/index.js';
import type { Report, Row } from '../report/report.js';
import { cellLink, plotLinks } from './behind.js';
import { ConsoleError } from './errors.js';
import { LIMITS } from './limits.js';
import { zoneOf } from './span.js';

/** What the page shows of a report before it is asked. */
export function reportList(): unknown[] {
  return reports.map(({ name, doc, more, parameters }) => ({
    name,
    doc,
    // The examples are for the command line.
    more: (more.split('\n\nExamples:')[0] ?? '').replace(/^\n+|\s+$/g, ''),
    parameters: parameters.map(({ flag, argument, doc: words, fallback, required, words: choices }) => ({
      flag,
      argument,
      doc: words,
      fallback: fallback ?? null,
      required: required ?? false,
      words: choices ?? null,
    })),
  }));
}

/** Asks a report with what stands in a query string: cells as people read them, and what there is to draw. Rejects with ConsoleError or Failure, a sentence. */
export async function askReport(store: SqlStore, name: string, said: URLSearchParams, signal: AbortSignal): Promise<unknown> {
  const { report, rows, values, question } = await askRows(store, name, said, signal);
  const zone = values.zone ?? 'UTC';
  const columns = report.columns.filter(({ wide }) => wide !== true);
  const cells = columns.map((column) => cellsOf(column, rows, zone));
  const asked = { report, said, zone };
  const plot = report.plot?.(rows, values) ?? null;
  return {
    name,
    sql: question.sql,
    none: question.none,
    columns: columns.map((column) => ({ title: titleOf(column, rows, zone), right: column.right ?? false })),
    cells: rows.map((_row, i) => cells.map((column) => column[i] ?? '')),
    values: rows.map((row) => columns.map((column) => row[column.name] ?? null)),
    links: rows.map((row) => columns.map((column) => cellLink(row, column.name, asked))),
    more: rows.length === values.limit,
    plot,
    plot_links: plotLinks(plot, rows, asked),
  };
}

/** The same as a file. */
export async function reportCsv(store: SqlStore, name: string, said: URLSearchParams, signal: AbortSignal): Promise<string> {
  const { report, rows, question } = await askRows(store, name, said, signal);
  return csvOf(report, rows, question.columns);
}

/** When something was changed since a time, for charts: what, and by whom. */
export async function changeMarks(store: SqlStore, said: URLSearchParams, signal: AbortSignal): Promise<unknown> {
  const limited = new URLSearchParams({
    since: said.get('since') ?? '1d',
    until: said.get('until') ?? 'now',
    zone: zoneOf(said),
    limit: String(MOST_MARKS),
  });
  const { rows } = await askRows(store, 'changes', limited, signal);
  return rows.map((row) => ({
    at: Number(row.time),
    text: `${whatText(row)}: ${changeText(row)}`,
    who: String(row.command),
  }));
}

/** A report's rows, with what was understood. Rejects with ConsoleError or Failure, a sentence. */
export async function askRows(
  store: SqlStore,
  name: string,
  said: URLSearchParams,
  signal: AbortSignal,
): Promise<{
  report: Report;
  rows: Row[];
  values: ReturnType<typeof valuesOf>;
  question: ReturnType<Report['question']>;
}> {
  const report = reports.find((one) => one.name === name);
  if (report === undefined)
    throw new ConsoleError(404, `There is no report ${JSON.stringify(name)}: there are ${reports.map((one) => one.name).join(', ')}.`);
  const options: Record<string, string> = {};
  for (const { flag, words } of report.parameters) {
    const text = said.get(flag);
    if (text === null || text === '') continue;
    if (words !== undefined && !words.includes(text))
      throw new ConsoleError(400, `${flag} is ${JSON.stringify(text)}: it must be one of ${words.join(', ')}.`);
    options[flag] = text;
  }
  const zone = zoneOf(said);
  const values = { ...valuesOf(report, options, Date.now(), zone), zone };
  if ((values.limit ?? 0) > LIMITS.rows)
    throw new ConsoleError(400, `limit is ${values.limit}: it may be ${LIMITS.rows} at most here; vslog report takes more.`);
  const question = report.question(values);
  const answer = await store.query(question.sql, { format: 'JSONCompact', limits: LIMITS, signal });
  const { data } = JSON.parse(Buffer.from(answer).toString('utf8')) as { data: readonly (readonly unknown[])[] };
  return {
    report,
    values,
    question,
    rows: data.map((cells) => Object.fromEntries(question.columns.map((column, i) => [column, cells[i]]))),
  };
}
