import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Segment } from '../../src/spool/segment.js';
import { canonical, columnsOf } from '../../src/store/columns.js';
import type { Database } from '../../src/store/database.js';
import { type Placement, placed } from '../../src/store/ddl.js';
import { SegmentWriter } from '../../src/store/deliver.js';
import { schemaDrift } from '../../src/store/drift.js';
import { embeddedDatabase } from '../../src/store/embedded/database.js';
import { Engine } from '../../src/store/embedded/engine.js';
import { functionStatements } from '../../src/store/functions.js';
import { kafkaStatements, topicRows } from '../../src/store/kafka-ddl.js';
import { allStatements, loadMigrations, migrate } from '../../src/store/migrate.js';
import { protobufColumns } from '../../src/store/protobuf-columns.js';
import { protobufSchema } from '../../src/store/protobuf-schema.js';
import { quote } from '../../src/store/quote.js';
import { DEFAULT_RETENTION } from '../../src/store/retention.js';
import { tally } from '../../src/store/tally.js';
import { toLong, v1 } from '../../src/wire/proto.js';
import { MIDNIGHT, segmentOf, shortConnections } from './store-segments.js';

// Statements for servers and clusters, on the engine that we have: run where it can run them, parsed where it cannot.
let dir = '';
let engine: Engine;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'vslog-ddl-'));
  engine = new Engine({ dir: join(dir, 'ch'), prepare: (ready) => migrate(ready, loadMigrations()), sessions: {} });
  await engine.start();
});
afterAll(async () => {
  await engine.close();
  rmSync(dir, { recursive: true, force: true });
});

test.each([
  'conn_events',
  'control_events',
  'connections_ended',
  'connections_open',
  'incidents',
  'rs_minute',
  'batches',
  'schema_migrations',
])('the columns of %s that the migrations are read to make are those that they make', async (table) => {
  const rows = await engine.text(
    `SELECT name, type, default_kind IN ('ALIAS', 'MATERIALIZED') FROM system.columns WHERE database = 'vslog' AND table = '${table}' ORDER BY position`,
    'JSONCompactEachRow',
  );
  const made = rows.split('\n').map((line) => JSON.parse(line) as [string, string, number]);
  if (table === 'schema_migrations') {
    expect(made.map(([name]) => name)).toEqual(['version', 'name', 'sha256', 'applied_at']);
    return;
  }
  expect(columnsOf(loadMigrations(), table)).toEqual(
    made.map(([name, type, computed]) => ({ name, type: canonical(type), computed: computed === 1 })),
  );
});

test('an untouched store has not drifted', async () => {
  expect(await schemaDrift(embeddedDatabase(engine), loadMigrations())).toBeUndefined();
});

const KAFKA = { brokers: '127.0.0.1:1', group: 'g' };
test.each<[string, string[]]>([
  ['one server', allStatements(loadMigrations(), { database: 'x', cluster: undefined })],
  [
    'a cluster',
    [
      ...allStatements(loadMigrations(), { database: 'x', cluster: '{cluster}' }),
      ...functionStatements({ database: 'x', cluster: '{cluster}' }),
    ],
  ],
  ['Kafka', kafkaStatements(KAFKA, { database: 'x', cluster: undefined })],
  ['Kafka and a cluster', kafkaStatements(KAFKA, { database: 'x', cluster: 'c' })],
])('every statement for %s is one that ClickHouse understands', async (_what, statements) => {
  expect(statements.length).toBeGreaterThan(30);
  for (const sql of statements) {
    // An INSERT with its rows is a statement and data; its AST is asked for without them.
    const asked = sql.replace(/ VALUES .*$/s, ' VALUES');
    expect(await engine.text(`EXPLAIN AST ${asked}`), sql).not.toBe('');
  }
  await expect(engine.text("EXPLAIN AST CREATE TABLE x.y ON CLUSTER c (a UInt8) ENGINE Distributed('c', x, z) z")).rejects.toThrow(
    /Syntax error/,
  );
});

/** A cluster of one shard without its Keeper and its network: each statement as it is, but for what only servers can. */
function standIn(sql: string): string {
  return sql
    .replace(/ ON CLUSTER 'c'/g, '')
    .replace(/ENGINE = Replicated/, 'ENGINE = ')
    .replace(/ AS \w+\.\w+ ENGINE = Distributed\('c', (\w+), (\w+), .*\)$/, " ENGINE = Alias('$1', '$2')");
}

function clusterDatabase(placement: Placement): Database {
  const one = embeddedDatabase(engine);
  return { ...one, placement, text: (sql, format) => one.text(standIn(sql), format), write: (sql) => one.write(standIn(sql)) };
}

