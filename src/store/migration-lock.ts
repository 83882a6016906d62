import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { type Placement, storage } from './ddl.js';
import { EngineError } from './errors.js';
import type { StatementRunner } from './migrate.js';
import { quote } from './quote.js';

/** How old a lock is when whoever took it is taken for dead, s, and how often the living say that they are, ms. */
const STALE_S = 60;
const HEARTBEAT_MS = 10_000;

/** Locks that this process holds. */
const held = new Set<string>();

/**
 * Several collectors share a server, and a migration that drops a table and makes it anew must not run twice at one time. A table that can be made only once is the
 * lock; its comment says whose it is, and is written again while the holder lives. Rejects with a sentence while somebody else has it.
 */
export async function alone(engine: StatementRunner, placement: Placement, action: () => Promise<void>): Promise<void> {
  const { database } = placement;
  const { on } = storage(placement, 'schema_lock');
  const table = `${database}.schema_lock`;
  const id = `${hostname()} ${process.pid} ${randomUUID()}`;
  const release = (): Promise<unknown> => engine.write(`DROP TABLE IF EXISTS ${table}${on} SYNC`);

  const found = await engine.text(
    `SELECT comment, dateDiff('second', metadata_modification_time, now()) FROM system.tables WHERE database = ${quote(database)} AND name = 'schema_lock'`,
  );
  const [holder = '', age] = found.split('\t');
  if (age !== undefined && Number(age) <= STALE_S && !isDead(holder)) throw new Error(busy(table, holder));
  if (age !== undefined) await release();
  held.add(id);
  try {
    await engine.write(`CREATE TABLE ${table}${on} (one UInt8) ENGINE = Memory COMMENT ${quote(id)}`).catch((error: unknown) => {
      if (error instanceof EngineError && error.code === 57) throw new Error(busy(table, 'somebody'), { cause: error });
      throw error;
    });
    const heartbeat = setInterval(
      () => void engine.write(`ALTER TABLE ${table}${on} MODIFY COMMENT ${quote(id)}`).catch(() => undefined),
      HEARTBEAT_MS,
    );
    try {
      await action();
    } finally {
      clearInterval(heartbeat);
      await release();
    }
  } finally {
    held.delete(id);
  }
}

/** Whether a lock is one of this machine's whose process has ended, or one that this process has let go of. */
function isDead(holder: string): boolean {
  const [host, pid] = holder.split(' ');
  if (host !== hostname()) return false;
  if (Number(pid) === process.pid) return !held.has(holder);
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

function busy(table: string, holder: string): string {
  const [host = 'somebody'] = holder.split(' ');
  return `Another collector (${host}) is making the tables: it is waited for; table ${table} says so and goes away with it.`;
}
