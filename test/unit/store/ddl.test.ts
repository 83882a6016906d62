import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { columnsOf } from '../../../src/store/columns.js';
import { HOME, placed } from '../../../src/store/ddl.js';
import { kafkaStatements } from '../../../src/store/kafka-ddl.js';
import { allStatements, loadMigrations, type Migration } from '../../../src/store/migrate.js';
import { printable } from '../../../src/store/print-ddl.js';

const on = (sql: string): string[] => placed(sql, { database: 'd', cluster: 'c' });

test('one server with the usual database: the migrations as they are', () => {
  const all = loadMigrations().flatMap(({ statements }) => statements);
  expect(all.flatMap((sql) => placed(sql, HOME))).toEqual(all);
  expect(all.length).toBeGreaterThan(0);
});

test('another database is put in everywhere', () => {
  const all = allStatements(loadMigrations(), { database: 'other', cluster: undefined }).join('\n');
  expect(all).not.toMatch(/\bvslog\./);
  expect(all).toMatch(/^CREATE DATABASE IF NOT EXISTS other\n/);
  // A word of ours that is no name of the database.
  expect(all).toContain("'vslog'=4");
});

test.each([
  ['CREATE DATABASE IF NOT EXISTS vslog', ["CREATE DATABASE IF NOT EXISTS d ON CLUSTER 'c'"]],
  [
    'CREATE TABLE IF NOT EXISTS vslog.batches (a UInt8) ENGINE = ReplacingMergeTree(a) ORDER BY a',
    [
      "CREATE TABLE IF NOT EXISTS d.batches_local ON CLUSTER 'c' (a UInt8) ENGINE = ReplicatedReplacingMergeTree(a) ORDER BY a",
      "CREATE TABLE IF NOT EXISTS d.batches ON CLUSTER 'c' AS d.batches_local ENGINE = Distributed('c', d, batches_local, cityHash64(node, epoch))",
    ],
  ],
  [
    'ALTER TABLE vslog.conn_events ADD COLUMN IF NOT EXISTS `zone` UInt32',
    [
      "ALTER TABLE d.conn_events_local ON CLUSTER 'c' ADD COLUMN IF NOT EXISTS `zone` UInt32",
      "ALTER TABLE d.conn_events ON CLUSTER 'c' ADD COLUMN IF NOT EXISTS `zone` UInt32",
    ],
  ],
  ['ALTER TABLE vslog.conn_events MODIFY SETTING a = 1', ["ALTER TABLE d.conn_events_local ON CLUSTER 'c' MODIFY SETTING a = 1"]],
  [
    'ALTER TABLE vslog.conn_events ADD INDEX IF NOT EXISTS i a TYPE minmax',
    ["ALTER TABLE d.conn_events_local ON CLUSTER 'c' ADD INDEX IF NOT EXISTS i a TYPE minmax"],
  ],
  [
    'DROP TABLE IF EXISTS vslog.connections_data',
    ["DROP TABLE IF EXISTS d.connections_data ON CLUSTER 'c' SYNC", "DROP TABLE IF EXISTS d.connections_data_local ON CLUSTER 'c' SYNC"],
  ],
  ['DROP VIEW IF EXISTS vslog.connections', ["DROP VIEW IF EXISTS d.connections ON CLUSTER 'c' SYNC"]],
  [
    'CREATE MATERIALIZED VIEW IF NOT EXISTS vslog.connections_feed TO vslog.connections_data AS SELECT 1 FROM vslog.conn_events AS e',
    [
      "CREATE MATERIALIZED VIEW IF NOT EXISTS d.connections_feed ON CLUSTER 'c' TO d.connections_data_local AS SELECT 1 FROM d.conn_events_local AS e",
    ],
  ],
  [
    'CREATE VIEW vslog.connections AS SELECT 1 FROM vslog.connections_data',
    ["CREATE VIEW d.connections ON CLUSTER 'c' AS SELECT 1 FROM d.connections_data"],
  ],
  ['INSERT INTO vslog.batches SELECT 1', ['INSERT INTO d.batches SELECT 1']],
])('on a cluster: %s', (sql, made) => {
  expect(on(sql)).toEqual(made);
});

