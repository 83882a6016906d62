import { outcomeText } from '../outcome/outcome.js';
import { bytes, duration, moment, numberOf, words } from './columns.js';
import { CLIENT, LIMIT, NODE, OUTCOME, REAL, type Report, type Row, SERVICE, SINCE, UNTIL, type Values } from './report.js';
import { presentConnections, viewEndpoint, viewService } from './sql.js';

const COLUMNS = [
  'client',
  'service',
  'real_server',
  'begin',
  'finish',
  'seconds',
  'outcome',
  'state',
  'reason',
  'bytes',
  'quiesced',
  'node',
  'conn_id',
] as const;
/** So many lines fit into a picture. */
const PICTURED = 24;

/** `closed`; `open, ESTABLISHED` where the state of now is known. */
function outcomeCell({ outcome, state }: Row): string {
  const text = outcomeText(String(outcome));
  return outcome === 'open' && state !== '' ? `${text}, ${String(state)}` : text;
}

/** Which client was on which real server, when, and how it ended. */
export const who: Report = {
  name: 'who',
  live: true,
  doc: 'Which client was on which real server, from when to when, and how it ended.',
  more: `
Every connection that was there at some moment of the time asked for, the newest first. An open one has its state of now, where the capture can be asked.
Templates of persistence are no connections. The report "reasons" tells what each outcome means.

Examples:
  vslog report who --rs 192.0.2.11:8080 --since 2026-01-31T12:00 --until 2026-01-31T12:05
  vslog report who --client 198.51.100.7 --since 7d --json`,
  parameters: [{ ...SINCE, fallback: '1h' }, UNTIL, REAL, CLIENT, SERVICE, OUTCOME, NODE, LIMIT],
  columns: [
    words('client', 'client'),
    words('virtual service', 'service', { priority: 5 }),
    words('real server', 'real_server'),
    moment('from', 'begin'),
    moment('until', 'finish', { priority: 4 }),
    duration('lasted', 'seconds', { priority: 3 }),
    { title: 'outcome', name: 'outcome', cell: outcomeCell },
    bytes('bytes', 'bytes', { priority: 6 }),
    words('state', 'state', { wide: true }),
    words('reason', 'reason', { wide: true }),
    words('director', 'node', { wide: true }),
    words('connection', 'conn_id', { wide: true }),
  ],
  question: (values) => ({
    title: 'Who was there',
    columns: COLUMNS,
    none: 'Nobody was there in that time.',
    // Inside by other names: an alias of ClickHouse hides the column of that name everywhere in a query.
    sql: `SELECT ${viewEndpoint('client')} AS client, ${viewService()} AS service, ${viewEndpoint('real')} AS real_server, toUnixTimestamp64Milli(start) AS begin, if(is_open, NULL, toUnixTimestamp64Milli(assumeNotNull(end))) AS finish, if(is_open, NULL, (toUnixTimestamp64Nano(assumeNotNull(end)) - toUnixTimestamp64Nano(start)) / 1e9) AS seconds, toString(outcome) AS outcome, if(is_open, '', state_name) AS state, toString(reason) AS reason, bytes_in + bytes_out AS bytes, quiesced, node, toString(conn_id) AS conn_id FROM connections WHERE ${where(values)} ORDER BY start DESC, client LIMIT ${values.limit ?? 50}`,
  }),
  plot: (rows, { since, until }) =>
    rows.length === 0
      ? undefined
      : {
          kind: 'spans',
          title: rows.length > PICTURED ? `newest ${PICTURED} connections` : 'when they were there',
          begin: since ?? numberOf(rows[0] ?? {}, 'begin'),
          end: until ?? Date.now(),
          spans: rows.slice(0, PICTURED).map((row) => ({
            label: String(row.client),
            begin: numberOf(row, 'begin'),
            end: row.finish === null ? null : numberOf(row, 'finish'),
            note: outcomeCell(row),
          })),
        },
};

/** An open one is told apart by is_open: its row has no outcome of its own. */
function where(values: Values): string {
  const { outcome } = values;
  const own = outcome === undefined ? [] : [outcome === 'open' ? 'is_open' : `NOT is_open AND outcome = '${outcome}'`];
  return [presentConnections(values), ...own].join(' AND ');
}
