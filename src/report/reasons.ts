import { OUTCOMES, outcomeText } from '../outcome/outcome.js';
import type { Plot } from '../plot/plot.js';
import { count, duration, named, numberOf, share, words } from './columns.js';
import { LIMIT, NODE, REAL, type Report, type Row, SERVICE, SINCE, UNTIL, type Values } from './report.js';
import { endpointText, ofMinutes, virtualText } from './sql.js';

const COLUMNS = ['what', 'outcome', 'ends', 'share', 'median'] as const;

/** How connections ended. */
export const reasons: Report = {
  name: 'reasons',
  doc: 'How connections ended, altogether or by virtual service or real server; or how long they had lived.',
  more: `
${OUTCOMES.slice(1)
  .map(({ name, doc }) => `  ${outcomeText(name).padEnd(19)} ${doc}`)
  .join('\n')}
Minutes are whole: the one in which the time asked for begins counts. "median lifetime" is that of the row's connections, within 10 %.
Minutes that a version without outcomes counted, and whose events are gone, count as unknown.
By lifetime the rows are classes, each twice as long as the one before, whatever the outcome.

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
  columns: [
    words('of', 'what'),
    named('outcome', 'outcome'),
    count('ends', 'ends'),
    share('share', 'share'),
    duration('median lifetime', 'median'),
  ],
  machine: { median: 'median_s' },
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
      title: 'ends by outcome',
      unit: 'count',
      bars: [...by].map(([label, group]) => ({
        label,
        parts: OUTCOMES.flatMap(({ name }) => {
          const row = group.find(({ outcome }) => outcome === name);
          return row === undefined ? [] : [{ name: outcomeText(name), value: numberOf(row, 'ends') }];
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
  return `SELECT ${what} AS what, '' AS outcome, number AS ends, number / sum(number) OVER () AS share, NULL AS median FROM (${classes}) ORDER BY class LIMIT ${values.limit ?? 50}`;
}

/** In the place of a bucket: the lifetime is not known. */
const NO_BUCKET = -2;

function sql(values: Values): string {
  const what = values.by === 'vs' ? virtualText() : values.by === 'rs' ? endpointText('real') : `'all'`;
  // What was counted without an outcome is what is left of the ends.
  const counted = 'arrayZip(`outcomesMap.outcome`, `outcomesMap.bucketKey`, arrayMap(n -> toInt64(n), `outcomesMap.ends`))';
  const rest = `[('unknown', toInt16(${NO_BUCKET}), toInt64(ends) - toInt64(arraySum(\`outcomesMap.ends\`)))]`;
  const buckets = `SELECT ${what} AS what, one.1 AS outcome, one.2 AS bucket, toUInt64(greatest(0, sum(one.3))) AS number FROM rs_minute ARRAY JOIN arrayConcat(${counted}, ${rest}) AS one WHERE ${ofMinutes(values)} GROUP BY what, outcome, bucket HAVING number > 0`;
  // The lifetime at which half of the ends are reached; bucket b is from 2^(b/4) to 2^((b+1)/4) ms.
  const groups = `SELECT what, outcome, sum(number) AS ends, quantileExactWeightedIf(0.5)(bucket, number, bucket != ${NO_BUCKET}) AS middle, max(bucket) AS most FROM (${buckets}) GROUP BY what, outcome`;
  const total = 'sum(ends) OVER (PARTITION BY what)';
  return `SELECT what, outcome, ends, ends / ${total} AS share, if(most = ${NO_BUCKET}, NULL, pow(2, (middle + 0.5) / 4) / 1000) AS median FROM (${groups}) ORDER BY ${total} DESC, what, ends DESC, outcome LIMIT ${values.limit ?? 50}`;
}
