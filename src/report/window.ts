import { quote } from '../store/quote.js';
import { count, numberOf } from './columns.js';
import { LIMIT, NODE, REAL, type Report, type Row, SERVICE, SINCE, UNTIL, type Values } from './report.js';
import { forgottenConnections, momentLiteral, narrowed, ofMinutes } from './sql.js';

const DAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];
const COLUMNS = ['weekday', 'hour', 'creates', 'most', 'active', 'weeks'] as const;

/** When a service has least to do. */
export const window: Report = {
  name: 'window',
  doc: "Maintenance windows: a service's quietest hours of the week, and how many connections are open then.",
  more: `
The mean of every hour of the week (in the zone of --tz) over the time asked for; four weeks say more than one. "open" is the mean at the hour's begin. What was open
when a capture started that remembers nothing is open no longer from then on. What such a capture finds there counts from then on; but twice if its beginning is known (source conntrack,
with timestamps) and before the time asked for.

Examples:
  vslog report window --vs 192.0.2.1:80
  vslog report window --rs 192.0.2.11:8080 --since 14d --limit 5`,
  parameters: [{ ...SINCE, fallback: '28d' }, UNTIL, SERVICE, REAL, NODE, { ...LIMIT, fallback: '168' }],
  columns: [
    { title: 'hour', name: 'hour', cell: (row) => `${dayOf(row)} ${String(row.hour).padStart(2, '0')}:00` },
    count('new connections', 'creates'),
    count('most', 'most'),
    count('open', 'active'),
    count('weeks', 'weeks'),
  ],
  machine: { most: 'creates_most', active: 'open' },
  question: (values) => ({
    title: 'Quietest hours',
    columns: COLUMNS,
    sql: sql(values),
    none: 'The log has no whole hour of it in that time.',
  }),
  plot: (rows, { zone = 'UTC' }) => {
    if (rows.length === 0) return undefined;
    const cells = DAYS.map(() => new Array<number | null>(24).fill(null));
    for (const row of rows) (cells[numberOf(row, 'weekday') - 1] ?? [])[numberOf(row, 'hour')] = numberOf(row, 'creates');
    return {
      kind: 'heat',
      title: `new connections per hour, by hour of the week (${zone})`,
      unit: 'count',
      rows: DAYS,
      columns: Array.from({ length: 24 }, (_, hour) => String(hour)),
      cells,
    };
  },
};

const QUARTER_MS = 900_000;

const dayOf = (row: Row): string => DAYS[numberOf(row, 'weekday') - 1] ?? '?';

function sql(values: Values): string {
  const { since = 0, until = Date.now() } = values;
  const zone = quote(values.zone ?? 'UTC');
  // Whole hours only, from the first to the last that the log has.
  const begin = `toStartOfHour(${momentLiteral(since + 3_599_999)}, ${zone})`;
  const end = `toStartOfHour(${momentLiteral(until)}, ${zone})`;
  const own = [...narrowed(values, 'ip'), 'NOT is_template'].join(' AND ');
  const before = `(SELECT count() FROM connections WHERE ${own} AND start < ${begin} AND (end >= ${begin} OR is_open))`;
  // Some zones begin their hours at a quarter or half of ours.
  const whole = { ...values, since: Math.ceil(since / QUARTER_MS) * QUARTER_MS, until: Math.floor(until / QUARTER_MS) * QUARTER_MS };
  const minutes = `SELECT toStartOfHour(minute, ${zone}) AS at, rs_minute.creates AS c, snapshots AS s, rs_minute.ends AS e FROM rs_minute WHERE ${ofMinutes(whole)}`;
  const forgotten = `SELECT toStartOfHour(toDateTime(assumeNotNull(end), 'UTC'), ${zone}) AS at, 0 AS c, 0 AS s, count() AS e FROM connections WHERE ${forgottenConnections(whole)} GROUP BY at`;
  const counted = `SELECT at, sum(c) AS made, sum(s) AS seen, sum(e) AS gone FROM (${minutes} UNION ALL ${forgotten}) GROUP BY at HAVING at >= ${begin} AND at < ${end} ORDER BY at WITH FILL TO ${end} STEP INTERVAL 1 HOUR`;
  const running = `SELECT at, made, ${before} + sum(toInt64(made + seen) - toInt64(gone)) OVER (ORDER BY at) - (toInt64(made + seen) - toInt64(gone)) AS open FROM (${counted})`;
  return `SELECT toDayOfWeek(at, 0, ${zone}) AS weekday, toHour(at, ${zone}) AS hour, round(avg(made), 1) AS creates, max(made) AS most, round(avg(open), 1) AS active, count() AS weeks FROM (${running}) GROUP BY weekday, hour ORDER BY avg(made), active, weekday, hour LIMIT ${values.limit ?? 168}`;
}
