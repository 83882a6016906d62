import { quote } from '../store/quote.js';
import { bytes, count, moment, numberOf, series, words } from './columns.js';
import { NODE, REAL, type Report, type Row, SERVICE, SINCE, UNTIL, type Values } from './report.js';
import { forgottenConnections, isWithin, momentLiteral, narrowed, ofMinutes, pieceOf, stepOf } from './sql.js';

const COLUMNS = ['at', 'creates', 'quiesced', 'ends', 'cut', 'active', 'drops', 'bytes', 'changes', 'step'] as const;

/** A real server's story. */
export const rs: Report = {
  name: 'rs',
  doc: "A real server's story: connections made, ended, open; packets dropped; its weight and every change of it.",
  more: `
"cut" were established, and something other than their two ends ended them: server removed, flushed, defence, replaced, capture stopped. "at weight 0" are connections that came although it was quiesced, by persistence.
"open then" is at the end of the row's time. What was open when a capture started that remembers nothing is open no longer from then on, and counts as ended nowhere: nobody knows its end.
What such a capture finds there counts from then on; but twice if its beginning is known (source conntrack, with timestamps) and before the time asked for.

Examples:
  vslog report rs --rs 192.0.2.11:8080 --since 7d
  vslog report rs --rs 192.0.2.11:8080 --json`,
  parameters: [{ ...REAL, required: true }, SINCE, UNTIL, SERVICE, NODE],
  columns: [
    moment('from', 'at'),
    count('new', 'creates'),
    count('at weight 0', 'quiesced', { priority: 5 }),
    count('ended', 'ends'),
    count('cut', 'cut'),
    count('open then', 'active'),
    count('drops', 'drops', { priority: 4 }),
    bytes('bytes', 'bytes', { priority: 6 }),
    words('changes', 'changes', { min: 12, priority: 3 }),
  ],
  machine: { at: 'start', quiesced: 'creates_quiesced', cut: 'ends_cut', active: 'open', drops: 'drop_packets', step: 'step_s' },
  question: (values) => ({ title: 'Its story', columns: COLUMNS, sql: sql(values), none: 'The log has nothing of it in that time.' }),
  plot: (rows, values) => {
    if (rows.length === 0) return undefined;
    const step = stepOf(values) * 1000;
    const { begin, values: found } = series(rows, step, ['creates', 'cut', 'active', 'drops'], new Set(['active']));
    const line = (name: string, column: string) => ({ name, unit: 'count' as const, values: found.get(column) ?? [] });
    return {
      kind: 'lines',
      title: 'over time',
      begin,
      step,
      lines: [{ ...line('open', 'active'), level: true }, line('new', 'creates'), line('cut', 'cut'), line('drops', 'drops')],
      marks: rows
        .filter(({ changes }) => changes !== '')
        .map((row: Row) => ({ at: numberOf(row, 'at'), text: markText(String(row.changes)) })),
    };
  },
};

/** What happened in one piece of time as a mark: the first, and how many more. */
function markText(changes: string): string {
  const [first = '', ...more] = changes.split('; ');
  return `${first.replace(/^\d\d:\d\d /, '')}${more.length === 0 ? '' : `, and ${more.length} more`}`;
}

function sql(values: Values): string {
  const { since = 0, until = Date.now() } = values;
  const step = stepOf(values);
  const own = narrowed(values, 'ip').join(' AND ');
  // What was open when the time begins; after that it goes up and down with beginnings and ends.
  const before = `(SELECT count() FROM connections WHERE ${own} AND NOT is_template AND start < toStartOfMinute(${momentLiteral(since)}) AND (end >= toStartOfMinute(${momentLiteral(since)}) OR is_open))`;
  const minutes = `SELECT ${pieceOf('minute', step)} AS at, creates AS c, creates_quiesced AS q, snapshots AS s, rs_minute.ends AS e, ends_cut AS k, drop_packets AS d, bytes_in + bytes_out AS b, 0 AS f, '' AS text, toDateTime64(0, 9) AS moment FROM rs_minute WHERE ${ofMinutes(values)}`;
  const forgotten = `SELECT ${pieceOf('assumeNotNull(end)', step)} AS at, 0 AS c, 0 AS q, 0 AS s, 0 AS e, 0 AS k, 0 AS d, 0 AS b, count() AS f, '' AS text, toDateTime64(0, 9) AS moment FROM connections WHERE ${forgottenConnections(values)} GROUP BY at`;
  const described = `multiIf(kind = 'real_added', concat('added, ', new_value), kind = 'real_removed', 'removed', kind = 'real_changed', concat(arrayStringConcat(arrayFilter(x -> NOT has(splitByChar(' ', new_value), x), splitByChar(' ', old_value)), ' '), ' → ', arrayStringConcat(arrayFilter(x -> NOT has(splitByChar(' ', old_value), x), splitByChar(' ', new_value)), ' ')), kind = 'overload_on', 'overloaded', 'no longer overloaded')`;
  const changes = `SELECT ${pieceOf('time_ns', step)} AS at, 0 AS c, 0 AS q, 0 AS s, 0 AS e, 0 AS k, 0 AS d, 0 AS b, 0 AS f, concat(formatDateTime(time_ns, '%H:%i', ${quote(values.zone ?? 'UTC')}), ' ', ${described}) AS text, time_ns AS moment FROM control_events WHERE ${[...narrowed(values, 'addr', true), isWithin(since, until)].join(' AND ')} AND kind IN ('real_added', 'real_changed', 'real_removed', 'overload_on', 'overload_off')`;
  const pieces = `SELECT at, sum(c) AS creates, sum(q) AS quiesced, sum(s) AS seen, sum(e) AS ends, sum(k) AS cut, sum(d) AS drops, sum(b) AS bytes, sum(f) AS forgotten, arrayStringConcat(arrayMap(x -> x.2, arraySort(groupArrayIf((moment, text), text != ''))), '; ') AS changes FROM (${minutes} UNION ALL ${forgotten} UNION ALL ${changes}) GROUP BY at`;
  return `SELECT at, creates, quiesced, ends, cut, ${before} + sum(toInt64(creates + seen) - toInt64(ends + forgotten)) OVER (ORDER BY at) AS active, drops, bytes, changes, ${step} AS step FROM (${pieces}) ORDER BY at`;
}
