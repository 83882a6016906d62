import { count, moment, numberOf, words } from './columns.js';
import { LIMIT, NODE, type Report, SINCE, UNTIL, type Values } from './report.js';
import { isWithin, LOSS_IDENTITY, narrowed } from './sql.js';

const COLUMNS = ['at', 'place', 'lost', 'first', 'last', 'detail', 'node', 'epoch'] as const;

/** What is missing, and where it went. */
export const loss: Report = {
  name: 'loss',
  doc: 'Completeness: every loss that the log admits, and every gap in what the store has.',
  more: `
A loss record says how many events went missing, and where: ring, journal, spool, source, conn_map, malformed, sink; summarised ones were counted instead of logged. A gap is a run of sequences
that the store's ledger lacks, of whatever time: what is in the spool still may be on its way. \`vslog verify\` proves more.

Examples:
  vslog report loss --since 30d
  vslog report loss --json`,
  parameters: [{ ...SINCE, fallback: '7d' }, UNTIL, NODE, LIMIT],
  columns: [
    moment('time', 'at'),
    words('where', 'place'),
    count('missing', 'lost'),
    moment('first', 'first', { priority: 4 }),
    moment('last', 'last', { priority: 5 }),
    words('what', 'detail', { min: 20, priority: 3 }),
    words('director', 'node', { priority: 6 }),
  ],
  machine: { at: 'time', place: 'where' },
  question: (values) => ({
    title: 'Losses',
    columns: COLUMNS,
    sql: sql(values),
    none: 'Nothing is missing: no loss record, and no gap in the ledger.',
  }),
  plot: (rows) => {
    if (rows.length === 0) return undefined;
    const places = new Map<string, number>();
    for (const row of rows) places.set(String(row.place), (places.get(String(row.place)) ?? 0) + numberOf(row, 'lost'));
    return {
      kind: 'bars',
      title: 'missing, by place',
      unit: 'count',
      bars: [...places].map(([label, value]) => ({ label, parts: [{ name: 'events', value }] })),
    };
  },
};

function sql(values: Values): string {
  const own = narrowed({ ...(values.node === undefined ? {} : { node: values.node }) }, 'addr');
  const ms = (column: string): string => `if(toUnixTimestamp64Nano(${column}) = 0, NULL, toUnixTimestamp64Milli(${column}))`;
  const records = `SELECT toNullable(toUnixTimestamp64Milli(time_ns)) AS at, toString(\`where\`) AS place, lost AS n, ${ms('first_ns')} AS begun, ${ms('last_ns')} AS done, if(lost_unknown, concat(detail, ' More may be missing: nobody knows how many.'), detail) AS what, toString(node) AS director, toString(epoch) AS run FROM control_events WHERE ${[...own, `kind = 'loss'`, isWithin(values.since, values.until)].join(' AND ')} ORDER BY lost DESC LIMIT 1 BY ${LOSS_IDENTITY}`;
  const runs = `SELECT node, epoch, first, last, max(last) OVER (PARTITION BY node, epoch ORDER BY first ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reached, row_number() OVER (PARTITION BY node, epoch ORDER BY first) AS nr FROM batches FINAL${own.length === 0 ? '' : ` WHERE ${own.join(' AND ')}`}`;
  const gaps = `SELECT NULL AS at, 'ledger' AS place, first - reached - 1 AS n, NULL AS begun, NULL AS done, concat('sequences ', toString(reached + 1), ' to ', toString(first - 1), ' of epoch ', epoch) AS what, toString(node) AS director, toString(epoch) AS run FROM (${runs}) WHERE nr > 1 AND first > reached + 1`;
  return `SELECT at, place, n AS lost, begun AS first, done AS last, what AS detail, director AS node, run AS epoch FROM (SELECT * FROM (${records}) UNION ALL ${gaps}) ORDER BY at DESC NULLS FIRST, detail LIMIT ${values.limit ?? 50}`;
}
