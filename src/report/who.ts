import { bytes, duration, moment, numberOf, words } from './columns.js';
import { CLIENT, LIMIT, NODE, REAL, type Report, SERVICE, SINCE, UNTIL } from './report.js';
import { presentConnections, viewEndpoint, viewService } from './sql.js';

const COLUMNS = ['client', 'service', 'real_server', 'begin', 'finish', 'seconds', 'fate', 'bytes', 'quiesced', 'node', 'conn_id'] as const;
/** So many lines fit into a picture. */
const PICTURED = 24;

/** Which client was on which real server, when, and how it ended. */
export const who: Report = {
  name: 'who',
  doc: 'Which client was on which real server, from when to when, and why it ended.',
  more: `
Every connection that was there at some moment of the time asked for, open ones too, in the order of their beginning. Templates of persistence are no connections.

Examples:
  vslog report who --rs 192.0.2.11:8080 --since 2026-01-31T12:00 --until 2026-01-31T12:05
  vslog report who --client 198.51.100.7 --since 7d --json`,
  parameters: [{ ...SINCE, fallback: '1h' }, UNTIL, REAL, CLIENT, SERVICE, NODE, LIMIT],
  columns: [
    words('client', 'client'),
    words('virtual service', 'service'),
    words('real server', 'real_server'),
    moment('from', 'begin'),
    moment('until', 'finish'),
    duration('lasted', 'seconds'),
    words('end', 'fate'),
    bytes('bytes', 'bytes'),
  ],
  question: (values) => ({
    title: 'Who was there',
    columns: COLUMNS,
    none: 'Nobody was there in that time.',
    // Inside by other names: an alias of ClickHouse hides the column of that name everywhere in a query.
    sql: `SELECT ${viewEndpoint('client')} AS client, ${viewService()} AS service, ${viewEndpoint('real')} AS real_server, toUnixTimestamp64Milli(start) AS begin, if(is_open, NULL, toUnixTimestamp64Milli(assumeNotNull(end))) AS finish, if(is_open, NULL, (toUnixTimestamp64Nano(assumeNotNull(end)) - toUnixTimestamp64Nano(start)) / 1e9) AS seconds, if(is_open, concat('open, ', state_name), toString(reason)) AS fate, bytes_in + bytes_out AS bytes, quiesced, node, toString(conn_id) AS conn_id FROM connections WHERE ${presentConnections(values)} ORDER BY start, client LIMIT ${values.limit ?? 50}`,
  }),
  plot: (rows, { since, until }) =>
    rows.length === 0
      ? undefined
      : {
          kind: 'spans',
          title: rows.length > PICTURED ? `the first ${PICTURED} of them` : 'when they were there',
          begin: since ?? numberOf(rows[0] ?? {}, 'begin'),
          end: until ?? Date.now(),
          spans: rows.slice(0, PICTURED).map((row) => ({
            label: String(row.client),
            begin: numberOf(row, 'begin'),
            end: row.finish === null ? null : numberOf(row, 'finish'),
            note: String(row.fate),
          })),
        },
};
