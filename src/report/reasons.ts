import type { Plot } from '../plot/plot.js';
import { count, duration, numberOf, share, words } from './columns.js';
import { REASONS } from './reasons-of.js';
import { LIMIT, NODE, REAL, type Report, type Row, SERVICE, SINCE, UNTIL, type Values } from './report.js';
import { endpointText, ofMinutes, virtualText } from './sql.js';

const COLUMNS = ['what', 'reason', 'ends', 'share', 'median'] as const;

/** Why connections ended. */
export const reasons: Report = {
  name: 'reasons',
  doc: 'Why connections ended, altogether or by virtual service or real server; or how long they had lived.',
  more: `
Minutes are whole: the one in which the time asked for begins counts. "lived" is the median of all ends of the row's service or server, within 10 %.
By lifetime the rows are classes, each twice as long as the one before, whatever the reason.

Examples:
  vslog report reasons --since 7d
  vslog report reasons --by rs --vs 192.0.2.1:80
  vslog report reasons --by lifetime --vs 192.0.2.1:80`,
  parameters: [
    SINCE,
    UNTIL,
    {
      sets: 'by',
      flag: 'by',
      argument: 'WHAT',
      doc: 'rows for all, each vs (virtual service), each rs (real server) or each class of lifetime',
      fallback: 'all',
      words: ['all', 'vs', 'rs', 'lifetime'],
    },
    SERVICE,
    REAL,
    NODE,
    LIMIT,
  ],
  columns: [words('of', 'what'), words('reason', 'reason'), count('ends', 'ends'), share('share', 'share'), duration('lived', 'median')],
  question: (values) => ({
    title: 'Ends',
    columns: COLUMNS,
    sql: values.by === 'lifetime' ? lifetimes(values) : sql(values),
    none: 'No connection ended in that time.',
  }),
  plot: (rows, values) => {
    if (rows.length === 0) return undefined;
    if (values.by === 'lifetime') return histogram(rows);
    const by = new Map<string, Row[]>();
    for (const row of rows) by.set(String(row.what), [...(by.get(String(row.what)) ?? []), row]);
    return {
      kind: 'bars',
      title: 'ends by reason',
      unit: 'count',
      bars: [...by].map(([label, group]) => ({
        label,
        parts: REASONS.flatMap((name) => {
          const row = group.find(({ reason }) => reason === name);
          return row === undefined ? [] : [{ name, value: numberOf(row, 'ends') }];
        }),
      })),
    };
  },
};

function histogram(rows: readonly Row[]): Plot {
  const bars = rows.map((row) => ({ label: String(row.what), parts: [{ name: 'ends', value: numberOf(row, 'ends') }] }));
  return { kind: 'bars', title: 'ends by lifetime', unit: 'count', bars };
}

/** Four buckets of rs_minute are a class: from 2^n to 2^(n+1) ms; -1 is what is shorter, or not known. */
function lifetimes(values: Values): string {
  const classes = `SELECT toInt16(floor(bucket / 4)) AS class, sum(n) AS number FROM rs_minute ARRAY JOIN durationsMap.bucket AS bucket, durationsMap.ends AS n WHERE ${ofMinutes(values)} GROUP BY class ORDER BY class WITH FILL`;
  const text = (ms: string): string =>
    `multiIf(${ms} < 1000, concat(toString(${ms}), ' ms'), ${ms} < 60000, concat(toString(round(${ms} / 1000, 1)), ' s'), ${ms} < 3600000, concat(toString(round(${ms} / 60000, 1)), ' m'), ${ms} < 86400000, concat(toString(round(${ms} / 3600000, 1)), ' h'), concat(toString(round(${ms} / 86400000, 1)), ' d'))`;
  const what = `if(class < 0, 'below 1 ms, or not known', concat(${text('pow(2, class)')}, ' - ', ${text('pow(2, class + 1)')}))`;
  return `SELECT ${what} AS what, '' AS reason, number AS ends, number / sum(number) OVER () AS share, NULL AS median FROM (${classes}) ORDER BY class LIMIT ${values.limit ?? 50}`;
}

function sql(values: Values): string {
  const what = values.by === 'vs' ? virtualText() : values.by === 'rs' ? endpointText('real') : `'all'`;
  const where = ofMinutes(values);
  const groups = `SELECT ${what} AS what, sumForEach([${REASONS.map((reason) => `ends_${reason}`).join(', ')}]) AS counts, sumMap(durationsMap.bucket, durationsMap.ends) AS lives FROM rs_minute WHERE ${where} GROUP BY what`;
  const names = `[${REASONS.map((reason) => `'${reason}'`).join(', ')}]`;
  const total = 'arraySum(counts)';
  // The bucket in which half of the ends are reached; bucket b begins at 2^(b/4) ms.
  const median = `pow(2, (lives.1[arrayFirstIndex(x -> x * 2 >= arraySum(lives.2), arrayCumSum(lives.2))] + 0.5) / 4) / 1000`;
  return `SELECT what, one.1 AS reason, one.2 AS ends, one.2 / ${total} AS share, if(empty(lives.1), NULL, ${median}) AS median FROM (${groups}) ARRAY JOIN arrayFilter(x -> x.2 > 0, arrayZip(${names}, counts)) AS one ORDER BY ${total} DESC, what, ends DESC, reason LIMIT ${values.limit ?? 50}`;
}
