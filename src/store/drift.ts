import { canonical, columnsOf } from './columns.js';
import type { Database } from './database.js';
import type { Migration } from './migrate.js';
import { quote } from './quote.js';

const TABLES = ['conn_events', 'control_events', 'connections_ended', 'connections_open', 'incidents', 'rs_minute', 'batches', 'kept_days'];
const VIEWS = ['connections', 'names', 'connections_ended_feed', 'connections_open_feed', 'incidents_feed', 'rs_minute_feed'];

/** What is not as the migrations make it, a sentence; undefined when all is. Columns that somebody added do no harm. */
export async function schemaDrift(
  database: Pick<Database, 'text' | 'placement'>,
  migrations: readonly Migration[],
): Promise<string | undefined> {
  const { database: name, cluster } = database.placement;
  const engines = await pairs(database, `SELECT name, engine FROM system.tables WHERE database = ${quote(name)}`);
  const answer = await pairs(database, `SELECT concat(table, '.', name), type FROM system.columns WHERE database = ${quote(name)}`);
  for (const table of [...TABLES, ...VIEWS]) {
    const engine = engines.get(table);
    if (engine === undefined) return drifted(`there is no ${name}.${table}`, name);
    if (TABLES.includes(table) && (engine === 'Distributed') !== (cluster !== undefined))
      return cluster === undefined
        ? `Table ${name}.${table} is a cluster's: set clickhouse.cluster, or choose another clickhouse.database.`
        : `Table ${name}.${table} is one server's (${engine}), but clickhouse.cluster is ${cluster}: choose another clickhouse.database.`;
    for (const column of TABLES.includes(table) ? columnsOf(migrations, table) : []) {
      const type = answer.get(`${table}.${column.name}`);
      if (type === undefined) return drifted(`table ${name}.${table} has no column ${column.name}`, name);
      if (canonical(type) !== column.type)
        return drifted(`column ${column.name} of table ${name}.${table} is ${type} and should be ${column.type}`, name);
    }
  }
  return undefined;
}

function drifted(what: string, database: string): string {
  return `The tables were changed by somebody: ${what}; nothing is inserted until that is put right, or until clickhouse.database is another than ${database}.`;
}

async function pairs(database: Pick<Database, 'text'>, sql: string): Promise<Map<string, string>> {
  const answer = await database.text(sql, 'JSONCompactEachRow');
  return new Map(
    answer
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as [string, string]),
  );
}
