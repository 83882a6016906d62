import type { LostSpan } from '../sink/sink.js';
import type { RecordName } from '../spool/segment.js';
import type { Database } from './database.js';
import { quote } from './quote.js';

/** So many rows go into one statement. */
const ROWS = 1000;
const TABLE: Readonly<Record<RecordName, string>> = { conn: 'conn_events', control: 'control_events' };

/** Events that the ledger says were taken, and are not all there. */
export interface LostRun extends LostSpan {
  /** Events of the span when it was whole. */
  readonly count: number;
}

/** A run of the ledger of which rows are missing. */
interface Short {
  readonly node: string;
  readonly epoch: string;
  readonly segment: string;
  readonly first: string;
  readonly last: string;
  readonly count: string;
  readonly found: string;
  /** When what comes after it in its epoch happened, seconds since 1970; 0: nothing comes after it. */
  readonly next: number;
}

/**
 * What of a record type the ledger has and the table has not, but for what is older than `keptSince` (seconds since 1970), which went as it should. The ledger has no times:
 * when something happened is known by what comes after it in its epoch, and by the beginning of the node's next epoch.
 */
export async function missingByLedger(
  database: Pick<Database, 'text' | 'placement'>,
  record: RecordName,
  keptSince: number,
): Promise<LostRun[]> {
  const short = await shortRuns(database, record);
  const epochs = await database.text(`SELECT DISTINCT epoch FROM ${database.placement.database}.batches`);
  const begins = epochs
    .split('\n')
    .map(beginOf)
    .sort((a, b) => a - b);
  const until = ({ epoch, next }: Short): number =>
    next !== 0 ? next : (begins.find((begin) => begin > beginOf(epoch)) ?? Number.POSITIVE_INFINITY);
  return short
    .filter((run) => until(run) >= keptSince)
    .map(({ node, epoch, first, last, count, found }) => ({
      ...{ node, epoch, record },
      first: BigInt(first),
      last: BigInt(last),
      count: Number(count),
      missing: Number(count) - Number(found),
    }));
}

/** Makes the ledger say what is there, so that a delivery of what is missing is none of something that is there already. */
export async function amendLedger(database: Pick<Database, 'text' | 'write' | 'placement'>, record: RecordName): Promise<void> {
  const short = await shortRuns(database, record);
  for (let at = 0; at < short.length; at += ROWS) {
    const rows = short
      .slice(at, at + ROWS)
      .map(
        ({ node, epoch, segment, first, last, found }) =>
          `(${quote(node)}, ${quote(epoch)}, '${record}', ${segment}, ${first}, ${last}, ${found}, '')`,
      );
    await database.write(
      `INSERT INTO ${database.placement.database}.batches (node, epoch, record, segment, first, last, count, sha256) SETTINGS async_insert = 0 VALUES ${rows.join(', ')}`,
    );
  }
}

/** How many events of each run are missing now. */
export async function stillMissing(database: Pick<Database, 'text' | 'placement'>, runs: readonly LostRun[]): Promise<LostRun[]> {
  const left: LostRun[] = [];
  for (const run of runs) {
    const { node, epoch, record, first, last, count } = run;
    const found = await database.text(
      `SELECT count() FROM ${database.placement.database}.${TABLE[record]} WHERE node = ${quote(node)} AND epoch = ${quote(epoch)} AND sequence BETWEEN ${first} AND ${last}`,
    );
    left.push({ ...run, missing: Math.max(0, count - Number(found)) });
  }
  return left;
}

async function shortRuns(asked: Pick<Database, 'text' | 'placement'>, record: RecordName): Promise<Short[]> {
  const { database } = asked.placement;
  const ledger = `SELECT node, epoch, any(segment) AS segment, first, any(last) AS last, any(count) AS count FROM (SELECT * FROM ${database}.batches FINAL WHERE record = '${record}') GROUP BY node, epoch, first`;
  const events = `SELECT toString(node) AS node, toString(epoch) AS epoch, sequence FROM ${database}.${TABLE[record]}`;
  const found = `SELECT b.node AS node, b.epoch AS epoch, b.first AS first, countIf(e.sequence <= b.last) AS found FROM (${events}) AS e ASOF INNER JOIN (SELECT node, epoch, first, last FROM (${ledger})) AS b ON e.node = b.node AND e.epoch = b.epoch AND e.sequence >= b.first GROUP BY node, epoch, first`;
  const short = `SELECT l.node AS node, l.epoch AS epoch, l.segment AS segment, l.first AS first, l.last AS last, l.count AS count, f.found AS found FROM (${ledger}) AS l LEFT JOIN (${found}) AS f ON l.node = f.node AND l.epoch = f.epoch AND l.first = f.first WHERE f.found < l.count`;
  // Records of the other kind share the epoch's sequences.
  const known = `SELECT toString(node) AS node, toString(epoch) AS epoch, sequence, toUnixTimestamp(time_ns) AS time FROM ${database}.control_events UNION ALL SELECT toString(node), toString(epoch), min(sequence), toUnixTimestamp(argMin(time_ns, sequence)) FROM ${database}.conn_events GROUP BY node, epoch`;
  const answer = await asked.text(
    `SELECT s.node AS node, s.epoch AS epoch, toString(s.segment) AS segment, toString(s.first) AS first, toString(s.last) AS last, toString(s.count) AS count, toString(s.found) AS found, k.time AS next FROM (${short}) AS s ASOF LEFT JOIN (${known}) AS k ON s.node = k.node AND s.epoch = k.epoch AND s.last < k.sequence ORDER BY s.node, s.epoch, s.first`,
    'JSONEachRow',
  );
  return answer
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Short);
}

/** When an epoch begins, seconds since 1970, by its name, which ends so in milliseconds; minus infinity: its name does not say. */
function beginOf(epoch: string): number {
  const ms = /-(\d{13})$/.exec(epoch)?.[1];
  return ms === undefined ? Number.NEGATIVE_INFINITY : Number(ms) / 1000;
}
