import { describe, expect, it } from 'vitest';
import { columnsOf } from '../../../src/store/columns.js';
import type { Placement } from '../../../src/store/ddl.js';
import { schemaDrift } from '../../../src/store/drift.js';
import { loadMigrations } from '../../../src/store/migrate.js';
import { quote } from '../../../src/store/quote.js';
import { applyRetention, DEFAULT_RETENTION, keptMs, keptSince } from '../../../src/store/retention.js';
import { FakeSqlStore } from '../support/fake-sql-store.js';

const TABLES = ['conn_events', 'control_events', 'connections_ended', 'connections_open', 'incidents', 'rs_minute', 'batches', 'kept_days'];
const VIEWS = ['connections', 'names', 'connections_ended_feed', 'connections_open_feed', 'incidents_feed', 'rs_minute_feed'];

/** A database whose tables are as the migrations make them, but for what `change` does to their list. */
function database(
  change: (tables: Map<string, string>, columns: Map<string, string>) => void = () => undefined,
  placement: Placement = { database: 'd', cluster: undefined },
) {
  const tables = new Map([...TABLES.map((name) => [name, 'MergeTree'] as const), ...VIEWS.map((name) => [name, 'View'] as const)]);
  const columns = new Map(
    TABLES.flatMap((table) => columnsOf(loadMigrations(), table).map(({ name, type }) => [`${table}.${name}`, type] as const)),
  );
  change(tables, columns);
  const lines = (map: ReadonlyMap<string, string>): string => [...map].map((pair) => JSON.stringify(pair)).join('\n');
  return { placement, text: async (sql: string) => lines(sql.includes('system.tables') ? tables : columns) };
}

const drift = (...given: Parameters<typeof database>) => schemaDrift(database(...given), loadMigrations());

describe('tables that somebody changed', () => {
  it('are none when all is as the migrations make it, and more', async () => {
    expect(await drift()).toBeUndefined();
    const more = (tables: Map<string, string>, columns: Map<string, string>): void => {
      tables.set('own', 'Log');
      columns.set('batches.own', 'String');
    };
    expect(await drift(more)).toBeUndefined();
    expect(await drift((_tables, columns) => columns.set('batches.record', "Enum8('conn'=1,'control'=2)"))).toBeUndefined();
  });

  it.each([...TABLES, ...VIEWS])('are told when %s is missing', async (table) => {
    expect(await drift((tables) => tables.delete(table))).toMatch(
      new RegExp(`^The tables were changed by somebody: there is no d\\.${table}; nothing is inserted until .* another than d\\.$`),
    );
  });

  it('are told when a column is missing, or of another type', async () => {
    expect(await drift((_tables, columns) => columns.delete('conn_events.real_addr'))).toContain(
      'table d.conn_events has no column real_addr',
    );
    expect(await drift((_tables, columns) => columns.set('conn_events.real_addr', 'String'))).toContain(
      'column real_addr of table d.conn_events is String and should be IPv6',
    );
  });

  it('are those of one server, or of a cluster, as the configuration says', async () => {
    const clustered = (tables: Map<string, string>): void => TABLES.forEach((table) => void tables.set(table, 'Distributed'));
    const cluster = { database: 'd', cluster: 'main' };
    expect(await drift(clustered, cluster)).toBeUndefined();
    expect(await drift(clustered)).toBe(
      "Table d.conn_events is a cluster's: set clickhouse.cluster, or choose another clickhouse.database.",
    );
    expect(await drift(undefined, cluster)).toBe(
      "Table d.conn_events is one server's (MergeTree), but clickhouse.cluster is main: choose another clickhouse.database.",
    );
  });
});

describe('how long rows are kept', () => {
  const DAY = 86_400_000;

  const NOW = Date.UTC(2026, 10, 1);

  /** The statements that were run, when the tables say so of themselves: whether there is a TTL, and whether the comment is right. */
  async function applied(says: (sql: string) => string, placement: Placement = { database: 'd', cluster: undefined }): Promise<string[]> {
    const ran: string[] = [];
    const found = { placement, text: async (sql: string) => says(sql), write: async (sql: string) => void ran.push(sql) };
    await applyRetention(found, { ...DEFAULT_RETENTION, minutes: 5 * DAY }, NOW);
    return ran;
  }

  it('is written into the tables where it is another', async () => {
    expect(await applied(() => '0\t1')).toEqual([]);
    expect(await applied((sql) => (sql.includes("'rs_minute'") ? '0\t0' : '0\t1'))).toEqual([
      "ALTER TABLE d.rs_minute MODIFY COMMENT 'Rows are kept for 432000 s; vslog removes them.'",
    ]);
    const all = await applied(() => '0\t0');
    expect(all.map((sql) => /TABLE d\.(\w+) /.exec(sql)?.[1]).sort()).toEqual(
      TABLES.filter((table) => table !== 'batches' && table !== 'kept_days').sort(),
    );
  });

  it('is no matter of ClickHouse’s clock: a TTL is taken away, and what it may have removed is noted', async () => {
    const ran = await applied((sql) => (/'(conn_events|incidents)'/.test(sql) ? '1\t1' : '0\t1'));
    const day = NOW / DAY - 90;
    expect(ran).toEqual([
      `INSERT INTO d.kept_days (day, what, at) SETTINGS async_insert = 0 VALUES (${day}, 'conn_expired', fromUnixTimestamp64Milli(toInt64(${NOW}), 'UTC'))`,
      'ALTER TABLE d.conn_events REMOVE TTL',
      'ALTER TABLE d.incidents REMOVE TTL',
    ]);
  });

  it('is of the tables of the shards on a cluster', async () => {
    const ran = await applied((sql) => (sql.includes("'incidents_local'") ? '1\t0' : '0\t1'), { database: 'd', cluster: 'main' });
    expect(ran).toEqual([
      "ALTER TABLE d.incidents_local ON CLUSTER 'main' REMOVE TTL",
      "ALTER TABLE d.incidents_local ON CLUSTER 'main' MODIFY COMMENT 'Rows are kept for 7776000 s; vslog removes them.'",
    ]);
  });

  it('is read from what the tables say', async () => {
    const store = new FakeSqlStore();
    store.rows = () => [
      ['conn_events_local', 'ReplicatedMergeTree PARTITION BY x ORDER BY y TTL toDateTime(time_ns) + toIntervalDay(90) SETTINGS a = 1'],
      ['control_events', 'Rows are kept for 60 s; vslog removes them. MergeTree ORDER BY y'],
    ];
    expect(await keptMs(store)).toEqual({ conn: 90 * DAY, control: 60_000 });
    expect(Math.abs(((await keptSince(store, 'conn', Date.now())) ?? 0) - (Date.now() - 90 * DAY + 3_600_000)) < DAY).toBe(true);
    store.rows = () => [['conn_events', 'MergeTree ORDER BY y']];
    expect(await keptMs(store)).toEqual({});
    expect(await keptSince(store, 'conn', Date.now())).toBeUndefined();
  });
});

it('a text becomes one literal of SQL', () => {
  expect(quote("it's a \\ b")).toBe("'it\\'s a \\\\ b'");
  expect(quote("\\' OR 1 --")).toBe("'\\\\\\' OR 1 --'");
});
