import { count, duration, moment, numberOf, words } from './columns.js';
import { CLIENT, LIMIT, NODE, REAL, type Report, SERVICE, SINCE, UNTIL, type Values } from './report.js';
import { addressText, endpointText, ofEvents, virtualText } from './sql.js';

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
  'spared',
] as const;

/** Packets that were dropped without a word because the real server of their connection was gone. */
export const nodest: Report = {
  name: 'nodest',
  doc: 'Silent drops: packets whose real server is gone, by real server and client, how long after its removal, and what expire_nodest_conn would have done.',
  more: `
With expire_nodest_conn = 0 such a packet is dropped and its connection stays: the client hears nothing and waits. With 1 the connection is ended at the first such packet, and the next
packet is scheduled anew: "would be spared" counts the packets after the first one of each connection. A row is of one removal: the last one before its packets came.

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
    words('virtual service', 'service', { priority: 5 }),
    words('client', 'client'),
    count('packets dropped', 'packets'),
    count('connections', 'connections'),
    count('clients', 'clients', { priority: 7 }),
    moment('first', 'first', { priority: 6 }),
    moment('last', 'last', { priority: 4 }),
    moment('server removed', 'removed', { priority: 3 }),
    duration('last one after', 'after', { priority: 8 }),
    count('would be spared', 'spared', { priority: 9 }),
  ],
  question: (values) => ({
    title: 'Silent drops',
    columns: COLUMNS,
    sql: sql(values),
    none: 'No packets were dropped for this reason in this period.',
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
  const { limit = 50 } = values;
  const client = values.by === 'client' ? addressText('client_addr') : `''`;
  const key = 'node, protocol, virtual_addr, virtual_port, fwmark, real_addr, real_port';
  const own = `kind = 'nodest_drop' AND ${ofEvents(values)}`;
  // A service or server without a port serves every port: connections carry the port that the client used.
  const isSame =
    'if(k.fwmark != 0, r.fwmark = k.fwmark, r.fwmark = 0 AND r.protocol = k.protocol AND r.virtual_addr = k.virtual_addr AND r.virtual_port IN (0, k.virtual_port)) AND (r.real_port = k.real_port OR r.real_port = 0 AND k.real_port = k.virtual_port)';
  const dropped = `SELECT DISTINCT ${key} FROM incidents WHERE ${own}`;
  const removed = `SELECT ${key}, time_ns FROM control_events WHERE kind = 'real_removed'`;
  const columns = key
    .split(', ')
    .map((name) => `k.${name} AS ${name}`)
    .join(', ');
  const removals = `SELECT ${columns}, r.time_ns AS at FROM (${dropped}) AS k INNER JOIN (${removed}) AS r ON k.node = r.node AND k.real_addr = r.real_addr WHERE ${isSame}`;
  const drops = `SELECT ${key}, client_addr, conn_id, drop_packets, drop_bytes, if(toUnixTimestamp64Nano(drop_first_ns) = 0, time_ns, drop_first_ns) AS begun, if(toUnixTimestamp64Nano(drop_last_ns) = 0, time_ns, drop_last_ns) AS done FROM incidents WHERE ${own}`;
  const joined = key
    .split(', ')
    .map((name) => `d.${name} = r.${name}`)
    .join(' AND ');
  const rows = `SELECT ${key}, ${client} AS who, r.at AS at, sum(drop_packets) AS packets, sum(drop_bytes) AS bytes, uniqExactIf(conn_id, conn_id != 0) AS connections, uniqExact(client_addr) AS clients, min(begun) AS begin, max(done) AS finish FROM (${drops}) AS d ASOF LEFT JOIN (${removals}) AS r ON ${joined} AND d.begun >= r.at GROUP BY ALL`;
  const known = 'toUnixTimestamp64Nano(at) != 0';
  return `SELECT ${endpointText('real')} AS real_server, ${virtualText()} AS service, who AS client, packets, bytes, connections, clients, toUnixTimestamp64Milli(begin) AS first, toUnixTimestamp64Milli(finish) AS last, if(${known}, toUnixTimestamp64Milli(at), NULL) AS removed, if(${known}, (toUnixTimestamp64Nano(finish) - toUnixTimestamp64Nano(at)) / 1e9, NULL) AS after, packets - least(packets, connections) AS spared FROM (${rows}) ORDER BY packets DESC, real_server, client, removed LIMIT ${limit}`;
}
