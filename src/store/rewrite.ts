import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from './database.js';
import { storage } from './ddl.js';
import { quote } from './quote.js';

/** How often it is looked how far ClickHouse is, ms, and how long the removal of old parts may take. */
const LOOK_MS = 200;
const PURGE_MS = 300_000;
/** Looks between two calls for the cleaning. */
const KICK = 5;
/** Room on the disk that is left to others, bytes. */
const SPARE = 64 * 1024 * 1024;

/**
 * While a table is rewritten: the old parts go at once, for new ones are durable before (017_merges.sql), and no record of a mutation that is done, which has its condition in
 * words, is kept but the last.
 */
const SETTINGS = {
  old_parts_lifetime: 1,
  finished_mutations_to_keep: 1,
} as const;

/** Runs a mutation of a table and waits for its end, where rows match; undefined: none does. Rejects with a sentence when the disk has no room for it. */
export async function rewriting(
  database: Database,
  table: string,
  mutation: string,
  which: string,
  say: (step: string) => void,
): Promise<void> {
  const { name, on } = storage(database.placement, table);
  const found = await database.text(`SELECT count() FROM ${database.placement.database}.${table} WHERE ${which} SETTINGS log_queries = 0`);
  if (found === '0') return;
  const clustered = on !== '';
  if (!clustered) await checkRoom(database, table, which);
  await keepNothing(database, table);
  await database.write(
    `ALTER TABLE ${name}${on} ${mutation} SETTINGS mutations_sync = ${clustered ? 2 : 0}, log_queries = 0${clustered ? ', allow_nondeterministic_mutations = 1' : ''}`,
  );
  await untilMutated(database, table, say);
}

/** Has everything that was rewritten or removed taken off the disk: rows that are only hidden, old parts, and the records of mutations. */
export async function purge(database: Database, tables: readonly string[], say: (step: string) => void): Promise<void> {
  const places = tables.map((table) => storage(database.placement, table));
  for (const [i, { name, on }] of places.entries()) {
    say(`rewriting ${tables[i]}, what is hidden in it`);
    await keepNothing(database, tables[i] as string);
    await database.write(`ALTER TABLE ${name}${on} APPLY DELETED MASK SETTINGS mutations_sync = 2`);
    // The last record of a mutation is kept: so that it is none with a condition that names somebody.
    await database.write(`ALTER TABLE ${name}${on} DELETE WHERE false SETTINGS mutations_sync = 2`);
  }
  const stores = tables.map((table) => quote(stored(database, table))).join(', ');
  const where = `database = ${quote(database.placement.database)} AND table IN (${stores})`;
  const end = performance.now() + PURGE_MS;
  for (let tries = 0; ; tries++) {
    // Has the cleaning, which comes twice a minute else, come now. Who may not is the one who waits.
    if (tries % KICK === 0)
      for (const { name, on } of places)
        for (const what of ['STOP', 'START']) await database.write(`SYSTEM ${what} CLEANUP${on} ${name}`).catch(() => undefined);
    const left = await database.text(
      `SELECT (SELECT count() FROM system.parts WHERE ${where} AND NOT active), (SELECT count() FROM (SELECT count() AS n FROM system.mutations WHERE ${where} AND is_done GROUP BY table HAVING n > 1))`,
    );
    const [parts = 0, records = 0] = left.split('\t').map(Number);
    if (parts === 0 && records === 0) break;
    if (performance.now() > end)
      throw new Error(
        `After ${PURGE_MS / 1000} s ClickHouse still keeps ${parts} old parts, and records of mutations of ${records} tables.`,
      );
    say(`waiting for ClickHouse to remove ${parts} old parts`);
    await sleep(LOOK_MS);
  }
  for (const { name, on } of places) await database.write(`ALTER TABLE ${name}${on} RESET SETTING ${Object.keys(SETTINGS).join(', ')}`);
}

async function keepNothing(database: Database, table: string): Promise<void> {
  const { name, on } = storage(database.placement, table);
  const settings = Object.entries(SETTINGS).map(([setting, value]) => `${setting} = ${value}`);
  await database.write(`ALTER TABLE ${name}${on} MODIFY SETTING ${settings.join(', ')}`);
}

/** A mutation that begins without room leaves half a table behind it, and a record that keeps the database from opening. */
async function checkRoom(database: Database, table: string, which: string): Promise<void> {
  const where = `database = ${quote(database.placement.database)} AND table = ${quote(stored(database, table))} AND active`;
  const answer = await database.text(
    `SELECT (SELECT sum(bytes_on_disk) FROM system.parts WHERE ${where} AND name IN (SELECT DISTINCT _part FROM ${database.placement.database}.${table} WHERE ${which})), (SELECT min(unreserved_space) FROM system.disks) SETTINGS log_queries = 0`,
  );
  const [needed = 0, free = 0] = answer.split('\t').map(Number);
  if (free >= needed + SPARE) return;
  throw new Error(
    `The store's disk is full: rewriting table ${table} needs up to ${needed + SPARE} bytes, and ${free} are free. Make room there; it goes on then.`,
  );
}

/** Resolves when no mutation of a table runs. */
export async function untilMutated(database: Database, table: string, say: (step: string) => void): Promise<void> {
  const where = `database = ${quote(database.placement.database)} AND table = ${quote(stored(database, table))} AND NOT is_done`;
  for (;;) {
    const answer = await database.text(
      `SELECT count(), sum(parts_to_do), max(latest_fail_reason) FROM system.mutations WHERE ${where}`,
      'JSONCompactEachRow',
    );
    const [running, parts, failure] = JSON.parse(answer) as [string | number, string | number, string];
    if (Number(running) === 0) return;
    if (failure !== '') throw new Error(`ClickHouse cannot rewrite table ${table}, and tries on: ${failure.slice(0, 300)}`);
    say(`rewriting ${table}, ${parts} parts to do`);
    await sleep(LOOK_MS);
  }
}

function stored(database: Pick<Database, 'placement'>, table: string): string {
  return storage(database.placement, table).name.split('.')[1] ?? table;
}
