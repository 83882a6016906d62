import { BodyEraser } from '../erase/eraser.js';
import { CONNTRACK_FLAG, type EraseTarget, type Network } from '../erase/target.js';
import type { Erasable, ErasedRows } from '../sink/sink.js';
import { formatAddress } from '../wire/address.js';
import { type Column, columnsOf } from './columns.js';
import type { Database } from './database.js';
import { announce, conclude, settle } from './erase-content.js';
import { loadMigrations } from './migrate.js';
import { UNKNOWN_SKEW } from './protobuf-columns.js';
import { quote } from './quote.js';
import { purge, rewriting, untilMutated } from './rewrite.js';

/** Columns that an erased event keeps: its place. The others get the value that they have where nothing was said. */
const KEPT = ['node', 'epoch', 'time_ns', 'sequence', 'conn_id'];

/** Tables with addresses of people, and the column that says when. Of conn_events the places stay; the others are made of it and lose the rows. */
const DERIVED = [
  { table: 'connections_ended', time: 'end', flags: true },
  { table: 'connections_open', time: 'seen', flags: true },
  { table: 'incidents', time: 'time_ns', flags: false },
] as const;

/** How many rows of the events' table are the person's, and of how many connections. */
export async function countRows(database: Database, target: EraseTarget): Promise<ErasedRows> {
  const answer = await database.text(
    `SELECT count(), uniqExactIf((node, conn_id), conn_id != 0) FROM ${database.placement.database}.conn_events WHERE ${isTheirs(target, 'time_ns', true)}${UNLOGGED}`,
  );
  const [events = 0, connections = 0] = answer.split('\t').map(Number);
  return { events, connections };
}

/** Events in the store of which only the place is left. */
export async function countErased(database: Pick<Database, 'text' | 'placement'>): Promise<number> {
  return Number(await database.text(`SELECT count() FROM ${database.placement.database}.conn_events WHERE kind = 'erased'`));
}

/**
 * Takes a person out of every table, so that nothing of it is left on the disk: rows are rewritten or removed by mutations, which are waited for, and the parts that had
 * them are removed. May be repeated: after a crash it finishes what was begun. Nobody may insert meanwhile. `say`: told how far it is, words.
 */
export async function eraseRows(database: Database, target: EraseTarget, say: (step: string) => void): Promise<void> {
  const theirs = isTheirs(target, 'time_ns', true);
  const commands = await commandsOf(database, target);
  for (const table of ['conn_events', 'control_events']) await untilMutated(database, table, say);
  await settle(database);
  await announce(database, 'conn', theirs, blankOf);
  if (commands !== undefined)
    await announce(database, 'control', commands.which, ({ name }) => (name === 'command' ? commands.value : undefined));
  // Minutes know no clients. Connection tracking may have the person at the other end; the events tell, as long as they are there.
  const sided = target.sides.virtual || target.sides.real;
  const ends = sided ? await minutesOf(database, target) : undefined;
  for (const { table, time, flags } of DERIVED) {
    say(`removing rows of ${table}`);
    await rewriting(database, table, `DELETE WHERE ${isTheirs(target, time, flags)}`, isTheirs(target, time, flags), say);
  }
  if (ends !== undefined) {
    say('removing rows of rs_minute');
    await rewriting(database, 'rs_minute', `DELETE WHERE ${ends}`, ends, say);
  }
  say('rewriting control_events');
  if (commands !== undefined)
    await rewriting(database, 'control_events', `UPDATE command = ${commands.value} WHERE ${commands.which}`, commands.which, say);
  // Last: as long as an event is there, a repetition knows what to look for.
  say('rewriting conn_events');
  await rewriting(database, 'conn_events', `UPDATE ${blank()} WHERE ${theirs}`, theirs, say);
  await conclude(database);
  const tables = ['conn_events', 'control_events', ...DERIVED.map(({ table }) => table), ...(sided ? ['rs_minute'] : [])];
  await purge(database, tables, say);
}

/** How a person is taken out of a store. `run`: runs it when the store can be asked, and nothing beside it. */
export function erasureOf(database: Database, run: <T>(action: () => Promise<T>) => Promise<T>): Erasable {
  return {
    count: (target) => run(() => countRows(database, target)),
    erase: (target, say) =>
      run(async () => {
        const before = await countErased(database);
        await eraseRows(database, target, say);
        return (await countErased(database)) - before;
      }),
    erased: () => run(() => countErased(database)),
  };
}

/** A server that logs its queries must not log this one. */
const UNLOGGED = ' SETTINGS log_queries = 0';

