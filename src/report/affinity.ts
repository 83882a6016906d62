import { count, moment, numberOf, words } from './columns.js';
import { CLIENT, LIMIT, NODE, REAL, type Report, SERVICE, SINCE, UNTIL, type Values } from './report.js';
import { addressText, endpointText, ofEvents, virtualText } from './sql.js';

const COLUMNS = ['real_server', 'service', 'client', 'connections', 'templates', 'first', 'last'] as const;

/** Persistence that keeps feeding a real server which was quiesced. */
export const affinity: Report = {
  name: 'affinity',
  doc: 'Persistence feeding quiesced real servers: which clients come back to a server that has weight 0.',
  more: `
A template sends its client to the same real server even while that has weight 0, until the template has timed out; expire_quiescent_template = 1 ends that at the next new connection.

Examples:
  vslog report affinity --since 2h
  vslog report affinity --rs 192.0.2.11:8080 --limit 500`,
  parameters: [SINCE, UNTIL, REAL, SERVICE, CLIENT, NODE, LIMIT],
  columns: [
    words('real server', 'real_server'),
    words('virtual service', 'service', { priority: 5 }),
    words('client', 'client'),
    count('connections while quiesced', 'connections'),
    count('templates', 'templates', { priority: 6 }),
    moment('first', 'first', { priority: 4 }),
    moment('last', 'last', { priority: 3 }),
  ],
  question: (values) => ({
    title: 'Persistence and quiesced servers',
    columns: COLUMNS,
    sql: sql(values),
    none: 'Persistence sent nobody to a quiesced real server in that time.',
  }),
  plot: (rows) =>
    rows.length === 0
      ? undefined
      : {
          kind: 'bars',
          title: 'connections to quiesced servers, by client',
          unit: 'count',
          bars: rows.slice(0, 20).map((row) => ({
            label: `${String(row.client)} > ${String(row.real_server)}`,
            parts: [{ name: 'connections', value: numberOf(row, 'connections') }],
          })),
        },
};

function sql(values: Values): string {
  const found = `SELECT protocol, virtual_addr, virtual_port, fwmark, real_addr, real_port, client_addr, count() AS connections, uniqExactIf(template_id, template_id != 0) AS templates, min(time_ns) AS begun, max(time_ns) AS done FROM incidents WHERE kind = 'create' AND ${ofEvents(values)} AND scheduled_by = 'persistence' GROUP BY ALL`;
  return `SELECT ${endpointText('real')} AS real_server, ${virtualText()} AS service, ${addressText('client_addr')} AS client, connections, templates, toUnixTimestamp64Milli(begun) AS first, toUnixTimestamp64Milli(done) AS last FROM (${found}) ORDER BY connections DESC, real_server, client LIMIT ${values.limit ?? 50}`;
}
