import type { RecordName } from '../spool/segment.js';
import type { Column } from './columns.js';
import { contentColumns, contentOf, HOUR_SQL, hashesOf, rowHash } from './content.js';
import type { Database } from './database.js';
import { quote } from './quote.js';

/** Segments whose ledger entries are written in one statement. */
const AT_ONCE = 500;

/** The ledger's columns, but for what erasing changes. */
const SAME = 'node, epoch, record, segment, first, last, count, sha256, formula, hours, hour_events';

/** A segment's entry in the ledger that has its content. */
interface Entry {
  readonly node: string;
  readonly epoch: string;
  readonly record: RecordName;
  readonly segment: string;
  readonly sha256: string;
  readonly formula: string;
  readonly first: string;
  readonly hours: readonly string[];
  readonly hashes: readonly string[];
  readonly pending: readonly string[];
}

/**
 * Writes into the ledger what the rows of segments will say once some of them are rewritten, before that is done: the hash that it has, less the hash of what such a row says
 * now, and that of what it will say. So a row that somebody changed stays found, whatever is erased beside it. `instead`: what a column will be. `which`: the rows.
 */
export async function announce(
  database: Database,
  record: RecordName,
  which: string,
  instead: (column: Column) => string | undefined,
): Promise<void> {
  const { database: name } = database.placement;
  const formulas = await database.text(`SELECT DISTINCT formula FROM ${name}.batches WHERE record = '${record}' AND formula > 0`);
  for (const formula of formulas.split('\n').filter((one) => one !== '')) {
    const columns = contentColumns(record, Number(formula));
    if (columns === undefined) continue;
    const change = `${rowHash(columns, instead)} - ${rowHash(columns)}`;
    const rows = `SELECT toString(node) AS node, toString(epoch) AS epoch, sequence, ${HOUR_SQL} AS hour, ${change} AS change FROM ${name}.${record}_events WHERE ${which}`;
    const segments = `SELECT node, epoch, min(first) AS low, max(last) AS high FROM ${name}.batches FINAL WHERE record = '${record}' AND formula = ${formula} GROUP BY node, epoch, segment, sha256`;
    const global = database.placement.cluster === undefined ? '' : 'GLOBAL ';
    const found = await database.text(
      `SELECT t.node, t.epoch, toString(b.low), toString(t.hour), toString(sumWithOverflow(t.change)) FROM (${rows}) AS t ${global}ASOF INNER JOIN (${segments}) AS b ON t.node = b.node AND t.epoch = b.epoch AND t.sequence >= b.low WHERE t.sequence <= b.high GROUP BY t.node, t.epoch, b.low, t.hour SETTINGS log_queries = 0`,
      'JSONCompactEachRow',
    );
    const changes = new Map<string, Map<string, bigint>>();
    for (const line of found.split('\n').filter((one) => one !== '')) {
      const [node, epoch, first, hour, sum] = JSON.parse(line) as [string, string, string, string, string];
      const key = JSON.stringify([node, epoch, first]);
      changes.set(key, (changes.get(key) ?? new Map<string, bigint>()).set(hour, BigInt(sum)));
    }
    const keys = [...changes.keys()].map((key) => JSON.parse(key) as [string, string, string]);
    for (let at = 0; at < keys.length; at += AT_ONCE) {
      const among = keys.slice(at, at + AT_ONCE).map(([node, epoch, first]) => `(${quote(node)}, ${quote(epoch)}, ${first})`);
      // What is announced already was so by this order, whose repetition this is.
      const entries = await entriesOf(
        database,
        `record = '${record}' AND empty(pending_hashes) AND (node, epoch, first) IN (${among.join(', ')})`,
      );
      await enter(
        database,
        entries.map((entry) => {
          const by = changes.get(JSON.stringify([entry.node, entry.epoch, entry.first]));
          const pending = entry.hours.map((hour, i) => BigInt.asUintN(64, BigInt(entry.hashes[i] ?? 0) + (by?.get(hour) ?? 0n)));
          return { entry, hashes: entry.hashes, pending: pending.map(String) };
        }),
      );
    }
  }
}