/** Assignments that leave nothing but an event's place. */
export function blank(): string {
  return columnsOf(loadMigrations(), 'conn_events')
    .filter(({ computed }) => !computed)
    .flatMap((column) => {
      const value = blankOf(column);
      return value === undefined ? [] : [`\`${column.name}\` = ${value}`];
    })
    .join(', ');
}

/** What a column of an erased event is, in its own type; undefined: it stays. */
export function blankOf({ name, type }: Column): string | undefined {
  if (KEPT.includes(name)) return undefined;
  if (name === 'kind') return `CAST('erased', ${quote(type)})`;
  if (name === 'created_skew') return `toInt64(${UNKNOWN_SKEW})`;
  return `defaultValueOfTypeName(${quote(type)})`;
}

/** A condition on a table of connections' events: those of the person. `flags`: the table has them. */
export function isTheirs({ networks, beforeNs, sides }: EraseTarget, time: string, flags: boolean): string {
  const other = (column: string): string => {
    const within = among(column, networks);
    if (!sides.auto) return within;
    const ours = sides.own.length === 0 ? '' : ` AND NOT ${among(column, sides.own)}`;
    return `(bitAnd(flags, ${CONNTRACK_FLAG}) != 0 AND ${within}${ours})`;
  };
  const others = flags || !sides.auto;
  const any = [
    ...(sides.client ? [among('client_addr', networks)] : []),
    ...(sides.virtual && others ? [other('virtual_addr')] : []),
    ...(sides.real && others ? [other('real_addr')] : []),
  ];
  const before = `${time} < fromUnixTimestamp64Nano(toInt64(${beforeNs}), 'UTC')`;
  return `(${any.join(' OR ') || 'false'}) AND ${before}`;
}

function among(column: string, networks: readonly Network[]): string {
  const ip = (hex: string): string => `toIPv6(${quote(formatAddress(Buffer.from(hex, 'hex')))})`;
  return `(${networks.map(([first, last]) => (first === last ? `${column} = ${ip(first)}` : `${column} BETWEEN ${ip(first)} AND ${ip(last)}`)).join(' OR ')})`;
}

/** A condition on rs_minute: minutes of which the person is one end. Undefined: no event has him there. */
async function minutesOf(database: Database, target: EraseTarget): Promise<string | undefined> {
  const ends = { ...target, sides: { ...target.sides, client: false } };
  const found = await database.text(
    `SELECT (SELECT count() FROM ${database.placement.database}.conn_events WHERE ${isTheirs(ends, 'time_ns', true)}) + (SELECT count() FROM ${database.placement.database}.connections_ended WHERE ${isTheirs(ends, 'end', true)})${UNLOGGED}`,
  );
  if (found === '0') return undefined;
  const { networks, sides } = target;
  const theirs = (column: string): string => {
    const ours = sides.auto && sides.own.length > 0 ? ` AND NOT ${among(column, sides.own)}` : '';
    return `(${among(column, networks)}${ours})`;
  };
  const columns = [...(sides.virtual ? ['virtual_addr'] : []), ...(sides.real ? ['real_addr'] : [])];
  return `(${columns.map(theirs).join(' OR ')}) AND minute < toDateTime(intDiv(toInt64(${target.beforeNs}), 1000000000), 'UTC')`;
}

/**
 * How the person's addresses are written over in the command lines of those who changed something: the rows, and the value of their column `command`. Undefined: none has one.
 */
async function commandsOf(database: Database, target: EraseTarget): Promise<{ which: string; value: string } | undefined> {
  const before = `time_ns < fromUnixTimestamp64Nano(toInt64(${target.beforeNs}), 'UTC')`;
  const answer = await database.text(
    `SELECT DISTINCT command, hex(virtual_addr), hex(real_addr) FROM ${database.placement.database}.control_events WHERE ${before} AND match(command, '[.:][0-9a-fA-F:]')`,
    'JSONCompactEachRow',
  );
  const eraser = new BodyEraser(target);
  const changed = new Map<string, string>();
  for (const line of answer.split('\n').filter((one) => one !== '')) {
    const [command, ...places] = JSON.parse(line) as [string, string, string];
    const plain = eraser.command(
      command,
      places.map((hex) => Buffer.from(hex, 'hex')),
    );
    if (plain !== command) changed.set(command, plain);
  }
  if (changed.size === 0) return undefined;
  const which = `${before} AND command IN (${[...changed.keys()].map(quote).join(', ')})`;
  const value = [...changed].map(([old, plain]) => `command = ${quote(old)}, ${quote(plain)}`).join(', ');
  return { which, value: `multiIf(${value}, command)` };
}
