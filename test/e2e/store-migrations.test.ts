import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Placement } from '../../src/store/ddl.js';
import { Engine } from '../../src/store/embedded/engine.js';
import { loadMigrations, type Migration, migrate, type StatementRunner } from '../../src/store/migrate.js';
import { applyRetention, DEFAULT_RETENTION } from '../../src/store/retention.js';

// The kill that a test can place exactly: the statement was carried out, and nothing after it.
class Killed extends Error {}

const all = loadMigrations();
/** Events as the first version's collector inserted them, before anything was made of them. */
const OLD_EVENTS = (database: string): string =>
  `INSERT INTO ${database}.conn_events (node, epoch, kind, time_ns, sequence, conn_id, created_ns, duration_ns, packets_in) SELECT 'n', 'e', if(number % 2 = 0, 'create', 'expire'), now64(9) - 60, number + 1, intDiv(number, 2) + 1, now64(9) - 60, (number % 2) * 5000, number FROM numbers(1000)`;

const dir = mkdtempSync(join(tmpdir(), 'vslog-migrations-'));
const engine = new Engine({ dir: join(dir, 'ch'), prepare: async () => undefined, sessions: {} });

/** The engine as a server with a database of this name. `write` may be replaced. */
function at(
  database: string,
  write: (sql: string) => Promise<unknown> = (sql) => engine.write(sql),
): StatementRunner & {
  readonly placement: Placement;
} {
  return { placement: { database, cluster: undefined }, write, text: (sql) => engine.text(sql) };
}

/** Old tables with old events. */
async function old(database: string): Promise<void> {
  await migrate(at(database), all.slice(0, 2));
  await engine.write(OLD_EVENTS(database));
}

/** Everything that is to be the same however it came about: definitions without their own names, and what stands in the tables. */
async function outcome(database: string): Promise<Record<string, string>> {
  await applyRetention(at(database), DEFAULT_RETENTION, Date.now());
  const tables = await engine.text(
    `SELECT name, replaceAll(create_table_query, '${database}.', 'vslog.') FROM system.tables WHERE database = '${database}' ORDER BY name`,
    'JSONCompactEachRow',
  );
  const found = Object.fromEntries(tables.split('\n').map((line) => JSON.parse(line) as [string, string]));
  const count = (sql: string): Promise<string> => engine.text(`SELECT ${sql}`);
  return {
    ...found,
    events: await count(`count(), uniqExact(sequence), sum(packets_in), countIf(created_skew = 0) FROM ${database}.conn_events`),
    ended: await count(`count(), uniqExact(conn_id), sum(packets_in) FROM ${database}.connections_ended`),
    open: await count(`uniqExact(conn_id), max(begun), max(ended) FROM ${database}.connections_open`),
    minutes: await count(`sum(creates), sum(ends), sum(packets_in), sum(arraySum(durationsMap.ends)) FROM ${database}.rs_minute`),
    incidents: await count(`count() FROM ${database}.incidents`),
    applied: await count(
      `groupArray((version, sha256)) FROM (SELECT DISTINCT version, sha256 FROM ${database}.schema_migrations ORDER BY version)`,
    ),
  };
}

describe('migrations that are broken off', () => {
  let whole: Record<string, string>;
  beforeAll(async () => {
    await engine.start();
    await old('whole');
    await migrate(at('whole'), all);
    whole = await outcome('whole');
    expect(whole).toMatchObject({ events: '1000\t1000\t499500\t500', ended: '500\t500\t250000', minutes: '500\t500\t499500\t500' });
  });
  afterAll(async () => {
    await engine.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it.each([
    ['before it is remembered', false],
    ['and again when it is remembered', true],
  ])('go on where they were, killed after each statement %s', async (_when, remembered) => {
    const database = remembered ? 'stairs2' : 'stairs';
    await old(database);
    const steps = all.slice(2).flatMap(({ statements }) => statements.map((sql) => placedAt(sql, database)));
    for (let kills = 0; kills < steps.length; kills++) {
      // Each life gets one statement further than the one before.
      let reached = false;
      const dying = at(database, async (sql) => {
        await engine.write(sql);
        reached ||= sql === steps[kills];
        if (reached && (!remembered || sql.includes('schema_steps ('))) throw new Killed();
      });
      await expect(migrate(dying, all), steps[kills]).rejects.toThrow(Killed);
    }
    await migrate(at(database), all);
    expect(await outcome(database)).toEqual(whole);
  });

  const questions = all.find(({ version }) => version === 8) as Migration;
  const drops = questions.statements.findIndex((sql) => sql.endsWith('DROP COLUMN IF EXISTS created_ns'));
  it.each([drops - 1, drops, drops + 1, drops + 2, questions.statements.length])(
    'go on after an older version that remembered nothing died after %i statements of 008',
    async (done) => {
      const database = `old_${done}`;
      await old(database);
      await migrate(at(database), all.slice(0, 7));
      for (const sql of questions.statements.slice(0, done)) await engine.write(placedAt(sql, database));
      await migrate(at(database), all);
      expect(await outcome(database)).toEqual(whole);
    },
  );
});

function placedAt(sql: string, database: string): string {
  return sql
    .replace(/\bvslog\./g, `${database}.`)
    .replace(/^CREATE DATABASE IF NOT EXISTS vslog\b/, `CREATE DATABASE IF NOT EXISTS ${database}`);
}
