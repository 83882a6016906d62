import { smallest } from '../plot/extremes.js';
import { count, duration, moment, numberOf, words } from './columns.js';
import { LIMIT, NODE, REAL, type Report, SERVICE, SINCE, UNTIL, type Values } from './report.js';
import { endpointText, isWithin, narrowed, serviceText } from './sql.js';

const COLUMNS = ['real_server', 'service', 'begin', 'finish', 'seconds', 'upper', 'lower', 'node'] as const;

/** When real servers were over their upper threshold. */
export const thresholds: Report = {
  name: 'thresholds',
  doc: 'When real servers had more connections than their upper threshold, and got no new ones.',
  more: `
A server is overloaded from the connection that reaches its upper threshold until it has fewer than the lower one (or than three quarters of the upper one).

Examples:
  vslog report thresholds --since 7d
  vslog report thresholds --rs 192.0.2.11:8080 --json`,
  parameters: [{ ...SINCE, fallback: '7d' }, UNTIL, REAL, SERVICE, NODE, LIMIT],
  columns: [
    words('real server', 'real_server'),
    words('virtual service', 'service', { priority: 5 }),
    moment('overloaded', 'begin'),
    moment('until', 'finish'),
    duration('for', 'seconds'),
    count('upper', 'upper', { priority: 3 }),
    count('lower', 'lower', { priority: 4 }),
  ],
  machine: { begin: 'start', finish: 'end', seconds: 'duration_s' },
  question: (values) => ({
    title: 'Overload',
    columns: COLUMNS,
    sql: sql(values),
    none: 'No real server was over its threshold in that time.',
  }),
  plot: (rows, { since, until }) =>
    rows.length === 0
      ? undefined
      : {
          kind: 'spans',
          title: 'overloaded',
          begin:
            since ??
            smallest(
              rows.map((row) => numberOf(row, 'begin')),
              0,
            ),
          end: until ?? Date.now(),
          spans: rows.slice(0, 24).map((row) => ({
            label: String(row.real_server),
            begin: numberOf(row, 'begin'),
            end: row.finish === null ? null : numberOf(row, 'finish'),
            note: '',
          })),
        },
};

function sql(values: Values): string {
  const key = 'node, protocol, family, virtual_addr, virtual_port, fwmark, real_addr, real_port';
  const own = narrowed({ ...values, client: undefined as never }, 'addr', true);
  const settings = `SELECT ${key}, protocol_name, kind, time_ns, sequence, new_value FROM control_events WHERE ${[...own, `kind IN ('overload_on', 'overload_off', 'real_added', 'real_changed', 'real_removed', 'real_snapshot')`].join(' AND ')}`;
  // A server that was removed, or changed so that it is no longer over, has no record of its own end of the overload.
  const window = `WINDOW w AS (PARTITION BY ${key} ORDER BY time_ns, sequence ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), f AS (PARTITION BY ${key} ORDER BY time_ns, sequence ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)`;
  const of = (name: string): string =>
    `toUInt64OrZero(extract(last_value(nullIf(if(startsWith(toString(kind), 'real_'), new_value, ''), '')) OVER w, '${name}=([0-9]+)'))`;
  const found = `SELECT *, ${of('upper')} AS high, ${of('lower')} AS low, minIf(time_ns, kind IN ('overload_off', 'real_removed')) OVER f AS over_at FROM (${settings}) ${window}`;
  const ended = 'toUnixTimestamp64Nano(over_at) != 0';
  return `SELECT ${endpointText('real')} AS real_server, ${serviceText()} AS service, toUnixTimestamp64Milli(time_ns) AS begin, if(${ended}, toUnixTimestamp64Milli(over_at), NULL) AS finish, if(${ended}, (toUnixTimestamp64Nano(over_at) - toUnixTimestamp64Nano(time_ns)) / 1e9, NULL) AS seconds, high AS upper, low AS lower, node FROM (${found}) WHERE kind = 'overload_on' AND ${isWithin(values.since, values.until)} ORDER BY time_ns DESC LIMIT ${values.limit ?? 50}`;
}
