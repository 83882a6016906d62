import { count, numberOf, words } from './columns.js';
import { CLIENT, LIMIT, NODE, type Report, SERVICE, SINCE, UNTIL, type Values } from './report.js';
import { momentLiteral, presentConnections, viewEndpoint, viewService } from './sql.js';

const COLUMNS = ['service', 'real_server', 'reused', 'ended_by_it', 'elsewhere', 'at_once', 'clients'] as const;

/** Clients that use a port again soon after a connection from it. */
export const reuse: Report = {
  name: 'reuse',
  doc: 'Port reuse: new connections from the same client address and port to the same service soon after the one before, and what became of the old entry.',
  more: `
With conn_reuse_mode a SYN that meets an entry in TIME_WAIT or FIN_WAIT is scheduled anew, and the old entry is ended for it ("ended for it", reason expire_now). Without, it goes to the
same real server through the old entry: then the log has one connection, and nothing is here. "elsewhere" went to another real server than the one before; "at once" began within 1 s. With one-packet scheduling every datagram is a connection of its own, which is no reuse: those are left out.

Examples:
  vslog report reuse --since 2h
  vslog report reuse --within 10 --vs 192.0.2.1:80`,
  parameters: [
    { ...SINCE, fallback: '2h' },
    UNTIL,
    { sets: 'within', flag: 'within', argument: 'SECONDS', doc: 'so soon after the end of the one before', fallback: '120' },
    SERVICE,
    CLIENT,
    NODE,
    LIMIT,
  ],
  columns: [
    words('virtual service', 'service', { priority: 5 }),
    words('real server', 'real_server'),
    count('reused', 'reused'),
    count('old ended for it', 'ended_by_it'),
    count('elsewhere', 'elsewhere'),
    count('at once', 'at_once', { priority: 6 }),
    count('clients', 'clients', { priority: 4 }),
  ],
  question: (values) => ({
    title: 'Port reuse',
    columns: COLUMNS,
    sql: sql(values),
    none: 'No client used a port again so soon in that time.',
  }),
  plot: (rows) =>
    rows.length === 0
      ? undefined
      : {
          kind: 'bars',
          title: 'reused ports, by real server of the new connection',
          unit: 'count',
          bars: rows.slice(0, 20).map((row) => ({
            label: String(row.real_server),
            parts: [
              { name: 'same server', value: numberOf(row, 'reused') - numberOf(row, 'elsewhere') },
              { name: 'elsewhere', value: numberOf(row, 'elsewhere') },
            ],
          })),
        },
};

function sql(values: Values): string {
  const { within = 120, since, limit = 50 } = values;
  // Who used the port before may have gone before the time asked for began.
  const read = since === undefined ? values : { ...values, since: since - within * 1000 };
  const isNew = since === undefined ? 'true' : `start >= ${momentLiteral(since)}`;
  const tuple = 'node, client_ip, client_port, protocol, virtual_ip, virtual_port, fwmark';
  const all = `SELECT ${tuple}, real_ip, real_port, start, end, reason, ${viewService()} AS service, ${viewEndpoint('real')} AS server FROM connections WHERE reason != 'one_packet' AND ${presentConnections(read)}`;
  const before = (what: string): string => `lagInFrame(${what}) OVER w`;
  const found = `SELECT *, ${before('start')} AS start_before, ${before("ifNull(end, toDateTime64(0, 9, 'UTC'))")} AS end_before, ${before('reason')} AS reason_before, ${before('real_ip')} AS real_before, ${before('real_port')} AS port_before FROM (${all}) WINDOW w AS (PARTITION BY ${tuple} ORDER BY start ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)`;
  const gap = '(toUnixTimestamp64Nano(start) - toUnixTimestamp64Nano(end_before)) / 1e9';
  return `SELECT service, server AS real_server, count() AS reused, countIf(reason_before = 'expire_now') AS ended_by_it, countIf(real_before != real_ip OR port_before != real_port) AS elsewhere, countIf(${gap} < 1) AS at_once, uniqExact(client_ip) AS clients FROM (${found}) WHERE toUnixTimestamp64Nano(start_before) != 0 AND toUnixTimestamp64Nano(end_before) != 0 AND ${gap} < ${within} AND ${isNew} GROUP BY service, real_server ORDER BY reused DESC, service, real_server LIMIT ${limit}`;
}
