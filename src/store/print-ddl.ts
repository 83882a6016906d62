import type { Placement } from './ddl.js';
import { functionStatements } from './functions.js';
import { type KafkaSource, kafkaStatements } from './kafka-ddl.js';
import { allStatements, loadMigrations } from './migrate.js';

/** The statements that make the tables, as a file for clickhouse-client. */
export function printable(placement: Placement, kafka: KafkaSource | undefined): string {
  const statements = [
    ...(kafka === undefined ? allStatements(loadMigrations(), placement) : kafkaStatements(kafka, placement)),
    ...functionStatements(placement),
  ];
  const flags = [
    ...(placement.cluster === undefined ? [] : [` --clickhouse-cluster '${placement.cluster}'`]),
    ...(placement.database === 'vslog' ? [] : [` --clickhouse-database ${placement.database}`]),
    ...(kafka === undefined ? [] : [` --kafka-brokers ${kafka.brokers} --kafka-group ${kafka.group}`]),
  ].join('');
  return `-- Made by: vslog sink clickhouse ddl${flags}\n\n${statements.map((sql) => `${sql};\n`).join('\n')}`;
}
