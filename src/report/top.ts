import { valueText } from '../plot/text.js';
import { numberOf, share, words } from './columns.js';
import { CLIENT, LIMIT, NODE, REAL, type Report, type Row, SERVICE, SINCE, UNTIL, type Values } from './report.js';
import { addressText, endpointText, ofEvents, ofMinutes, presentConnections, viewEndpoint, viewService, virtualText } from './sql.js';

const COLUMNS = ['what', 'value', 'share', 'of'] as const;

/** Who and what has most of something. */
export const top: Report = {
  name: 'top',
  doc: 'Clients, virtual services or real servers with most connections, bytes, packets or drops.',
  more: `
Of services and servers: connections made in that time, bytes and packets of those that ended in it, packets dropped because the real server was gone. Of clients: connections that were
there at some moment of it, with all their bytes and packets.

Examples:
  vslog report top
  vslog report top --by client --of bytes --since 2h
  vslog report top --by vs --of drops --since 7d`,
  parameters: [
    SINCE,
    UNTIL,
    {
      sets: 'by',
      flag: 'by',
      argument: 'WHAT',
      doc: 'client, vs (virtual service) or rs (real server)',
      fallback: 'rs',
      words: ['client', 'vs', 'rs'],
    },
    {
      sets: 'of',
      flag: 'of',
      argument: 'WHAT',
      doc: 'connections, bytes, packets or drops',
      fallback: 'connections',
      words: ['connections', 'bytes', 'packets', 'drops'],
    },
    SERVICE,
    REAL,
    CLIENT,
    NODE,
    { ...LIMIT, fallback: '20' },
  ],
  columns: [
    words('', 'what'),
    { title: 'most', name: 'value', right: true, cell: (row) => valueText(numberOf(row, 'value'), unitOf(row)) },
    words('of', 'of'),
    share('share', 'share'),
  ],
  question: (values) => ({ title: 'Top', columns: COLUMNS, sql: sql(values), none: 'There was nothing in that time.' }),
  plot: (rows, { of = 'connections' }) =>
    rows.length === 0
      ? undefined
      : {
          kind: 'bars',
          title: of,
          unit: of === 'bytes' ? 'bytes' : 'count',
          bars: rows.map((row) => ({ label: String(row.what), parts: [{ name: of, value: numberOf(row, 'value') }] })),
        },
};

const unitOf = (row: Row): 'bytes' | 'count' => (row.of === 'bytes' ? 'bytes' : 'count');

function sql(values: Values): string {
  const { by = 'rs', of = 'connections', limit = 20 } = values;
  // Clients, and services or servers of some clients only, are not in the counts a minute.
  const single = by === 'client' || values.client !== undefined;
  return single ? ofConnections(values, by, of, limit) : ofCounts(values, by, of, limit);
}

function ranked(found: string, of: string, limit: number): string {
  return `SELECT what, value, value / sum(value) OVER () AS share, '${of}' AS of FROM (${found}) WHERE value > 0 ORDER BY value DESC, what LIMIT ${limit}`;
}

function ofCounts(values: Values, by: string, of: string, limit: number): string {
  const sums: Readonly<Record<string, string>> = {
    connections: 'sum(creates)',
    bytes: 'sum(bytes_in + bytes_out)',
    packets: 'sum(packets_in + packets_out)',
    drops: 'sum(drop_packets)',
  };
  const what = by === 'vs' ? virtualText() : endpointText('real');
  return ranked(`SELECT ${what} AS what, ${sums[of]} AS value FROM rs_minute WHERE ${ofMinutes(values)} GROUP BY what`, of, limit);
}

function ofConnections(values: Values, by: string, of: string, limit: number): string {
  if (of === 'drops') {
    const text = by === 'vs' ? virtualText() : by === 'rs' ? endpointText('real') : addressText('client_addr');
    return ranked(
      `SELECT ${text} AS what, sum(drop_packets) AS value FROM incidents WHERE kind = 'nodest_drop' AND ${ofEvents(values)} GROUP BY what`,
      of,
      limit,
    );
  }
  const sums: Readonly<Record<string, string>> = {
    connections: 'count()',
    bytes: 'sum(bytes_in + bytes_out)',
    packets: 'sum(packets_in + packets_out)',
  };
  const where = presentConnections(values);
  if (by !== 'client') {
    const text = by === 'vs' ? viewService() : viewEndpoint('real');
    return ranked(`SELECT ${text} AS what, ${sums[of]} AS value FROM connections WHERE ${where} GROUP BY what`, of, limit);
  }
  // Addresses become text only where they are shown.
  const found = `SELECT client_ip AS ip, ${sums[of]} AS value FROM connections WHERE ${where} GROUP BY ip`;
  return `SELECT ${addressText('ip')} AS what, value, value / total AS share, '${of}' AS of FROM (SELECT ip, value, sum(value) OVER () AS total FROM (${found}) WHERE value > 0 ORDER BY value DESC, ip LIMIT ${limit}) ORDER BY value DESC, ip`;
}
