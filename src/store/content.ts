import type { RecordName, Segment } from '../spool/segment.js';
import { type Column, columnsOf } from './columns.js';
import type { Database } from './database.js';
import { type Day, daysSql } from './kept-days.js';
import { loadMigrations } from './migrate.js';
import { protobufColumns } from './protobuf-columns.js';
import { quote } from './quote.js';

/** What rows of one hour say. */
export interface HourContent {
  /** Hours since 1970, by the events' own time. */
  readonly hour: number;
  readonly events: number;
  /** Sum modulo 2^64 of a hash of each row's columns: the order of rows does not matter. */
  readonly hash: bigint;
}

/** The hour of an event, in whole hours since 1970. */
export const HOUR_SQL = 'intDiv(toUnixTimestamp64Nano(time_ns), 3600000000000)';

const TABLES: Readonly<Record<RecordName, string>> = { conn: 'conn_events', control: 'control_events' };

const migrations = loadMigrations();

/** The formula that new content is hashed by: the version of the newest migration. */
export const FORMULA = Math.max(...migrations.map(({ version }) => version));

/**
 * The columns that a formula hashes: those that came from the event, with its node and epoch, as the migrations up to that version made the table. Undefined: this version of
 * vslog has no such formula, or no longer has one of its columns.
 */
export function contentColumns(record: RecordName, formula: number = FORMULA): readonly Column[] | undefined {
  if (formula <= 0 || formula > FORMULA) return undefined;
  const of = (version: number): Column[] =>
    columnsOf(
      migrations.filter((one) => one.version <= version),
      TABLES[record],
    ).filter(({ computed }) => !computed);
  const now = new Set(of(FORMULA).map(({ name }) => name));
  const columns = of(formula);
  return columns.length > 0 && columns.every(({ name }) => now.has(name)) ? columns : undefined;
}

/**
 * The hash of one row, an expression of type UInt64. `instead`: what stands for a column, in its place.
 * Of a hash that is fast and not made against people: whoever can change rows can also change what they are compared with.
 */
export function rowHash(columns: readonly Column[], instead: (column: Column) => string | undefined = () => undefined): string {
  return `cityHash64(${columns.map((column) => instead(column) ?? `\`${column.name}\``).join(', ')})`;
}

/** What the rows say that `among` chooses, by hour. */
export async function contentOf(
  database: Pick<Database, 'text' | 'placement'>,
  record: RecordName,
  among: string,
  formula: number = FORMULA,
): Promise<HourContent[]> {
  return hoursOf(await answerOf(database, record, among, formula, ''));
}

/** The same, and of which days the rows are, for KeptDays. */
export async function contentAndDays(
  database: Pick<Database, 'text' | 'placement'>,
  record: RecordName,
  among: string,
): Promise<{ readonly content: HourContent[]; readonly days: readonly Day[] }> {
  const answer = await answerOf(database, record, among, FORMULA, `, ${daysSql(record)}`);
  const lines = answer.split('\n').filter((line) => line !== '');
  const days = new Set(lines.flatMap((line) => JSON.parse(line.split('\t')[3] ?? '[]') as Day[]));
  return { content: hoursOf(answer), days: [...days] };
}

function answerOf(
  database: Pick<Database, 'text' | 'placement'>,
  record: RecordName,
  among: string,
  formula: number,
  more: string,
): Promise<string> {
  const columns = contentColumns(record, formula) ?? [];
  return database.text(
    `SELECT ${HOUR_SQL} AS h, count(), sumWithOverflow(${rowHash(columns)})${more} FROM ${database.placement.database}.${TABLES[record]} WHERE ${among} GROUP BY h ORDER BY h`,
  );
}

/** A segment's bytes as rows of its table, with the columns' names; a subquery, over `source` which has a column a field. */
export function rowsOfBytes({ record, node, epoch }: Pick<Segment, 'record' | 'node' | 'epoch'>, source: string): string {
  const columns = (contentColumns(record) ?? []).filter(({ name }) => name !== 'node' && name !== 'epoch');
  const values = columns.map(({ name, type }) => `${protobufColumns([[name, type]], 'f').values} AS \`${name}\``);
  return `(SELECT ${quote(node)} AS node, ${quote(epoch)} AS epoch, ${values.join(', ')} FROM (SELECT * FROM ${source}) AS f)`;
}

/** The answer of a question for hour, events and hash. */
export function hoursOf(answer: string): HourContent[] {
  return answer
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [hour = '', events = '', hash = ''] = line.split('\t');
      return { hour: Number(hour), events: Number(events), hash: BigInt(hash) };
    });
}

/** Events of all hours. */
export function eventsOf(content: readonly HourContent[]): number {
  return content.reduce((sum, { events }) => sum + events, 0);
}

/** Content as literals of the ledger's columns: hours, hour_events, hour_hashes. */
export function contentLiterals(content: readonly HourContent[]): string {
  const list = (of: (one: HourContent) => string | number | bigint): string => `[${content.map(of).join(', ')}]`;
  return `${list(({ hour }) => hour)}, ${list(({ events }) => events)}, ${list(({ hash }) => hash)}`;
}

/** The hashes of these hours, 0 where there are no rows. */
export function hashesOf(content: readonly HourContent[], hours: readonly number[]): bigint[] {
  const found = new Map(content.map(({ hour, hash }) => [hour, hash]));
  return hours.map((hour) => found.get(hour) ?? 0n);
}
