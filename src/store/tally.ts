import type { HourTally, SequenceSpan } from '../sink/sink.js';
import type { RecordName } from '../spool/segment.js';
import type { Database } from './database.js';
import { quote } from './quote.js';
import { eventNs } from './time-sql.js';

/** What one question covers at most: counting distinct sequences takes memory by the sequence. */
const SEQUENCES = 4_000_000n;
const SPANS = 500;

/** Counts what the tables have of these sequences. The spans must not overlap. */
export async function tally(database: Pick<Database, 'text' | 'placement'>, spans: readonly SequenceSpan[]): Promise<HourTally[]> {
  const found = new Map<string, { -readonly [K in keyof HourTally]: HourTally[K] }>();
  for (const part of parts(spans)) {
    const among = part
      .map(
        ({ node, epoch, first, last }) => `(node = ${quote(node)} AND epoch = ${quote(epoch)} AND sequence BETWEEN ${first} AND ${last})`,
      )
      .join(' OR ');
    const counted = (record: RecordName, table: string): string =>
      `SELECT node, epoch, '${record}' AS record, intDiv(${eventNs('time_ns')}, 3600000000000) * 3600 AS hour, toString(count()) AS events, toString(uniqExact(sequence)) AS distinct FROM ${database.placement.database}.${table} WHERE ${among} GROUP BY node, epoch, hour`;
    const answer = await database.text(
      `${counted('conn', 'conn_events')} UNION ALL ${counted('control', 'control_events')}`,
      'JSONEachRow',
    );
    for (const line of answer.split('\n')) {
      if (line === '') continue;
      const row = JSON.parse(line) as Record<'node' | 'epoch' | 'events' | 'distinct', string> & {
        record: RecordName;
        hour: number | string;
      };
      const { node, epoch, record } = row;
      const hour = Number(row.hour);
      const key = JSON.stringify([node, epoch, record, hour]);
      const one = found.get(key) ?? { node, epoch, record, hour, events: 0, distinct: 0 };
      one.events += Number(row.events);
      one.distinct += Number(row.distinct);
      found.set(key, one);
    }
  }
  return [...found.values()];
}

/** The spans, cut and gathered to questions of a bearable size. */
function* parts(spans: readonly SequenceSpan[]): Generator<SequenceSpan[]> {
  let part: SequenceSpan[] = [];
  let covered = 0n;
  for (const span of spans) {
    for (let first = span.first; first <= span.last; ) {
      const room = SEQUENCES - covered;
      const last = span.last - first + 1n <= room ? span.last : first + room - 1n;
      part.push({ ...span, first, last });
      covered += last - first + 1n;
      first = last + 1n;
      if (covered >= SEQUENCES || part.length >= SPANS) {
        yield part;
        part = [];
        covered = 0n;
      }
    }
  }
  if (part.length > 0) yield part;
}
