import { count, duration, moment, numberOf, words } from './columns.js';
import { CLIENT, LIMIT, NODE, REAL, type Report, SERVICE, SINCE, UNTIL, type Values } from './report.js';
import { addressText, endpointText, momentLiteral, ofEvents, virtualText } from './sql.js';

const COLUMNS = [
  'real_server',
  'service',
  'client',
  'packets',
  'bytes',
  'connections',
  'clients',
  'first',
  'last',
  'removed',
  'after',
  'ended',
] as const;

/** Packets that were dropped without a word because the real server of their connection was gone. */
export const nodest: Report = {
  name: 'nodest',
  doc: 'Silent drops: packets whose real server is gone, by real server and client, how long after its removal, and what expire_nodest_conn would have done.',
  more: `
With expire_nodest_conn = 0 such a packet is dropped and its connection stays: the client hears nothing and waits. With 1 the connection is ended at the first such packet, and the next
packet is scheduled anew: "would have ended" says how many that would have been.

Examples:
  vslog report nodest --since 7d
  vslog report nodest --by client --rs 192.0.2.11:8080`,
  parameters: [
    SINCE,
    UNTIL,
    { sets: 'by', flag: 'by', argument: 'WHAT', doc: 'a row for each server or client', fallback: 'server', words: ['server', 'client'] },
    REAL,
    SERVICE,
    CLIENT,
    NODE,
    LIMIT,
  ],
  columns: [
    words('real server', 'real_server'),
    words('virtual service', 'service'),
    words('client', 'client'),
    count('packets dropped', 'packets'),
    count('connections', 'connections'),
    count('clients', 'clients'),
    moment('first', 'first'),
    moment('last', 'last'),
    moment('server removed', 'removed'),
    duration('last one after', 'after'),
    count('would have ended', 'ended'),
  ],
  question: (values) => ({
    title: 'Silent drops',
    columns: COLUMNS,
    sql: sql(values),
    none: 'No packet was dropped for that in that time.',
  }),
  plot: (rows, { by }) =>
    rows.length === 0
      ? undefined
      : {
          kind: 'bars',
          title: 'packets dropped',
          unit: 'count',
          bars: rows.slice(0, 20).map((row) => ({
            label: by === 'client' ? `${String(row.client)} > ${String(row.real_server)}` : String(row.real_server),
            parts: [{ name: 'packets', value: numberOf(row, 'packets') }],
          })),
        },
};

function sql(values: Values): string {
  const { limit = 50, until = Date.now() } = values;
  const client = values.by === 'client' ? addressText('client_addr') : `''`;
  const drops = `SELECT node, protocol, virtual_addr, virtual_port, fwmark, real_addr, real_port, ${client} AS who, sum(drop_packets) AS packets, sum(drop_bytes) AS bytes, uniqExactIf((node, conn_id), conn_id != 0) AS connections, uniqExact(client_addr) AS clients, min(if(toUnixTimestamp64Nano(drop_first_ns) = 0, time_ns, drop_first_ns)) AS begun, max(if(toUnixTimestamp64Nano(drop_last_ns) = 0, time_ns, drop_last_ns)) AS done FROM incidents WHERE kind = 'nodest_drop' AND ${ofEvents(values)} GROUP BY ALL`;
  const removals = `SELECT node AS n, real_addr AS a, real_port AS p, max(time_ns) AS at FROM control_events WHERE kind = 'real_removed' AND time_ns < ${momentLiteral(until)} GROUP BY ALL`;
  const gone = 'toUnixTimestamp64Nano(r.at) != 0 AND r.at <= done';
  return `SELECT ${endpointText('real')} AS real_server, ${virtualText()} AS service, who AS client, packets, bytes, connections, clients, toUnixTimestamp64Milli(begun) AS first, toUnixTimestamp64Milli(done) AS last, if(${gone}, toUnixTimestamp64Milli(r.at), NULL) AS removed, if(${gone}, (toUnixTimestamp64Nano(done) - toUnixTimestamp64Nano(r.at)) / 1e9, NULL) AS after, connections AS ended FROM (${drops}) AS d LEFT JOIN (${removals}) AS r ON d.node = r.n AND d.real_addr = r.a AND d.real_port = r.p ORDER BY packets DESC, real_server, client LIMIT ${limit}`;
}