/** Makes what was announced what the ledger has. */
export async function conclude(database: Database): Promise<void> {
  const { database: name } = database.placement;
  await database.write(
    `INSERT INTO ${name}.batches (${SAME}, hour_hashes, pending_hashes) SELECT ${SAME}, pending_hashes, [] FROM ${name}.batches FINAL WHERE notEmpty(pending_hashes) SETTINGS async_insert = 0`,
  );
}

/** Clears up what was announced before a crash, when no rewriting runs: what was carried out becomes true, and what was not is forgotten. */
export async function settle(database: Database): Promise<void> {
  const entries = await entriesOf(database, 'notEmpty(pending_hashes)');
  const settled: { entry: Entry; hashes: readonly string[]; pending: readonly string[] }[] = [];
  for (const entry of entries) {
    const { node, epoch, record, segment, sha256, formula, pending, hashes, hours } = entry;
    const one = `node = ${quote(node)} AND epoch = ${quote(epoch)}`;
    const [low, high] = (
      await database.text(
        `SELECT min(first), max(last) FROM ${database.placement.database}.batches FINAL WHERE ${one} AND record = '${record}' AND segment = ${segment} AND sha256 = ${quote(sha256)}`,
      )
    ).split('\t');
    const content = await contentOf(database, record, `${one} AND sequence BETWEEN ${low} AND ${high}`, Number(formula));
    const now = hashesOf(content, hours.map(Number)).map(String);
    settled.push({ entry, hashes: now.every((hash, i) => hash === pending[i]) ? pending : hashes, pending: [] });
  }
  for (let at = 0; at < settled.length; at += AT_ONCE) await enter(database, settled.slice(at, at + AT_ONCE));
}

async function entriesOf(database: Database, which: string): Promise<Entry[]> {
  const texts = (column: string): string => `arrayMap(x -> toString(x), ${column})`;
  const answer = await database.text(
    `SELECT node, epoch, toString(record) AS record, toString(segment) AS segment, sha256, toString(formula) AS formula, toString(first) AS first, ${texts('hours')} AS hours, ${texts('hour_hashes')} AS hashes, ${texts('pending_hashes')} AS pending FROM ${database.placement.database}.batches FINAL WHERE notEmpty(hours) AND ${which}`,
    'JSONEachRow',
  );
  return answer
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Entry);
}

async function enter(
  database: Database,
  changed: readonly { readonly entry: Entry; readonly hashes: readonly string[]; readonly pending: readonly string[] }[],
): Promise<void> {
  if (changed.length === 0) return;
  const { database: name } = database.placement;
  const values = changed.map(
    ({ entry: { node, epoch, record, first }, hashes, pending }) =>
      `${quote(node)}, ${quote(epoch)}, '${record}', ${first}, [${hashes.join(', ')}], [${pending.join(', ')}]`,
  );
  const structure =
    "node String, epoch String, record Enum8('conn' = 1, 'control' = 2), first UInt64, hashes Array(UInt64), pending Array(UInt64)";
  const global = database.placement.cluster === undefined ? '' : 'GLOBAL ';
  await database.write(
    `INSERT INTO ${name}.batches (${SAME}, hour_hashes, pending_hashes) SELECT b.node, b.epoch, b.record, b.segment, b.first, b.last, b.count, b.sha256, b.formula, b.hours, b.hour_events, v.hashes, v.pending FROM (SELECT * FROM ${name}.batches FINAL) AS b ${global}INNER JOIN (SELECT * FROM values(${quote(structure)}, ${values.map((one) => `(${one})`).join(', ')})) AS v ON b.node = v.node AND b.epoch = v.epoch AND b.record = v.record AND b.first = v.first SETTINGS async_insert = 0`,
  );
}
