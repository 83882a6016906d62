import { count, duration, moment, series } from './columns.js';
import { NODE, REAL, type Report, SERVICE, SINCE, UNTIL, type Values } from './report.js';
import { ofMinutes, pieceOf, stepOf } from './sql.js';

const COLUMNS = ['at', 'creates', 'ends', 'creates_per_minute', 'ends_per_minute', 'failed', 'median', 'p99', 'step'] as const;

/** How fast connections come and go, and how long they live. */
export const churn: Report = {
  name: 'churn',
  doc: 'How fast connections come and go: beginnings and ends a minute, and how long those that ended had lived.',
  more: `
Times are in whole minutes; lifetimes are right within 10 %. "refused" are connections for which there was no real server.

Examples:
  vslog report churn --since 2h
  vslog report churn --vs 192.0.2.1:80 --since 7d`,
  parameters: [SINCE, UNTIL, SERVICE, REAL, NODE],
  columns: [
    moment('from', 'at'),
    count('new', 'creates'),
    count('ended', 'ends'),
    count('new per minute', 'creates_per_minute', { priority: 4 }),
    count('ended per minute', 'ends_per_minute', { priority: 5 }),
    count('refused', 'failed'),
    duration('lifetime (median)', 'median'),
    duration('lifetime (99 %)', 'p99', { priority: 3 }),
  ],
  machine: { at: 'start', failed: 'sched_fails', median: 'median_s', p99: 'p99_s', step: 'step_s' },
  question: (values) => ({ title: 'Churn', columns: COLUMNS, sql: sql(values), none: 'Nothing came or went in that time.' }),
  plot: (rows, values) => {
    if (rows.length === 0) return undefined;
    const step = stepOf(values) * 1000;
    const { begin, values: found } = series(rows, step, ['creates_per_minute', 'ends_per_minute', 'median']);
    return {
      kind: 'lines',
      title: 'per minute, and lifetimes',
      begin,
      step,
      lines: [
        { name: 'new', unit: 'count', values: found.get('creates_per_minute') ?? [] },
        { name: 'ended', unit: 'count', values: found.get('ends_per_minute') ?? [] },
        { name: 'lifetime', unit: 'seconds', values: found.get('median') ?? [] },
      ],
      marks: [],
    };
  },
};

function sql(values: Values): string {
  const step = stepOf(values);
  const pieces = `SELECT ${pieceOf('minute', step)} AS at, sum(rs_minute.creates) AS creates, sum(rs_minute.ends) AS ends, sum(sched_fails) AS failed, sumMap(durationsMap.bucket, durationsMap.ends) AS lives FROM rs_minute WHERE ${ofMinutes(values)} GROUP BY at`;
  const quantile = (part: number): string =>
    `if(empty(lives.1), NULL, pow(2, (lives.1[arrayFirstIndex(x -> x >= ${part} * arraySum(lives.2), arrayCumSum(lives.2))] + 0.5) / 4) / 1000)`;
  return `SELECT at, creates, ends, round(creates * 60 / ${step}, 1) AS creates_per_minute, round(ends * 60 / ${step}, 1) AS ends_per_minute, failed, ${quantile(0.5)} AS median, ${quantile(0.99)} AS p99, ${step} AS step FROM (${pieces}) ORDER BY at`;
}