test('a cluster’s tables and views work together, and deliveries find theirs among them', async () => {
  const placement = { database: 'on_cluster', cluster: 'c' };
  const database = clusterDatabase(placement);
  await migrate(database, loadMigrations());
  const tables = await engine.text(
    "SELECT arrayStringConcat(arraySort(groupArray(concat(name, ' ', engine))), '\n') FROM system.tables WHERE database = 'on_cluster' FORMAT TSVRaw",
  );
  expect(tables.split('\n')).toEqual([
    'batches Alias',
    'batches_local ReplacingMergeTree',
    'conn_events Alias',
    'conn_events_local MergeTree',
    'connections View',
    'connections_ended Alias',
    'connections_ended_feed MaterializedView',
    'connections_ended_local MergeTree',
    'connections_open Alias',
    'connections_open_feed MaterializedView',
    'connections_open_local AggregatingMergeTree',
    'control_events Alias',
    'control_events_local MergeTree',
    'incidents Alias',
    'incidents_feed MaterializedView',
    'incidents_local MergeTree',
    'kept_days Alias',
    'kept_days_local ReplacingMergeTree',
    'names View',
    'rs_minute Alias',
    'rs_minute_feed MaterializedView',
    'rs_minute_local SummingMergeTree',
    'schema_migrations Alias',
    'schema_migrations_local ReplacingMergeTree',
  ]);
  const writer = new SegmentWriter(database, DEFAULT_RETENTION.events, Date.now);
  const segment = segmentOf(dir, shortConnections(100), [{ first: 1n, last: 200n }]);
  expect(await writer.deliver(segment)).toBe(true);
  expect(await writer.deliver(segment)).toBe(false);
  await engine.write('DELETE FROM on_cluster.conn_events_local WHERE sequence > 150');
  await engine.write('TRUNCATE TABLE on_cluster.batches_local');
  await engine.write('TRUNCATE TABLE on_cluster.connections_ended_local');
  await writer.deliver(segment);
  expect(await engine.text('SELECT count(), countIf(is_open), uniqExact(conn_id) FROM on_cluster.connections')).toBe('100\t0\t100');
  const counted = await tally(database, [{ node: 'n', epoch: 'e', first: 1n, last: 200n }]);
  expect(counted.reduce((sum, { events }) => sum + events, 0)).toBe(200);
  const wrong = segmentOf(dir, shortConnections(5).slice(1), [{ first: 1n, last: 10n }], { id: 9, epoch: 'other', count: 10 });
  await expect(writer.deliver(wrong)).rejects.toThrow(/says that it has 10 events, but its file has 9/);
  expect(await engine.text("SELECT count() FROM on_cluster.conn_events WHERE epoch = 'other'")).toBe('0');
});

test('the tables that fetch from Kafka can be made, and their views make of a message what a delivery makes of it', async () => {
  const source = { brokers: '127.0.0.1:1', group: 'g' };
  const placement = { database: 'by_kafka', cluster: undefined };
  for (const sql of kafkaStatements(source, placement)) await engine.write(sql);
  for (const name of ['conn_kafka', 'control_kafka', 'conn_kafka_feed', 'control_kafka_feed'])
    expect(await engine.text(`EXISTS TABLE by_kafka.${name}`)).toBe('1');
  // Nothing is to be fetched: the messages come from a file, with the headers that they would have.
  const event = v1.ControlEvent.encodeDelimited({
    kind: v1.ControlKind.Value.loss,
    time_ns: toLong(MIDNIGHT),
    sequence: toLong(201n),
    where: v1.LossPlace.Value.sink,
    lost: toLong(7n),
  }).finish();
  const conn = segmentOf(dir, shortConnections(100), [{ first: 1n, last: 200n }], { id: 20 });
  const control = segmentOf(dir, [event], [{ first: 201n, last: 201n }], { id: 21, record: 'control' });
  const writer = new SegmentWriter(embeddedDatabase(engine), DEFAULT_RETENTION.events, Date.now);
  for (const [segment, table, message] of [
    [conn, 'conn_events', 'ConnEvent'],
    [control, 'control_events', 'ControlEvent'],
  ] as const) {
    await writer.deliver(segment);
    const names = columnsOf(loadMigrations(), table).flatMap(({ name, computed }) => (computed ? [] : [name]));
    // As a view inserts: what a delivery does not fill has its default.
    const filled = ['node', 'epoch', ...names.filter((name) => name !== 'node' && name !== 'epoch')].map((name) => `\`${name}\``);
    // The same message twice: a replay.
    for (let i = 0; i < 2; i++)
      await engine.write(
        `INSERT INTO by_kafka.${table} (${filled.join(', ')}) ${topicRows(segment.record, messages(segment, table))} SETTINGS format_schema_source = 'string', format_schema = ${quote(protobufSchema(message))}, format_schema_message_name = '${message}'`,
      );
    const columns = names.map((name) => `\`${name}\``).join(', ');
    const all = (database: string): Promise<string> =>
      engine.text(
        `SELECT ${columns} FROM ${database}.${table}${database === 'by_kafka' ? ' FINAL' : ''} WHERE epoch = 'e' ORDER BY sequence`,
      );
    expect((await all('by_kafka')).split('\n')).toEqual((await all('vslog')).split('\n'));
  }
  expect(await engine.text('SELECT count(), countIf(is_open) FROM by_kafka.connections')).toBe('100\t0');
});

/** What a topic's table would give: the events of a file, with the headers. */
function messages({ path }: Segment, table: string): string {
  const columns = columnsOf(loadMigrations(), table).filter(({ name, computed }) => !computed && name !== 'node' && name !== 'epoch');
  const { structure } = protobufColumns(columns.map(({ name, type }) => [name, type]));
  return `(SELECT *, ['first', 'node', 'epoch'] AS \`_headers.name\`, ['1', 'n', 'e'] AS \`_headers.value\` FROM file(${quote(path)}, 'Protobuf', ${quote(structure)}))`;
}

test('the stand-in leaves nothing out that it does not name', () => {
  const [made = '', over = ''] = placed('CREATE TABLE IF NOT EXISTS vslog.batches (a UInt8) ENGINE = MergeTree ORDER BY a', {
    database: 'd',
    cluster: 'c',
  });
  expect([standIn(made), standIn(over)]).toEqual([
    'CREATE TABLE IF NOT EXISTS d.batches_local (a UInt8) ENGINE = MergeTree ORDER BY a',
    "CREATE TABLE IF NOT EXISTS d.batches ENGINE = Alias('d', 'batches_local')",
  ]);
});
