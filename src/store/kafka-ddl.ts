import { columnsOf } from './columns.js';
import { type Placement, placed } from './ddl.js';
import { allStatements, loadMigrations, type Migration } from './migrate.js';
import { protobufColumns } from './protobuf-columns.js';
import { protobufSchema } from './protobuf-schema.js';
import { quote } from './quote.js';
import { DEFAULT_RETENTION, RULES } from './retention.js';

export interface KafkaSource {
  /** `HOST:PORT,...`. */
  readonly brokers: string;
  /** The consumer group; whoever consumes in the same one shares the messages. */
  readonly group: string;
}

const KINDS = [
  { kind: 'conn', topic: 'vslog.conn.v1', table: 'conn_events', message: 'ConnEvent' },
  { kind: 'control', topic: 'vslog.control.v1', table: 'control_events', message: 'ControlEvent' },
] as const;

/** The same tables, but of two rows with the same key one is left: Kafka may bring a message twice, and there is no ledger on this way. */
function replacing(migrations: readonly Migration[]): Migration[] {
  const tables = [...KINDS.map(({ table }) => table), 'connections_ended', 'incidents'].join('|');
  const created = new RegExp(`^(CREATE TABLE IF NOT EXISTS vslog\\.(?:${tables}) \\([\\s\\S]*\\) ENGINE = )MergeTree\\b`);
  return migrations.map((migration) => ({
    ...migration,
    statements: migration.statements.map((sql) =>
      sql
        .replace(created, '$1ReplacingMergeTree')
        .replace('FROM vslog.connections_ended AS c\n', 'FROM vslog.connections_ended AS c FINAL\n'),
    ),
  }));
}

/** A table that reads a topic. Its columns are what the Protobuf reader makes of each field. */
function topicTable({ kind, topic, message }: (typeof KINDS)[number], structure: string, { brokers, group }: KafkaSource): string {
  const settings = [
    `kafka_broker_list = ${quote(brokers)}`,
    `kafka_topic_list = ${quote(topic)}`,
    `kafka_group_name = ${quote(group)}`,
    "kafka_format = 'Protobuf'",
    // A message that cannot be read stops its partition until somebody looks: nothing is skipped silently.
    'kafka_skip_broken_messages = 0',
    "format_schema_source = 'string'",
    `format_schema = ${quote(bare(protobufSchema(message)))}`,
    `format_schema_message_name = ${quote(message)}`,
  ];
  return `CREATE TABLE IF NOT EXISTS vslog.${kind}_kafka (${structure}) ENGINE = Kafka SETTINGS ${settings.join(', ')}`;
}

/** A definition without its comments and empty lines. */
function bare(definition: string): string {
  return definition
    .replace(/\s*\/\/.*$/gm, '')
    .replace(/\n{2,}/g, '\n')
    .trim();
}

/** The rows of a topic's table as rows of the events' table, where `from` is that table. */
export function topicRows(kind: (typeof KINDS)[number]['kind'], from: string): string {
  const { table } = KINDS.find((one) => one.kind === kind) ?? KINDS[0];
  const header = (name: string): string => `_headers.value[indexOf(_headers.name, '${name}')] AS ${name}`;
  const { assigned } = fieldsOf(table);
  return `SELECT ${[header('node'), header('epoch'), ...assigned].join(', ')} FROM ${from} AS k`;
}

function fieldsOf(table: string): { structure: string; assigned: string[] } {
  const columns = columnsOf(loadMigrations(), table).filter(({ name, computed }) => !computed && name !== 'node' && name !== 'epoch');
  const one = columns.map(({ name, type }) => protobufColumns([[name, type]], 'k'));
  return {
    structure: one.map(({ structure }) => structure).join(', '),
    assigned: one.map(({ names, values }) => `${values} AS ${names}`),
  };
}

/**
 * On this way no collector removes what is too old: ClickHouse does, by its own clock. Rows with times that are more than a day from it when they come are kept from then on.
 */
function ttlStatements(): string[] {
  return RULES.flatMap(({ table, of, time, which }) => {
    const ns = time === 'minute' ? 'toInt64(toUnixTimestamp(minute)) * 1000000000' : `toUnixTimestamp64Nano(${time})`;
    const far = `abs(${ns} - toUnixTimestamp64Nano(now64(9))) > 86400000000000`;
    const ttl = `if(toUnixTimestamp(kept_from) = 0, toDateTime(${time}, 'UTC'), kept_from) + toIntervalSecond(${Math.round(DEFAULT_RETENTION[of] / 1000)})`;
    return [
      `ALTER TABLE vslog.${table} ADD COLUMN IF NOT EXISTS kept_from DateTime('UTC') DEFAULT if(${far}, now(), toDateTime(0, 'UTC')) CODEC(ZSTD)`,
      `ALTER TABLE vslog.${table} MODIFY TTL ${ttl}${which === undefined ? '' : ` DELETE WHERE ${which}`}`,
    ];
  });
}

/** Every statement that lets ClickHouse fetch the events from Kafka itself, in order. */
export function kafkaStatements(source: KafkaSource, placement: Placement): string[] {
  const own = KINDS.flatMap((one) => [
    topicTable(one, fieldsOf(one.table).structure, source),
    `CREATE MATERIALIZED VIEW IF NOT EXISTS vslog.${one.kind}_kafka_feed TO vslog.${one.table} AS ${topicRows(one.kind, `vslog.${one.kind}_kafka`)}`,
  ]);
  return [
    ...allStatements(replacing(loadMigrations()), placement),
    ...[...ttlStatements(), ...own].flatMap((sql) => placed(sql, placement)),
  ];
}
