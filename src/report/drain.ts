import { count, duration, moment, numberOf, words } from './columns.js';
import { LIMIT, NODE, REAL, type Report, SERVICE, SINCE, UNTIL, type Values } from './report.js';
import { endpointText, momentLiteral, narrowed, serviceText } from './sql.js';

const COLUMNS = ['began', 'real_server', 'service', 'held', 'seconds', 'left', 'cut', 'until', 'how', 'command', 'node'] as const;

/** When real servers were quiesced, and how long it took until nobody was on them. */
export const drain: Report = {
  name: 'drain',
  doc: 'The history of drains: when a real server was quiesced, how many connections it had then, how long until it was empty, and who did it.',
  more: `
"empty after" counts from weight 0 to the end of the last connection that was there then; nothing while one is still open, or outlived the drain. "left" are those that were there when
the drain ended, by a new weight or by removal. "cut" were established and ended otherwise than by themselves.

Examples:
  vslog report drain --since 30d
  vslog report drain --rs 192.0.2.11:8080 --json`,
  parameters: [{ ...SINCE, fallback: '7d' }, UNTIL, REAL, SERVICE, NODE, LIMIT],
  columns: [
    moment('quiesced', 'began'),
    words('real server', 'real_server'),
    words('virtual service', 'service', { priority: 6 }),
    count('connections', 'held'),
    duration('empty after', 'seconds'),
    count('left', 'left'),
    count('cut', 'cut'),
    moment('drain ended', 'until', { priority: 5 }),
    words('by', 'how', { priority: 4 }),
    words('who', 'command', { min: 12, priority: 3 }),
    words('director', 'node', { wide: true }),
  ],
  machine: { began: 'start', until: 'end', seconds: 'empty_after_s', held: 'connections' },
  question: (values) => ({ title: 'Drains', columns: COLUMNS, sql: sql(values), none: 'No real server was quiesced in that time.' }),
  plot: (rows) => {
    const done = rows.filter(({ seconds }) => seconds !== null);
    if (done.length === 0) return undefined;
    return {
      kind: 'bars',
      title: 'how long until empty',
      unit: 'seconds',
      bars: done.map((row) => ({ label: String(row.real_server), parts: [{ name: 'seconds', value: numberOf(row, 'seconds') }] })),
    };
  },
};

function sql(values: Values): string {
  const { since = 0, until = Date.now(), limit = 50 } = values;
  const own = [
    ...narrowed({ ...values, client: undefined as never }, 'addr', true),
    `kind IN ('real_added', 'real_changed', 'real_removed', 'real_snapshot')`,
  ].join(' AND ');
  // Every change of a weight, and the next one of the same real server of the same service.
  const key = 'node, protocol, family, virtual_addr, virtual_port, fwmark, real_addr, real_port';
  const changes = `SELECT ${key}, protocol_name, time_ns AS at, kind, extract(new_value, 'weight=(-?[0-9]+)') AS weight, extract(old_value, 'weight=(-?[0-9]+)') AS weight_before, command AS line, leadInFrame(time_ns) OVER w AS next_at, leadInFrame(toString(kind)) OVER w AS next_kind, leadInFrame(weight) OVER w AS next_weight FROM control_events WHERE ${own} AND (kind != 'real_changed' OR weight != weight_before) WINDOW w AS (PARTITION BY ${key} ORDER BY time_ns, sequence ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)`;
  const drains = `SELECT cityHash64(${key}, at) AS nr, ${key}, protocol_name, at, next_at, next_kind, next_weight, line FROM (${changes}) WHERE kind = 'real_changed' AND weight = '0' AND at >= ${momentLiteral(since)} AND at < ${momentLiteral(until)}`;
  const over = 'toUnixTimestamp64Nano(d.next_at) != 0';
  // Only connections of these real servers that were there at some moment from the first of the drains on.
  const candidates = `SELECT node, real_ip, real_port, virtual_ip, virtual_port, fwmark, protocol, start, end, is_open, is_cut FROM connections WHERE real_ip IN (SELECT real_addr FROM (${drains})) AND start < ${momentLiteral(until)} AND (end >= (SELECT min(at) FROM (${drains})) OR is_open) AND NOT is_template`;
  const same = `c.node = d.node AND c.real_ip = d.real_addr AND c.real_port = d.real_port`;
  const present = `c.start <= d.at AND (c.is_open OR c.end > d.at) AND if(d.fwmark != 0, c.fwmark = d.fwmark, c.virtual_ip = d.virtual_addr AND c.virtual_port = d.virtual_port AND c.protocol = d.protocol)`;
  const held = `SELECT d.nr AS nr, countIf(${present}) AS n, maxIf(assumeNotNull(c.end), ${present} AND NOT c.is_open) AS last, countIf(${present} AND ((c.is_open AND NOT (${over})) OR (${over} AND (c.is_open OR c.end > d.next_at)))) AS remaining, countIf(${present} AND NOT c.is_open AND c.is_cut AND (NOT (${over}) OR c.end <= d.next_at)) AS ended_otherwise FROM (${drains}) AS d INNER JOIN (${candidates}) AS c ON ${same} GROUP BY d.nr`;
  return `SELECT toUnixTimestamp64Milli(d.at) AS began, ${endpointText('real')} AS real_server, ${serviceText()} AS service, h.n AS held, if(h.remaining > 0, NULL, if(h.n = 0, 0, (toUnixTimestamp64Nano(h.last) - toUnixTimestamp64Nano(d.at)) / 1e9)) AS seconds, h.remaining AS left, h.ended_otherwise AS cut, if(${over}, toUnixTimestamp64Milli(d.next_at), NULL) AS until, multiIf(NOT (${over}), 'still quiesced', d.next_kind = 'real_removed', 'removed', concat('weight ', d.next_weight)) AS how, d.line AS command, d.node AS node FROM (${drains}) AS d LEFT JOIN (${held}) AS h ON d.nr = h.nr ORDER BY began DESC LIMIT ${limit}`;
}
