import { quote } from './quote.js';

/** Where the tables are. The migrations are written for database `vslog` of one server. */
export interface Placement {
  /** A plain name. */
  readonly database: string;
  /** The cluster; undefined: one server. */
  readonly cluster: string | undefined;
}

/** Embedded, and the default of a server. */
export const HOME: Placement = { database: 'vslog', cluster: undefined };

/**
 * Which shard of a cluster a row is on. All rows that one table's key makes one must meet on one shard, and a connection there where its events are:
 * the materialized view that makes it runs on each shard for itself.
 */
const SHARDING: Readonly<Record<string, string>> = {
  conn_events: 'cityHash64(node, if(conn_id = 0, sequence, conn_id))',
  connections_data: 'cityHash64(node, conn_id)',
  connections_ended: 'cityHash64(node, conn_id)',
  connections_open: 'cityHash64(node, conn_id)',
  incidents: 'cityHash64(node, if(conn_id = 0, sequence, conn_id))',
  // Every shard has counts of its own: whoever reads adds them up.
  rs_minute: 'cityHash64(node)',
  control_events: 'cityHash64(node)',
  batches: 'cityHash64(node, epoch)',
  kept_days: 'toUInt16(day)',
  schema_migrations: 'version',
  schema_steps: 'version',
};

const TABLES = Object.keys(SHARDING).join('|');
/** What changes a table's storage, which only the tables of the shards have. */
const STORAGE_ONLY =
  /^ALTER TABLE \S+ (MODIFY SETTING|MODIFY TTL|REMOVE TTL|MODIFY COMMENT|ADD INDEX|DROP INDEX|MATERIALIZE|MODIFY ORDER BY|UPDATE)\b/;

/** One statement of a migration as the statements that do the same at a placement, in order. Throws when it is of a kind that is not known here. */
export function placed(statement: string, { database, cluster }: Placement): string[] {
  const own = statement
    .replace(/\bvslog\./g, `${database}.`)
    .replace(/^CREATE DATABASE IF NOT EXISTS vslog\b/, `CREATE DATABASE IF NOT EXISTS ${database}`);
  return cluster === undefined ? [own] : clustered(own, database, cluster);
}

function clustered(sql: string, database: string, cluster: string): string[] {
  const on = `ON CLUSTER ${quote(cluster)}`;
  const local = (text: string): string => text.replace(new RegExp(`\\b${database}\\.(${TABLES})\\b`, 'g'), `${database}.$1_local`);
  const [, table = ''] = new RegExp(`^(?:CREATE|ALTER|DROP) TABLE (?:IF (?:NOT )?EXISTS )?${database}\\.(\\w+)`).exec(sql) ?? [];

  if (sql.startsWith('CREATE DATABASE ')) return [`${sql} ${on}`];
  // Every replica reads its share of a topic, and hands the rows to the shards that they belong to.
  if (/ ENGINE = Kafka\b/.test(sql)) return [sql.replace(/^(CREATE TABLE IF NOT EXISTS \S+)/, `$1 ${on}`)];
  if (/^CREATE MATERIALIZED VIEW \S+ \S+ \S+ \S+_kafka_feed /.test(sql)) return [sql.replace(' TO ', ` ${on} TO `)];
  if (sql.startsWith('CREATE TABLE ')) {
    const key = SHARDING[table];
    if (key === undefined) throw new Error(`There is no sharding key for table ${table}: put one into src/store/ddl.ts.`);
    const name = `${database}.${table}`;
    const made = sql.replace(`${name} (`, `${name}_local ${on} (`).replace(/\bENGINE = (\w*MergeTree)\b/, 'ENGINE = Replicated$1');
    const over = `CREATE TABLE IF NOT EXISTS ${name} ${on} AS ${name}_local ENGINE = Distributed(${quote(cluster)}, ${database}, ${table}_local, ${key})`;
    return [made, over];
  }
  // A materialized view: it is of each shard.
  if (/^ALTER TABLE \S+_feed MODIFY QUERY /.test(sql)) return [local(sql).replace(/^(ALTER TABLE \S+)/, `$1 ${on}`)];
  if (sql.startsWith('ALTER TABLE ')) {
    const both = [`${database}.${table}_local`, `${database}.${table}`].map((name) =>
      sql.replace(`${database}.${table} `, `${name} ${on} `),
    );
    return STORAGE_ONLY.test(sql) ? both.slice(0, 1) : both;
  }
  // SYNC: a table of the same name may be made right afterwards.
  if (sql.startsWith('DROP TABLE '))
    return [`DROP TABLE IF EXISTS ${database}.${table} ${on} SYNC`, `DROP TABLE IF EXISTS ${database}.${table}_local ${on} SYNC`];
  if (sql.startsWith('DROP VIEW ')) return [`${sql} ${on} SYNC`];
  // A shard's own rows become its own connections.
  if (sql.startsWith('CREATE MATERIALIZED VIEW ')) return [local(sql).replace(' TO ', ` ${on} TO `)];
  if (/^CREATE VIEW /.test(sql)) return [sql.replace(/^(CREATE VIEW (?:IF NOT EXISTS )?\S+)/, `$1 ${on}`)];
  if (sql.startsWith('INSERT INTO ')) return [sql];
  throw new Error(`A cluster's form of this statement is not known, see src/store/ddl.ts: ${sql.slice(0, 80)}`);
}

/** The table of a shard that rows are stored in, and what makes a statement about it one for all shards. */
export function storage({ database, cluster }: Placement, table: string): { readonly name: string; readonly on: string } {
  return cluster === undefined
    ? { name: `${database}.${table}`, on: '' }
    : { name: `${database}.${table}_local`, on: ` ON CLUSTER ${quote(cluster)}` };
}