test('what cannot be placed on a cluster is refused, not passed through', () => {
  expect(() => on('OPTIMIZE TABLE vslog.batches')).toThrow(/cluster's form of this statement is not known/);
  expect(() => on('CREATE TABLE IF NOT EXISTS vslog.novel (a UInt8) ENGINE = MergeTree ORDER BY a')).toThrow(
    /no sharding key for table novel/,
  );
});

test('every migration can be placed on a cluster, and makes nothing of one server there', () => {
  const all = allStatements(loadMigrations(), { database: 'd', cluster: 'c' });
  expect(all.filter((sql) => !sql.includes("ON CLUSTER 'c'")).map((sql) => sql.slice(0, 12))).toEqual(
    all.filter((sql) => sql.startsWith('INSERT ')).map(() => 'INSERT INTO '),
  );
  for (const sql of all) expect(sql).not.toMatch(/ENGINE = (Replacing)?MergeTree/);
  expect(all.length).toBeGreaterThan(loadMigrations().length);
});

test('columns are read from the statements in their order', () => {
  const migration = (...statements: string[]): Migration => ({ version: 1, name: '', sha256: '', statements });
  const steps = migration(
    "CREATE TABLE IF NOT EXISTS vslog.t (a LowCardinality(String), `b` Enum8('x'=0,'y, (z'=1) CODEC(ZSTD), c DateTime64(9, 'UTC')) ENGINE = MergeTree ORDER BY a",
    'ALTER TABLE vslog.t ADD COLUMN IF NOT EXISTS d String ALIAS toString(b)',
    'ALTER TABLE vslog.t MODIFY COLUMN a String',
    'ALTER TABLE vslog.other ADD COLUMN e String',
  );
  expect(columnsOf([steps], 't')).toEqual([
    { name: 'a', type: 'String', computed: false },
    { name: 'b', type: "Enum8('x' = 0, 'y, (z' = 1)", computed: false },
    { name: 'c', type: "DateTime64(9, 'UTC')", computed: false },
    { name: 'd', type: 'String', computed: true },
  ]);
  expect(columnsOf([steps, migration('DROP TABLE IF EXISTS vslog.t')], 't')).toEqual([]);
});

test('by Kafka the events’ tables replace repetitions, and the others are what they always are', () => {
  const source = { brokers: 'b:9092', group: 'g' };
  const made = kafkaStatements(source, HOME);
  const engine = (table: string): string | undefined =>
    made
      .map((sql) => new RegExp(`^CREATE TABLE IF NOT EXISTS vslog\\.${table} .*ENGINE = (\\w+)`, 's').exec(sql)?.[1])
      .find((one) => one !== undefined);
  expect([engine('conn_events'), engine('control_events'), engine('batches')]).toEqual([
    'ReplacingMergeTree',
    'ReplacingMergeTree',
    'ReplacingMergeTree',
  ]);
  expect([engine('conn_kafka'), engine('control_kafka')]).toEqual(['Kafka', 'Kafka']);
  const clustered = kafkaStatements(source, { database: 'd', cluster: 'c' });
  expect(clustered.find((sql) => sql.includes('conn_events_local ON'))).toContain('ENGINE = ReplicatedReplacingMergeTree');
  expect(clustered.find((sql) => sql.includes('conn_kafka_feed'))).toMatch(
    /^CREATE MATERIALIZED VIEW IF NOT EXISTS d\.conn_kafka_feed ON CLUSTER 'c' TO d\.conn_events AS .* FROM d\.conn_kafka AS k$/s,
  );
});

test.each([
  ['cluster.sql', { database: 'vslog', cluster: '{cluster}' }, undefined],
  ['kafka.sql', HOME, { brokers: 'kafka:9092', group: 'vslog-clickhouse' }],
])('deploy/clickhouse/%s is what the command that it names prints', (file, placement, kafka) => {
  expect(readFileSync(new URL(`../../../deploy/clickhouse/${file}`, import.meta.url), 'utf8')).toBe(printable(placement, kafka));
});
