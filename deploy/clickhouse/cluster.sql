-- Made by: vslog sink clickhouse ddl --clickhouse-cluster '{cluster}'

CREATE DATABASE IF NOT EXISTS vslog ON CLUSTER '{cluster}';

CREATE TABLE IF NOT EXISTS vslog.schema_migrations_local ON CLUSTER '{cluster}' (version UInt32, name String, sha256 String, applied_at DateTime('UTC') DEFAULT now()) ENGINE = ReplicatedReplacingMergeTree ORDER BY version;

CREATE TABLE IF NOT EXISTS vslog.schema_migrations ON CLUSTER '{cluster}' AS vslog.schema_migrations_local ENGINE = Distributed('{cluster}', vslog, schema_migrations_local, version);

CREATE DATABASE IF NOT EXISTS vslog ON CLUSTER '{cluster}';

CREATE TABLE IF NOT EXISTS vslog.batches_local ON CLUSTER '{cluster}' (node String, epoch String, record Enum8('conn'=1,'control'=2), segment UInt64, first UInt64, last UInt64, count UInt64, sha256 String) ENGINE = ReplicatedReplacingMergeTree ORDER BY (node, epoch, record, first);

CREATE TABLE IF NOT EXISTS vslog.batches ON CLUSTER '{cluster}' AS vslog.batches_local ENGINE = Distributed('{cluster}', vslog, batches_local, cityHash64(node, epoch));

CREATE TABLE IF NOT EXISTS vslog.conn_events_local ON CLUSTER '{cluster}' (
  node LowCardinality(String),
  epoch LowCardinality(String),
  `kind` Enum8('unspecified'=0,'create'=1,'expire'=2,'nodest_drop'=3,'sched_fail'=4,'state'=5,'snapshot'=6),
  `time_ns` DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
  `sequence` UInt64 CODEC(Delta, ZSTD),
  `conn_id` UInt64 CODEC(Delta, ZSTD),
  `protocol` UInt32 CODEC(T64, ZSTD),
  `family` UInt32 CODEC(T64, ZSTD),
  `client_addr` IPv6 CODEC(ZSTD),
  `client_port` UInt32 CODEC(T64, ZSTD),
  `virtual_addr` IPv6 CODEC(ZSTD),
  `virtual_port` UInt32 CODEC(T64, ZSTD),
  `real_addr` IPv6 CODEC(ZSTD),
  `real_port` UInt32 CODEC(T64, ZSTD),
  `fwmark` UInt32 CODEC(T64, ZSTD),
  `forward` Enum8('masq'=0,'local'=1,'tunnel'=2,'direct'=3,'bypass'=4),
  `flags` UInt32 CODEC(T64, ZSTD),
  `state` UInt32 CODEC(T64, ZSTD),
  `is_template` Bool,
  `template_id` UInt64 CODEC(Delta, ZSTD),
  `weight` Int32,
  `created_ns` DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
  `duration_ns` UInt64 CODEC(Delta, ZSTD),
  `packets_in` UInt64 CODEC(Delta, ZSTD),
  `bytes_in` UInt64 CODEC(Delta, ZSTD),
  `packets_out` UInt64 CODEC(Delta, ZSTD),
  `bytes_out` UInt64 CODEC(Delta, ZSTD),
  `reason` Enum8('none'=0,'timeout'=1,'expire_now'=2,'nodest'=3,'flushed'=4,'drop_entry'=5,'service_removed'=6,'module_unload'=7,'template_quiesced'=8,'one_packet'=9,'missed'=10,'unknown'=11),
  `scheduled_by` Enum8('unknown'=0,'scheduler'=1,'persistence'=2,'sync'=3,'bypass'=4),
  `quiesced` Bool,
  `drop_packets` UInt64 CODEC(Delta, ZSTD),
  `drop_bytes` UInt64 CODEC(Delta, ZSTD),
  `drop_first_ns` DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
  `drop_last_ns` DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
  `timeout_ms` UInt32 CODEC(T64, ZSTD),
  `netns` UInt32 CODEC(T64, ZSTD)
) ENGINE = ReplicatedMergeTree PARTITION BY toDate(time_ns) ORDER BY (node, epoch, sequence) TTL toDateTime(time_ns) + INTERVAL 90 DAY;

CREATE TABLE IF NOT EXISTS vslog.conn_events ON CLUSTER '{cluster}' AS vslog.conn_events_local ENGINE = Distributed('{cluster}', vslog, conn_events_local, cityHash64(node, if(conn_id = 0, sequence, conn_id)));

CREATE TABLE IF NOT EXISTS vslog.control_events_local ON CLUSTER '{cluster}' (
  node LowCardinality(String),
  epoch LowCardinality(String),
  `kind` Enum8('unspecified'=0,'service_added'=1,'service_changed'=2,'service_removed'=3,'real_added'=4,'real_changed'=5,'real_removed'=6,'overload_on'=7,'overload_off'=8,'knob_changed'=9,'capture_started'=10,'capture_stopped'=11,'loss'=12,'clock_step'=13,'service_snapshot'=14,'real_snapshot'=15),
  `time_ns` DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
  `sequence` UInt64 CODEC(Delta, ZSTD),
  `protocol` UInt32 CODEC(T64, ZSTD),
  `family` UInt32 CODEC(T64, ZSTD),
  `virtual_addr` IPv6 CODEC(ZSTD),
  `virtual_port` UInt32 CODEC(T64, ZSTD),
  `fwmark` UInt32 CODEC(T64, ZSTD),
  `real_addr` IPv6 CODEC(ZSTD),
  `real_port` UInt32 CODEC(T64, ZSTD),
  `name` String,
  `old_value` String,
  `new_value` String,
  `uid` UInt32 CODEC(T64, ZSTD),
  `login_uid` UInt32 CODEC(T64, ZSTD),
  `pid` UInt32 CODEC(T64, ZSTD),
  `command` String,
  `through` Enum8('unknown'=0,'netlink'=1,'sockopt'=2,'sysctl'=3,'vslog'=4,'kernel'=5),
  `where` Enum8('none'=0,'ring'=1,'journal'=2,'spool'=3,'source'=4,'conn_map'=5,'malformed'=6,'sink'=7),
  `lost` UInt64 CODEC(Delta, ZSTD),
  `first_ns` DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
  `last_ns` DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
  `detail` String,
  `netns` UInt32 CODEC(T64, ZSTD),
  `fresh` Bool,
  `boot_id` String
) ENGINE = ReplicatedMergeTree PARTITION BY toDate(time_ns) ORDER BY (node, epoch, sequence) TTL toDateTime(time_ns) + INTERVAL 90 DAY;

CREATE TABLE IF NOT EXISTS vslog.control_events ON CLUSTER '{cluster}' AS vslog.control_events_local ENGINE = Distributed('{cluster}', vslog, control_events_local, cityHash64(node));

CREATE VIEW IF NOT EXISTS vslog.connections ON CLUSTER '{cluster}' AS SELECT e.node AS node, e.conn_id AS conn_id, min(if(toUnixTimestamp64Nano(e.created_ns) = 0, e.time_ns, e.created_ns)) AS start, maxIf(e.time_ns, e.kind = 'expire') AS end, countIf(e.kind = 'expire') = 0 AS open, argMax(e.protocol, e.sequence) AS protocol, replaceRegexpOne(IPv6NumToString(argMax(e.client_addr, e.sequence)), '^::ffff:', '') AS client_addr, argMax(e.client_port, e.sequence) AS client_port, replaceRegexpOne(IPv6NumToString(argMax(e.virtual_addr, e.sequence)), '^::ffff:', '') AS virtual_addr, argMax(e.virtual_port, e.sequence) AS virtual_port, replaceRegexpOne(IPv6NumToString(argMax(e.real_addr, e.sequence)), '^::ffff:', '') AS real_addr, argMax(e.real_port, e.sequence) AS real_port, argMax(e.fwmark, e.sequence) AS fwmark, argMax(e.forward, e.sequence) AS forward, argMax(e.is_template, e.sequence) AS is_template, argMax(e.template_id, e.sequence) AS template_id, argMax(e.duration_ns, e.sequence) AS duration_ns, argMax(e.packets_in, e.sequence) AS packets_in, argMax(e.bytes_in, e.sequence) AS bytes_in, argMax(e.packets_out, e.sequence) AS packets_out, argMax(e.bytes_out, e.sequence) AS bytes_out, maxIf(e.reason, e.kind = 'expire') AS reason FROM vslog.conn_events AS e WHERE e.conn_id != 0 GROUP BY e.node, e.conn_id;

INSERT INTO vslog.schema_migrations (version, name, sha256) SETTINGS async_insert = 0 VALUES (1, '001_events.sql', 'd101393b4ce87b3bfe752ccf871bc121beac2e8f7d71b5ccb8c7c1fc820dbc46');

ALTER TABLE vslog.control_events_local ON CLUSTER '{cluster}' MODIFY TTL toDateTime(time_ns) + INTERVAL 10 YEAR;

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS time DateTime64(9, 'UTC') ALIAS time_ns;

ALTER TABLE vslog.conn_events ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS time DateTime64(9, 'UTC') ALIAS time_ns;

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS created DateTime64(9, 'UTC') ALIAS created_ns;

ALTER TABLE vslog.conn_events ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS created DateTime64(9, 'UTC') ALIAS created_ns;

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS protocol_name String ALIAS transform(protocol, [6, 17, 132], ['TCP', 'UDP', 'SCTP'], toString(protocol));

ALTER TABLE vslog.conn_events ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS protocol_name String ALIAS transform(protocol, [6, 17, 132], ['TCP', 'UDP', 'SCTP'], toString(protocol));

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS state_name String ALIAS multiIf(is_template, if(bitTest(state, 0), 'ASSURED', 'NONE'), protocol = 6, transform(state, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], ['NONE', 'ESTABLISHED', 'SYN_SENT', 'SYN_RECV', 'FIN_WAIT', 'TIME_WAIT', 'CLOSE', 'CLOSE_WAIT', 'LAST_ACK', 'LISTEN', 'SYNACK'], toString(state)), protocol = 17, transform(state, [0], ['NORMAL'], toString(state)), protocol = 132, transform(state, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13], ['NONE', 'INIT1', 'INIT', 'COOKIE_SENT', 'COOKIE_REPLIED', 'COOKIE_WAIT', 'COOKIE', 'COOKIE_ECHOED', 'ESTABLISHED', 'SHUTDOWN_SENT', 'SHUTDOWN_RECEIVED', 'SHUTDOWN_ACK_SENT', 'REJECTED', 'CLOSED'], toString(state)), toString(state));

ALTER TABLE vslog.conn_events ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS state_name String ALIAS multiIf(is_template, if(bitTest(state, 0), 'ASSURED', 'NONE'), protocol = 6, transform(state, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], ['NONE', 'ESTABLISHED', 'SYN_SENT', 'SYN_RECV', 'FIN_WAIT', 'TIME_WAIT', 'CLOSE', 'CLOSE_WAIT', 'LAST_ACK', 'LISTEN', 'SYNACK'], toString(state)), protocol = 17, transform(state, [0], ['NORMAL'], toString(state)), protocol = 132, transform(state, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13], ['NONE', 'INIT1', 'INIT', 'COOKIE_SENT', 'COOKIE_REPLIED', 'COOKIE_WAIT', 'COOKIE', 'COOKIE_ECHOED', 'ESTABLISHED', 'SHUTDOWN_SENT', 'SHUTDOWN_RECEIVED', 'SHUTDOWN_ACK_SENT', 'REJECTED', 'CLOSED'], toString(state)), toString(state));

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' ADD INDEX IF NOT EXISTS by_connection conn_id TYPE bloom_filter GRANULARITY 4;

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' ADD INDEX IF NOT EXISTS by_client client_addr TYPE bloom_filter GRANULARITY 4;

ALTER TABLE vslog.control_events_local ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS time DateTime64(9, 'UTC') ALIAS time_ns;

ALTER TABLE vslog.control_events ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS time DateTime64(9, 'UTC') ALIAS time_ns;

ALTER TABLE vslog.control_events_local ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS protocol_name String ALIAS transform(protocol, [6, 17, 132], ['TCP', 'UDP', 'SCTP'], toString(protocol));

ALTER TABLE vslog.control_events ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS protocol_name String ALIAS transform(protocol, [6, 17, 132], ['TCP', 'UDP', 'SCTP'], toString(protocol));

INSERT INTO vslog.schema_migrations (version, name, sha256) SETTINGS async_insert = 0 VALUES (2, '002_readable.sql', 'c10069f83a7e3b443becd862b8f26f7e34bc1afef5aa91896c1607f5b81af9c8');

DROP VIEW IF EXISTS vslog.connections ON CLUSTER '{cluster}' SYNC;

CREATE TABLE IF NOT EXISTS vslog.connections_data_local ON CLUSTER '{cluster}' (
  node LowCardinality(String),
  conn_id UInt64 CODEC(Delta, ZSTD),
  epoch LowCardinality(String),
  kind Enum8('create' = 1, 'expire' = 2, 'snapshot' = 6),
  version UInt64 CODEC(Delta, ZSTD),
  seen DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
  start DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
  client_addr String CODEC(ZSTD),
  virtual_addr String CODEC(ZSTD),
  real_addr String CODEC(ZSTD),
  protocol UInt32,
  client_port UInt32,
  virtual_port UInt32,
  real_port UInt32,
  fwmark UInt32,
  forward Enum8('masq'=0,'local'=1,'tunnel'=2,'direct'=3,'bypass'=4),
  flags UInt32,
  state UInt32,
  is_template Bool,
  template_id UInt64,
  weight Int32,
  duration_ns UInt64,
  packets_in UInt64,
  bytes_in UInt64,
  packets_out UInt64,
  bytes_out UInt64,
  reason Enum8('none'=0,'timeout'=1,'expire_now'=2,'nodest'=3,'flushed'=4,'drop_entry'=5,'service_removed'=6,'module_unload'=7,'template_quiesced'=8,'one_packet'=9,'missed'=10,'unknown'=11),
  scheduled_by Enum8('unknown'=0,'scheduler'=1,'persistence'=2,'sync'=3,'bypass'=4),
  quiesced Bool,
  timeout_ms UInt32,
  netns UInt32
) ENGINE = ReplicatedReplacingMergeTree(version) ORDER BY (node, conn_id) TTL toDateTime(seen) + INTERVAL 90 DAY DELETE WHERE kind = 'expire';

CREATE TABLE IF NOT EXISTS vslog.connections_data ON CLUSTER '{cluster}' AS vslog.connections_data_local ENGINE = Distributed('{cluster}', vslog, connections_data_local, cityHash64(node, conn_id));

CREATE MATERIALIZED VIEW IF NOT EXISTS vslog.connections_feed ON CLUSTER '{cluster}' TO vslog.connections_data_local AS SELECT node, conn_id, epoch, CAST(toString(kind), 'Enum8(\'create\' = 1, \'expire\' = 2, \'snapshot\' = 6)') AS kind, if(e.kind = 'expire', bitShiftLeft(toUInt64(1), 63), toUInt64(0)) + toUInt64(toUnixTimestamp64Nano(time_ns)) AS version, time_ns AS seen, if(toUnixTimestamp64Nano(created_ns) != 0, created_ns, fromUnixTimestamp64Nano(toUnixTimestamp64Nano(time_ns) - toInt64(duration_ns), 'UTC')) AS start, multiIf(e.client_addr = toIPv6('::'), '', startsWith(IPv6NumToString(e.client_addr), '::ffff:') AND position(IPv6NumToString(e.client_addr), '.') > 0, substring(IPv6NumToString(e.client_addr), 8), IPv6NumToString(e.client_addr)) AS client_addr, multiIf(e.virtual_addr = toIPv6('::'), '', startsWith(IPv6NumToString(e.virtual_addr), '::ffff:') AND position(IPv6NumToString(e.virtual_addr), '.') > 0, substring(IPv6NumToString(e.virtual_addr), 8), IPv6NumToString(e.virtual_addr)) AS virtual_addr, multiIf(e.real_addr = toIPv6('::'), '', startsWith(IPv6NumToString(e.real_addr), '::ffff:') AND position(IPv6NumToString(e.real_addr), '.') > 0, substring(IPv6NumToString(e.real_addr), 8), IPv6NumToString(e.real_addr)) AS real_addr, protocol, client_port, virtual_port, real_port, fwmark, forward, flags, state, is_template, template_id, weight, duration_ns, packets_in, bytes_in, packets_out, bytes_out, reason, scheduled_by, quiesced, timeout_ms, netns FROM vslog.conn_events_local AS e WHERE e.conn_id != 0 AND e.kind IN ('create', 'expire', 'snapshot');

INSERT INTO vslog.connections_data (node, conn_id, epoch, kind, version, seen, start, client_addr, virtual_addr, real_addr, protocol, client_port, virtual_port, real_port, fwmark, forward, flags, state, is_template, template_id, weight, duration_ns, packets_in, bytes_in, packets_out, bytes_out, reason, scheduled_by, quiesced, timeout_ms, netns) SELECT node, conn_id, epoch, CAST(toString(kind), 'Enum8(\'create\' = 1, \'expire\' = 2, \'snapshot\' = 6)') AS kind, if(e.kind = 'expire', bitShiftLeft(toUInt64(1), 63), toUInt64(0)) + toUInt64(toUnixTimestamp64Nano(time_ns)) AS version, time_ns AS seen, if(toUnixTimestamp64Nano(created_ns) != 0, created_ns, fromUnixTimestamp64Nano(toUnixTimestamp64Nano(time_ns) - toInt64(duration_ns), 'UTC')) AS start, multiIf(e.client_addr = toIPv6('::'), '', startsWith(IPv6NumToString(e.client_addr), '::ffff:') AND position(IPv6NumToString(e.client_addr), '.') > 0, substring(IPv6NumToString(e.client_addr), 8), IPv6NumToString(e.client_addr)) AS client_addr, multiIf(e.virtual_addr = toIPv6('::'), '', startsWith(IPv6NumToString(e.virtual_addr), '::ffff:') AND position(IPv6NumToString(e.virtual_addr), '.') > 0, substring(IPv6NumToString(e.virtual_addr), 8), IPv6NumToString(e.virtual_addr)) AS virtual_addr, multiIf(e.real_addr = toIPv6('::'), '', startsWith(IPv6NumToString(e.real_addr), '::ffff:') AND position(IPv6NumToString(e.real_addr), '.') > 0, substring(IPv6NumToString(e.real_addr), 8), IPv6NumToString(e.real_addr)) AS real_addr, protocol, client_port, virtual_port, real_port, fwmark, forward, flags, state, is_template, template_id, weight, duration_ns, packets_in, bytes_in, packets_out, bytes_out, reason, scheduled_by, quiesced, timeout_ms, netns FROM vslog.conn_events AS e WHERE e.conn_id != 0 AND e.kind IN ('create', 'expire', 'snapshot');

CREATE VIEW vslog.connections ON CLUSTER '{cluster}' AS
WITH
  (SELECT groupArray((n, t)) FROM (SELECT toString(node) AS n, time_ns AS t FROM vslog.control_events WHERE kind = 'capture_started' AND fresh ORDER BY t)) AS restarts,
  arrayFirst(x -> x.1 = toString(c.node) AND x.2 > c.seen, restarts).2 AS restart,
  c.kind != 'expire' AND toUnixTimestamp64Nano(restart) != 0 AS was_missed
SELECT
  c.node AS node, c.conn_id AS conn_id, c.start AS start,
  multiIf(c.kind = 'expire', toNullable(c.seen), was_missed, toNullable(restart), NULL) AS end,
  CAST(c.kind != 'expire' AND NOT was_missed, 'Bool') AS is_open,
  if(was_missed, CAST('missed', 'Enum8(\'none\'=0,\'timeout\'=1,\'expire_now\'=2,\'nodest\'=3,\'flushed\'=4,\'drop_entry\'=5,\'service_removed\'=6,\'module_unload\'=7,\'template_quiesced\'=8,\'one_packet\'=9,\'missed\'=10,\'unknown\'=11)'), c.reason) AS reason,
  c.duration_ns AS duration_ns,
  if(c.kind = 'expire' AND c.duration_ns != 0, toNullable(c.duration_ns / 1e9), NULL) AS duration_s,
  c.protocol AS protocol, transform(c.protocol, [6, 17, 132], ['TCP', 'UDP', 'SCTP'], toString(c.protocol)) AS protocol_name,
  c.client_addr AS client_addr, c.client_port AS client_port,
  c.virtual_addr AS virtual_addr, c.virtual_port AS virtual_port,
  c.real_addr AS real_addr, c.real_port AS real_port,
  c.fwmark AS fwmark, c.forward AS forward, c.flags AS flags, c.state AS state,
  multiIf(c.is_template, if(bitTest(c.state, 0), 'ASSURED', 'NONE'), c.protocol = 6, transform(c.state, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], ['NONE', 'ESTABLISHED', 'SYN_SENT', 'SYN_RECV', 'FIN_WAIT', 'TIME_WAIT', 'CLOSE', 'CLOSE_WAIT', 'LAST_ACK', 'LISTEN', 'SYNACK'], toString(c.state)), c.protocol = 17, transform(c.state, [0], ['NORMAL'], toString(c.state)), c.protocol = 132, transform(c.state, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13], ['NONE', 'INIT1', 'INIT', 'COOKIE_SENT', 'COOKIE_REPLIED', 'COOKIE_WAIT', 'COOKIE', 'COOKIE_ECHOED', 'ESTABLISHED', 'SHUTDOWN_SENT', 'SHUTDOWN_RECEIVED', 'SHUTDOWN_ACK_SENT', 'REJECTED', 'CLOSED'], toString(c.state)), toString(c.state)) AS state_name,
  c.is_template AS is_template, c.template_id AS template_id, c.scheduled_by AS scheduled_by,
  c.weight AS weight, c.quiesced AS quiesced,
  c.packets_in AS packets_in, c.bytes_in AS bytes_in, c.packets_out AS packets_out, c.bytes_out AS bytes_out,
  c.timeout_ms AS timeout_ms, c.netns AS netns, c.epoch AS epoch, c.seen AS last_event
FROM vslog.connections_data AS c FINAL;

INSERT INTO vslog.schema_migrations (version, name, sha256) SETTINGS async_insert = 0 VALUES (3, '003_connections.sql', '9390c102534abf8fa44179e656fb6ea1a58703992bbdb8798f236322369d02e6');

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;

ALTER TABLE vslog.control_events_local ON CLUSTER '{cluster}' MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;

ALTER TABLE vslog.connections_data_local ON CLUSTER '{cluster}' MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;

ALTER TABLE vslog.batches_local ON CLUSTER '{cluster}' MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;

INSERT INTO vslog.schema_migrations (version, name, sha256) SETTINGS async_insert = 0 VALUES (4, '004_durable.sql', '0d5546b5d13eae94733d09fc7174e22770dd3a35c6950c5bff02890767899aa3');

DROP VIEW IF EXISTS vslog.connections_feed ON CLUSTER '{cluster}' SYNC;

DROP VIEW IF EXISTS vslog.connections ON CLUSTER '{cluster}' SYNC;

DROP TABLE IF EXISTS vslog.connections_data ON CLUSTER '{cluster}' SYNC;

DROP TABLE IF EXISTS vslog.connections_data_local ON CLUSTER '{cluster}' SYNC;

CREATE TABLE IF NOT EXISTS vslog.connections_data_local ON CLUSTER '{cluster}' (
  node LowCardinality(String),
  conn_id UInt64 CODEC(Delta, ZSTD),
  epoch LowCardinality(String),
  kind Enum8('create' = 1, 'expire' = 2, 'snapshot' = 6),
  version UInt64 CODEC(Delta, ZSTD),
  seen DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
  start DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
  client_addr IPv6 CODEC(ZSTD),
  virtual_addr IPv6 CODEC(ZSTD),
  real_addr IPv6 CODEC(ZSTD),
  protocol UInt32,
  client_port UInt32,
  virtual_port UInt32,
  real_port UInt32,
  fwmark UInt32,
  forward Enum8('masq'=0,'local'=1,'tunnel'=2,'direct'=3,'bypass'=4),
  flags UInt32,
  state UInt32,
  is_template Bool,
  template_id UInt64,
  weight Int32,
  duration_ns UInt64,
  packets_in UInt64,
  bytes_in UInt64,
  packets_out UInt64,
  bytes_out UInt64,
  reason Enum8('none'=0,'timeout'=1,'expire_now'=2,'nodest'=3,'flushed'=4,'drop_entry'=5,'service_removed'=6,'module_unload'=7,'template_quiesced'=8,'one_packet'=9,'missed'=10,'unknown'=11),
  scheduled_by Enum8('unknown'=0,'scheduler'=1,'persistence'=2,'sync'=3,'bypass'=4),
  quiesced Bool,
  timeout_ms UInt32,
  netns UInt32
) ENGINE = ReplicatedReplacingMergeTree(version) ORDER BY (node, conn_id) TTL toDateTime(seen) + INTERVAL 90 DAY DELETE WHERE kind = 'expire' SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS vslog.connections_data ON CLUSTER '{cluster}' AS vslog.connections_data_local ENGINE = Distributed('{cluster}', vslog, connections_data_local, cityHash64(node, conn_id));

CREATE MATERIALIZED VIEW IF NOT EXISTS vslog.connections_feed ON CLUSTER '{cluster}' TO vslog.connections_data_local AS SELECT node, conn_id, epoch, CAST(CAST(e.kind, 'Int8'), 'Enum8(\'create\' = 1, \'expire\' = 2, \'snapshot\' = 6)') AS kind, if(e.kind = 'expire', bitShiftLeft(toUInt64(1), 63), toUInt64(0)) + toUInt64(toUnixTimestamp64Nano(time_ns)) AS version, time_ns AS seen, if(toUnixTimestamp64Nano(created_ns) != 0, created_ns, fromUnixTimestamp64Nano(toUnixTimestamp64Nano(time_ns) - toInt64(duration_ns), 'UTC')) AS start, client_addr, virtual_addr, real_addr, protocol, client_port, virtual_port, real_port, fwmark, forward, flags, state, is_template, template_id, weight, duration_ns, packets_in, bytes_in, packets_out, bytes_out, reason, scheduled_by, quiesced, timeout_ms, netns FROM vslog.conn_events_local AS e WHERE e.conn_id != 0 AND e.kind IN ('create', 'expire', 'snapshot');

INSERT INTO vslog.connections_data (node, conn_id, epoch, kind, version, seen, start, client_addr, virtual_addr, real_addr, protocol, client_port, virtual_port, real_port, fwmark, forward, flags, state, is_template, template_id, weight, duration_ns, packets_in, bytes_in, packets_out, bytes_out, reason, scheduled_by, quiesced, timeout_ms, netns) SELECT node, conn_id, epoch, CAST(CAST(e.kind, 'Int8'), 'Enum8(\'create\' = 1, \'expire\' = 2, \'snapshot\' = 6)') AS kind, if(e.kind = 'expire', bitShiftLeft(toUInt64(1), 63), toUInt64(0)) + toUInt64(toUnixTimestamp64Nano(time_ns)) AS version, time_ns AS seen, if(toUnixTimestamp64Nano(created_ns) != 0, created_ns, fromUnixTimestamp64Nano(toUnixTimestamp64Nano(time_ns) - toInt64(duration_ns), 'UTC')) AS start, client_addr, virtual_addr, real_addr, protocol, client_port, virtual_port, real_port, fwmark, forward, flags, state, is_template, template_id, weight, duration_ns, packets_in, bytes_in, packets_out, bytes_out, reason, scheduled_by, quiesced, timeout_ms, netns FROM vslog.conn_events AS e WHERE e.conn_id != 0 AND e.kind IN ('create', 'expire', 'snapshot');

CREATE VIEW vslog.connections ON CLUSTER '{cluster}' AS
WITH
  (SELECT groupArray((n, t)) FROM (SELECT toString(node) AS n, time_ns AS t FROM vslog.control_events WHERE kind = 'capture_started' AND fresh ORDER BY t)) AS restarts,
  arrayFirst(x -> x.1 = toString(c.node) AND x.2 > c.seen, restarts).2 AS restart,
  c.kind != 'expire' AND toUnixTimestamp64Nano(restart) != 0 AS was_missed
SELECT
  c.node AS node, c.conn_id AS conn_id, c.start AS start,
  multiIf(c.kind = 'expire', toNullable(c.seen), was_missed, toNullable(restart), NULL) AS end,
  CAST(c.kind != 'expire' AND NOT was_missed, 'Bool') AS is_open,
  if(was_missed, CAST('missed', 'Enum8(\'none\'=0,\'timeout\'=1,\'expire_now\'=2,\'nodest\'=3,\'flushed\'=4,\'drop_entry\'=5,\'service_removed\'=6,\'module_unload\'=7,\'template_quiesced\'=8,\'one_packet\'=9,\'missed\'=10,\'unknown\'=11)'), c.reason) AS reason,
  c.duration_ns AS duration_ns,
  if(c.kind = 'expire' AND c.duration_ns != 0, toNullable(c.duration_ns / 1e9), NULL) AS duration_s,
  c.protocol AS protocol, transform(c.protocol, [6, 17, 132], ['TCP', 'UDP', 'SCTP'], toString(c.protocol)) AS protocol_name,
  multiIf(c.client_addr = toIPv6('::'), '', startsWith(IPv6NumToString(c.client_addr), '::ffff:') AND position(IPv6NumToString(c.client_addr), '.') > 0, substring(IPv6NumToString(c.client_addr), 8), IPv6NumToString(c.client_addr)) AS client_addr, c.client_port AS client_port,
  multiIf(c.virtual_addr = toIPv6('::'), '', startsWith(IPv6NumToString(c.virtual_addr), '::ffff:') AND position(IPv6NumToString(c.virtual_addr), '.') > 0, substring(IPv6NumToString(c.virtual_addr), 8), IPv6NumToString(c.virtual_addr)) AS virtual_addr, c.virtual_port AS virtual_port,
  multiIf(c.real_addr = toIPv6('::'), '', startsWith(IPv6NumToString(c.real_addr), '::ffff:') AND position(IPv6NumToString(c.real_addr), '.') > 0, substring(IPv6NumToString(c.real_addr), 8), IPv6NumToString(c.real_addr)) AS real_addr, c.real_port AS real_port,
  c.fwmark AS fwmark, c.forward AS forward, c.flags AS flags, c.state AS state,
  multiIf(c.is_template, if(bitTest(c.state, 0), 'ASSURED', 'NONE'), c.protocol = 6, transform(c.state, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], ['NONE', 'ESTABLISHED', 'SYN_SENT', 'SYN_RECV', 'FIN_WAIT', 'TIME_WAIT', 'CLOSE', 'CLOSE_WAIT', 'LAST_ACK', 'LISTEN', 'SYNACK'], toString(c.state)), c.protocol = 17, transform(c.state, [0], ['NORMAL'], toString(c.state)), c.protocol = 132, transform(c.state, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13], ['NONE', 'INIT1', 'INIT', 'COOKIE_SENT', 'COOKIE_REPLIED', 'COOKIE_WAIT', 'COOKIE', 'COOKIE_ECHOED', 'ESTABLISHED', 'SHUTDOWN_SENT', 'SHUTDOWN_RECEIVED', 'SHUTDOWN_ACK_SENT', 'REJECTED', 'CLOSED'], toString(c.state)), toString(c.state)) AS state_name,
  c.is_template AS is_template, c.template_id AS template_id, c.scheduled_by AS scheduled_by,
  c.weight AS weight, c.quiesced AS quiesced,
  c.packets_in AS packets_in, c.bytes_in AS bytes_in, c.packets_out AS packets_out, c.bytes_out AS bytes_out,
  c.timeout_ms AS timeout_ms, c.netns AS netns, c.epoch AS epoch, c.seen AS last_event
FROM vslog.connections_data AS c FINAL;

INSERT INTO vslog.schema_migrations (version, name, sha256) SETTINGS async_insert = 0 VALUES (5, '005_connection_addresses.sql', '1898bc1810caafa56e1fc171fad1ba632ee9ccdb62437070fd88c9d078f6bf96');

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS `zone` UInt32 CODEC(T64, ZSTD);

ALTER TABLE vslog.conn_events ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS `zone` UInt32 CODEC(T64, ZSTD);

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS `mark` UInt32 CODEC(T64, ZSTD);

ALTER TABLE vslog.conn_events ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS `mark` UInt32 CODEC(T64, ZSTD);

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS `labels` UInt128 CODEC(ZSTD);

ALTER TABLE vslog.conn_events ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS `labels` UInt128 CODEC(ZSTD);

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' MODIFY COLUMN protocol_name String ALIAS transform(protocol, [1, 6, 17, 33, 47, 50, 51, 58, 132, 136], ['ICMP', 'TCP', 'UDP', 'DCCP', 'GRE', 'ESP', 'AH', 'ICMPv6', 'SCTP', 'UDPLITE'], toString(protocol));

ALTER TABLE vslog.conn_events ON CLUSTER '{cluster}' MODIFY COLUMN protocol_name String ALIAS transform(protocol, [1, 6, 17, 33, 47, 50, 51, 58, 132, 136], ['ICMP', 'TCP', 'UDP', 'DCCP', 'GRE', 'ESP', 'AH', 'ICMPv6', 'SCTP', 'UDPLITE'], toString(protocol));

ALTER TABLE vslog.control_events_local ON CLUSTER '{cluster}' MODIFY COLUMN protocol_name String ALIAS transform(protocol, [1, 6, 17, 33, 47, 50, 51, 58, 132, 136], ['ICMP', 'TCP', 'UDP', 'DCCP', 'GRE', 'ESP', 'AH', 'ICMPv6', 'SCTP', 'UDPLITE'], toString(protocol));

ALTER TABLE vslog.control_events ON CLUSTER '{cluster}' MODIFY COLUMN protocol_name String ALIAS transform(protocol, [1, 6, 17, 33, 47, 50, 51, 58, 132, 136], ['ICMP', 'TCP', 'UDP', 'DCCP', 'GRE', 'ESP', 'AH', 'ICMPv6', 'SCTP', 'UDPLITE'], toString(protocol));

ALTER TABLE vslog.connections_data_local ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS zone UInt32;

ALTER TABLE vslog.connections_data ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS zone UInt32;

ALTER TABLE vslog.connections_data_local ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS mark UInt32;

ALTER TABLE vslog.connections_data ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS mark UInt32;

ALTER TABLE vslog.connections_data_local ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS labels UInt128;

ALTER TABLE vslog.connections_data ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS labels UInt128;

DROP VIEW IF EXISTS vslog.connections_feed ON CLUSTER '{cluster}' SYNC;

CREATE MATERIALIZED VIEW IF NOT EXISTS vslog.connections_feed ON CLUSTER '{cluster}' TO vslog.connections_data_local AS SELECT node, conn_id, epoch, CAST(CAST(e.kind, 'Int8'), 'Enum8(\'create\' = 1, \'expire\' = 2, \'snapshot\' = 6)') AS kind, if(e.kind = 'expire', bitShiftLeft(toUInt64(1), 63), toUInt64(0)) + toUInt64(toUnixTimestamp64Nano(time_ns)) AS version, time_ns AS seen, if(toUnixTimestamp64Nano(created_ns) != 0, created_ns, fromUnixTimestamp64Nano(toUnixTimestamp64Nano(time_ns) - toInt64(duration_ns), 'UTC')) AS start, client_addr, virtual_addr, real_addr, protocol, client_port, virtual_port, real_port, fwmark, forward, flags, state, is_template, template_id, weight, duration_ns, packets_in, bytes_in, packets_out, bytes_out, reason, scheduled_by, quiesced, timeout_ms, netns, zone, mark, labels FROM vslog.conn_events_local AS e WHERE e.conn_id != 0 AND e.kind IN ('create', 'expire', 'snapshot');

DROP VIEW IF EXISTS vslog.connections ON CLUSTER '{cluster}' SYNC;

CREATE VIEW vslog.connections ON CLUSTER '{cluster}' AS
WITH
  (SELECT groupArray((n, t)) FROM (SELECT toString(node) AS n, time_ns AS t FROM vslog.control_events WHERE kind = 'capture_started' AND fresh ORDER BY t)) AS restarts,
  arrayFirst(x -> x.1 = toString(c.node) AND x.2 > c.seen, restarts).2 AS restart,
  c.kind != 'expire' AND toUnixTimestamp64Nano(restart) != 0 AS was_missed
SELECT
  c.node AS node, c.conn_id AS conn_id, c.start AS start,
  multiIf(c.kind = 'expire', toNullable(c.seen), was_missed, toNullable(restart), NULL) AS end,
  CAST(c.kind != 'expire' AND NOT was_missed, 'Bool') AS is_open,
  if(was_missed, CAST('missed', 'Enum8(\'none\'=0,\'timeout\'=1,\'expire_now\'=2,\'nodest\'=3,\'flushed\'=4,\'drop_entry\'=5,\'service_removed\'=6,\'module_unload\'=7,\'template_quiesced\'=8,\'one_packet\'=9,\'missed\'=10,\'unknown\'=11)'), c.reason) AS reason,
  c.duration_ns AS duration_ns,
  if(c.kind = 'expire' AND c.duration_ns != 0, toNullable(c.duration_ns / 1e9), NULL) AS duration_s,
  c.protocol AS protocol, transform(c.protocol, [1, 6, 17, 33, 47, 50, 51, 58, 132, 136], ['ICMP', 'TCP', 'UDP', 'DCCP', 'GRE', 'ESP', 'AH', 'ICMPv6', 'SCTP', 'UDPLITE'], toString(c.protocol)) AS protocol_name,
  multiIf(c.client_addr = toIPv6('::'), '', startsWith(IPv6NumToString(c.client_addr), '::ffff:') AND position(IPv6NumToString(c.client_addr), '.') > 0, substring(IPv6NumToString(c.client_addr), 8), IPv6NumToString(c.client_addr)) AS client_addr, c.client_port AS client_port,
  multiIf(c.virtual_addr = toIPv6('::'), '', startsWith(IPv6NumToString(c.virtual_addr), '::ffff:') AND position(IPv6NumToString(c.virtual_addr), '.') > 0, substring(IPv6NumToString(c.virtual_addr), 8), IPv6NumToString(c.virtual_addr)) AS virtual_addr, c.virtual_port AS virtual_port,
  multiIf(c.real_addr = toIPv6('::'), '', startsWith(IPv6NumToString(c.real_addr), '::ffff:') AND position(IPv6NumToString(c.real_addr), '.') > 0, substring(IPv6NumToString(c.real_addr), 8), IPv6NumToString(c.real_addr)) AS real_addr, c.real_port AS real_port,
  c.fwmark AS fwmark, c.forward AS forward, c.flags AS flags, c.state AS state,
  multiIf(c.is_template, if(bitTest(c.state, 0), 'ASSURED', 'NONE'), c.protocol = 6, transform(c.state, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], ['NONE', 'ESTABLISHED', 'SYN_SENT', 'SYN_RECV', 'FIN_WAIT', 'TIME_WAIT', 'CLOSE', 'CLOSE_WAIT', 'LAST_ACK', 'LISTEN', 'SYNACK'], toString(c.state)), c.protocol = 17, transform(c.state, [0], ['NORMAL'], toString(c.state)), c.protocol = 132, transform(c.state, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13], ['NONE', 'INIT1', 'INIT', 'COOKIE_SENT', 'COOKIE_REPLIED', 'COOKIE_WAIT', 'COOKIE', 'COOKIE_ECHOED', 'ESTABLISHED', 'SHUTDOWN_SENT', 'SHUTDOWN_RECEIVED', 'SHUTDOWN_ACK_SENT', 'REJECTED', 'CLOSED'], toString(c.state)), toString(c.state)) AS state_name,
  c.is_template AS is_template, c.template_id AS template_id, c.scheduled_by AS scheduled_by,
  c.weight AS weight, c.quiesced AS quiesced,
  c.packets_in AS packets_in, c.bytes_in AS bytes_in, c.packets_out AS packets_out, c.bytes_out AS bytes_out,
  c.timeout_ms AS timeout_ms, c.netns AS netns, c.zone AS zone, c.mark AS mark, c.labels AS labels, c.epoch AS epoch, c.seen AS last_event
FROM vslog.connections_data AS c FINAL;

INSERT INTO vslog.schema_migrations (version, name, sha256) SETTINGS async_insert = 0 VALUES (6, '006_conntrack.sql', 'a1af37cef700122cfd1cf72c0999a340fb036de0c33cc1603c9108d65a996033');

ALTER TABLE vslog.control_events_local ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS `parent_pid` UInt32 CODEC(T64, ZSTD);

ALTER TABLE vslog.control_events ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS `parent_pid` UInt32 CODEC(T64, ZSTD);

ALTER TABLE vslog.control_events_local ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS `parent_command` String;

ALTER TABLE vslog.control_events ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS `parent_command` String;

ALTER TABLE vslog.control_events_local ON CLUSTER '{cluster}' MODIFY COLUMN `where` Enum8('none'=0,'ring'=1,'journal'=2,'spool'=3,'source'=4,'conn_map'=5,'malformed'=6,'sink'=7,'summarised'=8);

ALTER TABLE vslog.control_events ON CLUSTER '{cluster}' MODIFY COLUMN `where` Enum8('none'=0,'ring'=1,'journal'=2,'spool'=3,'source'=4,'conn_map'=5,'malformed'=6,'sink'=7,'summarised'=8);

INSERT INTO vslog.schema_migrations (version, name, sha256) SETTINGS async_insert = 0 VALUES (7, '007_parent.sql', '4631d6da5a10f8d3293caf07b03425150bf7729ed03fb9efab88610fec52709e');

DROP VIEW IF EXISTS vslog.connections_feed ON CLUSTER '{cluster}' SYNC;

DROP VIEW IF EXISTS vslog.connections ON CLUSTER '{cluster}' SYNC;

DROP TABLE IF EXISTS vslog.connections_data ON CLUSTER '{cluster}' SYNC;

DROP TABLE IF EXISTS vslog.connections_data_local ON CLUSTER '{cluster}' SYNC;

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS created_skew Int64 CODEC(ZSTD);

ALTER TABLE vslog.conn_events ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS created_skew Int64 CODEC(ZSTD);

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' UPDATE created_skew = if(toUnixTimestamp64Nano(created_ns) = 0, toInt64(-9223372036854775808), toUnixTimestamp64Nano(created_ns) - toUnixTimestamp64Nano(time_ns) + toInt64(duration_ns)) WHERE true SETTINGS mutations_sync = 2;

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' DROP COLUMN IF EXISTS created;

ALTER TABLE vslog.conn_events ON CLUSTER '{cluster}' DROP COLUMN IF EXISTS created;

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' DROP COLUMN IF EXISTS created_ns;

ALTER TABLE vslog.conn_events ON CLUSTER '{cluster}' DROP COLUMN IF EXISTS created_ns;

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS created_ns DateTime64(9, 'UTC') ALIAS fromUnixTimestamp64Nano(if(created_skew = toInt64(-9223372036854775808), toInt64(0), toUnixTimestamp64Nano(time_ns) - toInt64(duration_ns) + created_skew), 'UTC');

ALTER TABLE vslog.conn_events ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS created_ns DateTime64(9, 'UTC') ALIAS fromUnixTimestamp64Nano(if(created_skew = toInt64(-9223372036854775808), toInt64(0), toUnixTimestamp64Nano(time_ns) - toInt64(duration_ns) + created_skew), 'UTC');

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS created DateTime64(9, 'UTC') ALIAS fromUnixTimestamp64Nano(if(created_skew = toInt64(-9223372036854775808), toInt64(0), toUnixTimestamp64Nano(time_ns) - toInt64(duration_ns) + created_skew), 'UTC');

ALTER TABLE vslog.conn_events ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS created DateTime64(9, 'UTC') ALIAS fromUnixTimestamp64Nano(if(created_skew = toInt64(-9223372036854775808), toInt64(0), toUnixTimestamp64Nano(time_ns) - toInt64(duration_ns) + created_skew), 'UTC');

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' MODIFY COLUMN `time_ns` DateTime64(9, 'UTC') CODEC(Delta, T64('bit'), ZSTD);

ALTER TABLE vslog.conn_events ON CLUSTER '{cluster}' MODIFY COLUMN `time_ns` DateTime64(9, 'UTC') CODEC(Delta, T64('bit'), ZSTD);

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' MODIFY COLUMN `sequence` UInt64 CODEC(DoubleDelta, ZSTD);

ALTER TABLE vslog.conn_events ON CLUSTER '{cluster}' MODIFY COLUMN `sequence` UInt64 CODEC(DoubleDelta, ZSTD);

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' MODIFY COLUMN `conn_id` UInt64 CODEC(DoubleDelta, ZSTD);

ALTER TABLE vslog.conn_events ON CLUSTER '{cluster}' MODIFY COLUMN `conn_id` UInt64 CODEC(DoubleDelta, ZSTD);

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' MODIFY COLUMN `client_port` UInt32 CODEC(ZSTD);

ALTER TABLE vslog.conn_events ON CLUSTER '{cluster}' MODIFY COLUMN `client_port` UInt32 CODEC(ZSTD);

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' MODIFY COLUMN `duration_ns` UInt64 CODEC(ZSTD);

ALTER TABLE vslog.conn_events ON CLUSTER '{cluster}' MODIFY COLUMN `duration_ns` UInt64 CODEC(ZSTD);

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' MODIFY COLUMN `packets_in` UInt64 CODEC(T64, ZSTD);

ALTER TABLE vslog.conn_events ON CLUSTER '{cluster}' MODIFY COLUMN `packets_in` UInt64 CODEC(T64, ZSTD);

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' MODIFY COLUMN `packets_out` UInt64 CODEC(T64, ZSTD);

ALTER TABLE vslog.conn_events ON CLUSTER '{cluster}' MODIFY COLUMN `packets_out` UInt64 CODEC(T64, ZSTD);

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' MODIFY COLUMN `bytes_in` UInt64 CODEC(T64, ZSTD);

ALTER TABLE vslog.conn_events ON CLUSTER '{cluster}' MODIFY COLUMN `bytes_in` UInt64 CODEC(T64, ZSTD);

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' MODIFY COLUMN `bytes_out` UInt64 CODEC(T64, ZSTD);

ALTER TABLE vslog.conn_events ON CLUSTER '{cluster}' MODIFY COLUMN `bytes_out` UInt64 CODEC(T64, ZSTD);

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' MODIFY COLUMN `drop_packets` UInt64 CODEC(T64, ZSTD);

ALTER TABLE vslog.conn_events ON CLUSTER '{cluster}' MODIFY COLUMN `drop_packets` UInt64 CODEC(T64, ZSTD);

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' MODIFY COLUMN `drop_bytes` UInt64 CODEC(T64, ZSTD);

ALTER TABLE vslog.conn_events ON CLUSTER '{cluster}' MODIFY COLUMN `drop_bytes` UInt64 CODEC(T64, ZSTD);

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' MODIFY COLUMN `template_id` UInt64 CODEC(ZSTD);

ALTER TABLE vslog.conn_events ON CLUSTER '{cluster}' MODIFY COLUMN `template_id` UInt64 CODEC(ZSTD);

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' MODIFY SETTING ttl_only_drop_parts = 1;

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' MODIFY TTL toDateTime(time_ns) + toIntervalSecond(7776000);

ALTER TABLE vslog.control_events_local ON CLUSTER '{cluster}' MODIFY TTL toDateTime(time_ns) + toIntervalSecond(315360000);

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' ADD INDEX IF NOT EXISTS by_time time_ns TYPE minmax GRANULARITY 1;

DROP VIEW IF EXISTS vslog.connections_ended_feed ON CLUSTER '{cluster}' SYNC;

DROP TABLE IF EXISTS vslog.connections_ended ON CLUSTER '{cluster}' SYNC;

DROP TABLE IF EXISTS vslog.connections_ended_local ON CLUSTER '{cluster}' SYNC;

CREATE TABLE IF NOT EXISTS vslog.connections_ended_local ON CLUSTER '{cluster}' (
  real_addr IPv6 CODEC(ZSTD),
  real_port UInt32 CODEC(ZSTD),
  end DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
  node LowCardinality(String),
  conn_id UInt64 CODEC(Delta, ZSTD),
  start_skew Int64 CODEC(ZSTD),
  duration_ns UInt64 CODEC(ZSTD),
  reason Enum8('none'=0,'timeout'=1,'expire_now'=2,'nodest'=3,'flushed'=4,'drop_entry'=5,'service_removed'=6,'module_unload'=7,'template_quiesced'=8,'one_packet'=9,'missed'=10,'unknown'=11) CODEC(ZSTD),
  packets_in UInt64 CODEC(T64, ZSTD),
  bytes_in UInt64 CODEC(T64, ZSTD),
  packets_out UInt64 CODEC(T64, ZSTD),
  bytes_out UInt64 CODEC(T64, ZSTD),
  epoch LowCardinality(String),
  protocol UInt32 CODEC(T64, ZSTD),
  client_addr IPv6 CODEC(ZSTD),
  client_port UInt32 CODEC(ZSTD),
  virtual_addr IPv6 CODEC(ZSTD),
  virtual_port UInt32 CODEC(ZSTD),
  fwmark UInt32 CODEC(ZSTD),
  forward Enum8('masq'=0,'local'=1,'tunnel'=2,'direct'=3,'bypass'=4) CODEC(ZSTD),
  flags UInt32 CODEC(ZSTD),
  state UInt32 CODEC(ZSTD),
  is_template Bool CODEC(ZSTD),
  template_id UInt64 CODEC(ZSTD),
  weight Int32 CODEC(ZSTD),
  scheduled_by Enum8('unknown'=0,'scheduler'=1,'persistence'=2,'sync'=3,'bypass'=4) CODEC(ZSTD),
  quiesced Bool CODEC(ZSTD),
  timeout_ms UInt32 CODEC(ZSTD),
  netns UInt32 CODEC(ZSTD),
  zone UInt32 CODEC(ZSTD),
  mark UInt32 CODEC(ZSTD),
  labels UInt128 CODEC(ZSTD),
  start DateTime64(9, 'UTC') ALIAS fromUnixTimestamp64Nano(toUnixTimestamp64Nano(end) - toInt64(duration_ns) + start_skew, 'UTC'),
  INDEX by_start fromUnixTimestamp64Nano(toUnixTimestamp64Nano(end) - toInt64(duration_ns) + start_skew, 'UTC') TYPE minmax GRANULARITY 1,
  INDEX by_end end TYPE minmax GRANULARITY 1,
  INDEX by_client client_addr TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX by_connection conn_id TYPE minmax GRANULARITY 1
) ENGINE = ReplicatedMergeTree PARTITION BY toDate(end) ORDER BY (real_addr, real_port, end, node, conn_id) TTL toDateTime(end) + toIntervalSecond(7776000) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS vslog.connections_ended ON CLUSTER '{cluster}' AS vslog.connections_ended_local ENGINE = Distributed('{cluster}', vslog, connections_ended_local, cityHash64(node, conn_id));

DROP VIEW IF EXISTS vslog.connections_open_feed ON CLUSTER '{cluster}' SYNC;

DROP TABLE IF EXISTS vslog.connections_open ON CLUSTER '{cluster}' SYNC;

DROP TABLE IF EXISTS vslog.connections_open_local ON CLUSTER '{cluster}' SYNC;

CREATE TABLE IF NOT EXISTS vslog.connections_open_local ON CLUSTER '{cluster}' (
  node LowCardinality(String),
  conn_id UInt64 CODEC(Delta, ZSTD),
  begun SimpleAggregateFunction(max, UInt8) CODEC(ZSTD),
  ended SimpleAggregateFunction(max, UInt8) CODEC(ZSTD),
  seen SimpleAggregateFunction(max, DateTime64(9, 'UTC')) CODEC(Delta, ZSTD),
  start SimpleAggregateFunction(any, DateTime64(9, 'UTC')) CODEC(Delta, ZSTD),
  real_addr SimpleAggregateFunction(any, IPv6) CODEC(ZSTD),
  real_port SimpleAggregateFunction(any, UInt32) CODEC(ZSTD),
  epoch SimpleAggregateFunction(any, LowCardinality(String)),
  protocol SimpleAggregateFunction(any, UInt32) CODEC(T64, ZSTD),
  client_addr SimpleAggregateFunction(any, IPv6) CODEC(ZSTD),
  client_port SimpleAggregateFunction(any, UInt32) CODEC(ZSTD),
  virtual_addr SimpleAggregateFunction(any, IPv6) CODEC(ZSTD),
  virtual_port SimpleAggregateFunction(any, UInt32) CODEC(ZSTD),
  fwmark SimpleAggregateFunction(any, UInt32) CODEC(ZSTD),
  forward SimpleAggregateFunction(any, Enum8('masq'=0,'local'=1,'tunnel'=2,'direct'=3,'bypass'=4)) CODEC(ZSTD),
  flags SimpleAggregateFunction(any, UInt32) CODEC(ZSTD),
  state SimpleAggregateFunction(any, UInt32) CODEC(ZSTD),
  is_template SimpleAggregateFunction(any, Bool) CODEC(ZSTD),
  template_id SimpleAggregateFunction(any, UInt64) CODEC(ZSTD),
  weight SimpleAggregateFunction(any, Int32) CODEC(ZSTD),
  scheduled_by SimpleAggregateFunction(any, Enum8('unknown'=0,'scheduler'=1,'persistence'=2,'sync'=3,'bypass'=4)) CODEC(ZSTD),
  quiesced SimpleAggregateFunction(any, Bool) CODEC(ZSTD),
  timeout_ms SimpleAggregateFunction(any, UInt32) CODEC(ZSTD),
  netns SimpleAggregateFunction(any, UInt32) CODEC(ZSTD),
  zone SimpleAggregateFunction(any, UInt32) CODEC(ZSTD),
  mark SimpleAggregateFunction(any, UInt32) CODEC(ZSTD),
  labels SimpleAggregateFunction(any, UInt128) CODEC(ZSTD)
) ENGINE = ReplicatedAggregatingMergeTree ORDER BY (node, conn_id) TTL toDateTime(seen) + toIntervalSecond(7776000) DELETE WHERE begun = 0 SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS vslog.connections_open ON CLUSTER '{cluster}' AS vslog.connections_open_local ENGINE = Distributed('{cluster}', vslog, connections_open_local, cityHash64(node, conn_id));

DROP VIEW IF EXISTS vslog.rs_minute_feed ON CLUSTER '{cluster}' SYNC;

DROP TABLE IF EXISTS vslog.rs_minute ON CLUSTER '{cluster}' SYNC;

DROP TABLE IF EXISTS vslog.rs_minute_local ON CLUSTER '{cluster}' SYNC;

CREATE TABLE IF NOT EXISTS vslog.rs_minute_local ON CLUSTER '{cluster}' (
  virtual_addr IPv6 CODEC(ZSTD),
  virtual_port UInt32 CODEC(ZSTD),
  protocol UInt32 CODEC(ZSTD),
  fwmark UInt32 CODEC(ZSTD),
  real_addr IPv6 CODEC(ZSTD),
  real_port UInt32 CODEC(ZSTD),
  node LowCardinality(String),
  minute DateTime('UTC') CODEC(Delta, ZSTD),
  creates UInt64 CODEC(T64, ZSTD),
  creates_quiesced UInt64 CODEC(T64, ZSTD),
  creates_persistent UInt64 CODEC(T64, ZSTD),
  snapshots UInt64 CODEC(T64, ZSTD),
  templates UInt64 CODEC(T64, ZSTD),
  ends UInt64 CODEC(T64, ZSTD),
  ends_timeout UInt64 CODEC(T64, ZSTD),
  ends_expire_now UInt64 CODEC(T64, ZSTD),
  ends_nodest UInt64 CODEC(T64, ZSTD),
  ends_flushed UInt64 CODEC(T64, ZSTD),
  ends_drop_entry UInt64 CODEC(T64, ZSTD),
  ends_service_removed UInt64 CODEC(T64, ZSTD),
  ends_module_unload UInt64 CODEC(T64, ZSTD),
  ends_template_quiesced UInt64 CODEC(T64, ZSTD),
  ends_one_packet UInt64 CODEC(T64, ZSTD),
  ends_missed UInt64 CODEC(T64, ZSTD),
  ends_unknown UInt64 CODEC(T64, ZSTD),
  template_ends UInt64 CODEC(T64, ZSTD),
  drop_packets UInt64 CODEC(T64, ZSTD),
  drop_bytes UInt64 CODEC(T64, ZSTD),
  sched_fails UInt64 CODEC(T64, ZSTD),
  packets_in UInt64 CODEC(T64, ZSTD),
  bytes_in UInt64 CODEC(T64, ZSTD),
  packets_out UInt64 CODEC(T64, ZSTD),
  bytes_out UInt64 CODEC(T64, ZSTD),
  `durationsMap.bucket` Array(Int16) CODEC(ZSTD),
  `durationsMap.ends` Array(UInt64) CODEC(ZSTD)
) ENGINE = ReplicatedSummingMergeTree PARTITION BY toYYYYMM(minute) ORDER BY (virtual_addr, virtual_port, protocol, fwmark, real_addr, real_port, node, minute) TTL minute + toIntervalSecond(63072000) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS vslog.rs_minute ON CLUSTER '{cluster}' AS vslog.rs_minute_local ENGINE = Distributed('{cluster}', vslog, rs_minute_local, cityHash64(node));

CREATE MATERIALIZED VIEW IF NOT EXISTS vslog.connections_ended_feed ON CLUSTER '{cluster}' TO vslog.connections_ended_local AS SELECT real_addr, real_port, time_ns AS end, node, conn_id, if(created_skew = toInt64(-9223372036854775808), toInt64(0), created_skew) AS start_skew, duration_ns, reason, packets_in, bytes_in, packets_out, bytes_out, epoch, protocol, client_addr, client_port, virtual_addr, virtual_port, fwmark, forward, flags, state, is_template, template_id, weight, scheduled_by, quiesced, timeout_ms, netns, zone, mark, labels FROM vslog.conn_events_local AS e WHERE e.conn_id != 0 AND e.kind = 'expire';

CREATE MATERIALIZED VIEW IF NOT EXISTS vslog.connections_open_feed ON CLUSTER '{cluster}' TO vslog.connections_open_local AS SELECT node, conn_id, toUInt8(e.kind != 'expire') AS begun, toUInt8(e.kind = 'expire') AS ended, time_ns AS seen, fromUnixTimestamp64Nano(toUnixTimestamp64Nano(time_ns) - toInt64(duration_ns) + if(created_skew = toInt64(-9223372036854775808), toInt64(0), created_skew), 'UTC') AS start, real_addr, real_port, epoch, protocol, client_addr, client_port, virtual_addr, virtual_port, fwmark, forward, flags, state, is_template, template_id, weight, scheduled_by, quiesced, timeout_ms, netns, zone, mark, labels FROM vslog.conn_events_local AS e WHERE e.conn_id != 0 AND e.kind IN ('create', 'expire', 'snapshot');

CREATE MATERIALIZED VIEW IF NOT EXISTS vslog.rs_minute_feed ON CLUSTER '{cluster}' TO vslog.rs_minute_local AS SELECT virtual_addr, virtual_port, protocol, fwmark, real_addr, real_port, node, minute, creates, creates_quiesced, creates_persistent, snapshots, templates, ends, ends_timeout, ends_expire_now, ends_nodest, ends_flushed, ends_drop_entry, ends_service_removed, ends_module_unload, ends_template_quiesced, ends_one_packet, ends_missed, ends_unknown, template_ends, drop_packets, drop_bytes, sched_fails, packets_in, bytes_in, packets_out, bytes_out, durations.1 AS `durationsMap.bucket`, durations.2 AS `durationsMap.ends` FROM (SELECT e.virtual_addr AS virtual_addr, e.virtual_port AS virtual_port, e.protocol AS protocol, e.fwmark AS fwmark, e.real_addr AS real_addr, e.real_port AS real_port, e.node AS node, toStartOfMinute(e.time_ns) AS minute, countIf(e.kind = 'create' AND NOT e.is_template) AS creates, countIf(e.kind = 'create' AND NOT e.is_template AND e.quiesced) AS creates_quiesced, countIf(e.kind = 'create' AND NOT e.is_template AND e.scheduled_by = 'persistence') AS creates_persistent, countIf(e.kind = 'snapshot' AND NOT e.is_template) AS snapshots, countIf(e.kind IN ('create', 'snapshot') AND e.is_template) AS templates, countIf(e.kind = 'expire' AND NOT e.is_template) AS ends, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'timeout') AS ends_timeout, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'expire_now') AS ends_expire_now, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'nodest') AS ends_nodest, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'flushed') AS ends_flushed, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'drop_entry') AS ends_drop_entry, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'service_removed') AS ends_service_removed, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'module_unload') AS ends_module_unload, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'template_quiesced') AS ends_template_quiesced, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'one_packet') AS ends_one_packet, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'missed') AS ends_missed, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'unknown') AS ends_unknown, countIf(e.kind = 'expire' AND e.is_template) AS template_ends, sum(e.drop_packets) AS drop_packets, sum(e.drop_bytes) AS drop_bytes, countIf(e.kind = 'sched_fail') AS sched_fails, sum(e.packets_in) AS packets_in, sum(e.bytes_in) AS bytes_in, sum(e.packets_out) AS packets_out, sum(e.bytes_out) AS bytes_out, sumMapIf([toInt16(if(e.duration_ns < 1000000, -1, floor(4 * log2(e.duration_ns / 1000000))))], [toUInt64(1)], e.kind = 'expire' AND NOT e.is_template) AS durations FROM vslog.conn_events_local AS e GROUP BY virtual_addr, virtual_port, protocol, fwmark, real_addr, real_port, node, minute);

INSERT INTO vslog.connections_ended (real_addr, real_port, end, node, conn_id, start_skew, duration_ns, reason, packets_in, bytes_in, packets_out, bytes_out, epoch, protocol, client_addr, client_port, virtual_addr, virtual_port, fwmark, forward, flags, state, is_template, template_id, weight, scheduled_by, quiesced, timeout_ms, netns, zone, mark, labels) SELECT real_addr, real_port, time_ns AS end, node, conn_id, if(created_skew = toInt64(-9223372036854775808), toInt64(0), created_skew) AS start_skew, duration_ns, reason, packets_in, bytes_in, packets_out, bytes_out, epoch, protocol, client_addr, client_port, virtual_addr, virtual_port, fwmark, forward, flags, state, is_template, template_id, weight, scheduled_by, quiesced, timeout_ms, netns, zone, mark, labels FROM vslog.conn_events AS e WHERE e.conn_id != 0 AND e.kind = 'expire';

INSERT INTO vslog.connections_open (node, conn_id, begun, ended, seen, start, real_addr, real_port, epoch, protocol, client_addr, client_port, virtual_addr, virtual_port, fwmark, forward, flags, state, is_template, template_id, weight, scheduled_by, quiesced, timeout_ms, netns, zone, mark, labels) SELECT node, conn_id, toUInt8(e.kind != 'expire') AS begun, toUInt8(e.kind = 'expire') AS ended, time_ns AS seen, fromUnixTimestamp64Nano(toUnixTimestamp64Nano(time_ns) - toInt64(duration_ns) + if(created_skew = toInt64(-9223372036854775808), toInt64(0), created_skew), 'UTC') AS start, real_addr, real_port, epoch, protocol, client_addr, client_port, virtual_addr, virtual_port, fwmark, forward, flags, state, is_template, template_id, weight, scheduled_by, quiesced, timeout_ms, netns, zone, mark, labels FROM vslog.conn_events AS e WHERE e.conn_id != 0 AND e.kind IN ('create', 'expire', 'snapshot');

INSERT INTO vslog.rs_minute (virtual_addr, virtual_port, protocol, fwmark, real_addr, real_port, node, minute, creates, creates_quiesced, creates_persistent, snapshots, templates, ends, ends_timeout, ends_expire_now, ends_nodest, ends_flushed, ends_drop_entry, ends_service_removed, ends_module_unload, ends_template_quiesced, ends_one_packet, ends_missed, ends_unknown, template_ends, drop_packets, drop_bytes, sched_fails, packets_in, bytes_in, packets_out, bytes_out, `durationsMap.bucket`, `durationsMap.ends`) SELECT virtual_addr, virtual_port, protocol, fwmark, real_addr, real_port, node, minute, creates, creates_quiesced, creates_persistent, snapshots, templates, ends, ends_timeout, ends_expire_now, ends_nodest, ends_flushed, ends_drop_entry, ends_service_removed, ends_module_unload, ends_template_quiesced, ends_one_packet, ends_missed, ends_unknown, template_ends, drop_packets, drop_bytes, sched_fails, packets_in, bytes_in, packets_out, bytes_out, durations.1 AS `durationsMap.bucket`, durations.2 AS `durationsMap.ends` FROM (SELECT e.virtual_addr AS virtual_addr, e.virtual_port AS virtual_port, e.protocol AS protocol, e.fwmark AS fwmark, e.real_addr AS real_addr, e.real_port AS real_port, e.node AS node, toStartOfMinute(e.time_ns) AS minute, countIf(e.kind = 'create' AND NOT e.is_template) AS creates, countIf(e.kind = 'create' AND NOT e.is_template AND e.quiesced) AS creates_quiesced, countIf(e.kind = 'create' AND NOT e.is_template AND e.scheduled_by = 'persistence') AS creates_persistent, countIf(e.kind = 'snapshot' AND NOT e.is_template) AS snapshots, countIf(e.kind IN ('create', 'snapshot') AND e.is_template) AS templates, countIf(e.kind = 'expire' AND NOT e.is_template) AS ends, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'timeout') AS ends_timeout, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'expire_now') AS ends_expire_now, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'nodest') AS ends_nodest, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'flushed') AS ends_flushed, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'drop_entry') AS ends_drop_entry, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'service_removed') AS ends_service_removed, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'module_unload') AS ends_module_unload, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'template_quiesced') AS ends_template_quiesced, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'one_packet') AS ends_one_packet, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'missed') AS ends_missed, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'unknown') AS ends_unknown, countIf(e.kind = 'expire' AND e.is_template) AS template_ends, sum(e.drop_packets) AS drop_packets, sum(e.drop_bytes) AS drop_bytes, countIf(e.kind = 'sched_fail') AS sched_fails, sum(e.packets_in) AS packets_in, sum(e.bytes_in) AS bytes_in, sum(e.packets_out) AS packets_out, sum(e.bytes_out) AS bytes_out, sumMapIf([toInt16(if(e.duration_ns < 1000000, -1, floor(4 * log2(e.duration_ns / 1000000))))], [toUInt64(1)], e.kind = 'expire' AND NOT e.is_template) AS durations FROM vslog.conn_events AS e GROUP BY virtual_addr, virtual_port, protocol, fwmark, real_addr, real_port, node, minute);

CREATE VIEW vslog.connections ON CLUSTER '{cluster}' AS
SELECT
  c.node AS node,
  c.conn_id AS conn_id,
  c.start AS start,
  toNullable(c.end) AS end,
  CAST(false, 'Bool') AS is_open,
  c.reason AS reason,
  c.duration_ns AS duration_ns,
  if(c.duration_ns != 0, toNullable(c.duration_ns / 1e9), NULL) AS duration_s,
  c.protocol AS protocol,
  transform(c.protocol, [1, 6, 17, 33, 47, 50, 51, 58, 132, 136], ['ICMP', 'TCP', 'UDP', 'DCCP', 'GRE', 'ESP', 'AH', 'ICMPv6', 'SCTP', 'UDPLITE'], toString(c.protocol)) AS protocol_name,
  multiIf(c.client_addr = toIPv6('::'), '', startsWith(IPv6NumToString(c.client_addr), '::ffff:') AND position(IPv6NumToString(c.client_addr), '.') > 0, substring(IPv6NumToString(c.client_addr), 8), IPv6NumToString(c.client_addr)) AS client_addr,
  c.client_port AS client_port,
  multiIf(c.virtual_addr = toIPv6('::'), '', startsWith(IPv6NumToString(c.virtual_addr), '::ffff:') AND position(IPv6NumToString(c.virtual_addr), '.') > 0, substring(IPv6NumToString(c.virtual_addr), 8), IPv6NumToString(c.virtual_addr)) AS virtual_addr,
  c.virtual_port AS virtual_port,
  multiIf(c.real_addr = toIPv6('::'), '', startsWith(IPv6NumToString(c.real_addr), '::ffff:') AND position(IPv6NumToString(c.real_addr), '.') > 0, substring(IPv6NumToString(c.real_addr), 8), IPv6NumToString(c.real_addr)) AS real_addr,
  c.real_port AS real_port,
  c.fwmark AS fwmark,
  c.forward AS forward,
  c.flags AS flags,
  arrayFilter((name, bit) -> bitAnd(c.flags, bit) != 0, ['SYNC', 'HASHED', 'NOOUTPUT', 'INACTIVE', 'OUT_SEQ', 'IN_SEQ', 'NO_CPORT', 'TEMPLATE', 'ONE_PACKET', 'NFCT'], [32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 65536]) AS flag_names,
  c.state AS state,
  multiIf(c.is_template, if(bitTest(c.state, 0), 'ASSURED', 'NONE'), c.protocol = 6, transform(c.state, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], ['NONE', 'ESTABLISHED', 'SYN_SENT', 'SYN_RECV', 'FIN_WAIT', 'TIME_WAIT', 'CLOSE', 'CLOSE_WAIT', 'LAST_ACK', 'LISTEN', 'SYNACK'], toString(c.state)), c.protocol = 17, transform(c.state, [0], ['NORMAL'], toString(c.state)), c.protocol = 132, transform(c.state, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13], ['NONE', 'INIT1', 'INIT', 'COOKIE_SENT', 'COOKIE_REPLIED', 'COOKIE_WAIT', 'COOKIE', 'COOKIE_ECHOED', 'ESTABLISHED', 'SHUTDOWN_SENT', 'SHUTDOWN_RECEIVED', 'SHUTDOWN_ACK_SENT', 'REJECTED', 'CLOSED'], toString(c.state)), toString(c.state)) AS state_name,
  c.is_template AS is_template,
  c.template_id AS template_id,
  c.scheduled_by AS scheduled_by,
  c.weight AS weight,
  c.quiesced AS quiesced,
  c.packets_in AS packets_in,
  c.bytes_in AS bytes_in,
  c.packets_out AS packets_out,
  c.bytes_out AS bytes_out,
  c.timeout_ms AS timeout_ms,
  c.netns AS netns,
  c.zone AS zone,
  c.mark AS mark,
  c.labels AS labels,
  c.epoch AS epoch,
  c.end AS last_event,
  c.client_addr AS client_ip,
  c.virtual_addr AS virtual_ip,
  c.real_addr AS real_ip
FROM vslog.connections_ended AS c
UNION ALL
WITH
  (SELECT groupArray((n, t)) FROM (SELECT toString(node) AS n, time_ns AS t FROM vslog.control_events WHERE kind = 'capture_started' AND fresh ORDER BY t)) AS restarts,
  arrayFirst(x -> x.1 = toString(c.node) AND x.2 > c.seen, restarts).2 AS restart,
  toUnixTimestamp64Nano(restart) != 0 AS was_missed
SELECT
  c.node AS node,
  c.conn_id AS conn_id,
  c.start AS start,
  if(was_missed, toNullable(restart), NULL) AS end,
  CAST(NOT was_missed, 'Bool') AS is_open,
  CAST(if(was_missed, 'missed', 'none'), 'Enum8(\'none\'=0,\'timeout\'=1,\'expire_now\'=2,\'nodest\'=3,\'flushed\'=4,\'drop_entry\'=5,\'service_removed\'=6,\'module_unload\'=7,\'template_quiesced\'=8,\'one_packet\'=9,\'missed\'=10,\'unknown\'=11)') AS reason,
  toUInt64(0) AS duration_ns,
  CAST(NULL, 'Nullable(Float64)') AS duration_s,
  c.protocol AS protocol,
  transform(c.protocol, [1, 6, 17, 33, 47, 50, 51, 58, 132, 136], ['ICMP', 'TCP', 'UDP', 'DCCP', 'GRE', 'ESP', 'AH', 'ICMPv6', 'SCTP', 'UDPLITE'], toString(c.protocol)) AS protocol_name,
  multiIf(c.client_addr = toIPv6('::'), '', startsWith(IPv6NumToString(c.client_addr), '::ffff:') AND position(IPv6NumToString(c.client_addr), '.') > 0, substring(IPv6NumToString(c.client_addr), 8), IPv6NumToString(c.client_addr)) AS client_addr,
  c.client_port AS client_port,
  multiIf(c.virtual_addr = toIPv6('::'), '', startsWith(IPv6NumToString(c.virtual_addr), '::ffff:') AND position(IPv6NumToString(c.virtual_addr), '.') > 0, substring(IPv6NumToString(c.virtual_addr), 8), IPv6NumToString(c.virtual_addr)) AS virtual_addr,
  c.virtual_port AS virtual_port,
  multiIf(c.real_addr = toIPv6('::'), '', startsWith(IPv6NumToString(c.real_addr), '::ffff:') AND position(IPv6NumToString(c.real_addr), '.') > 0, substring(IPv6NumToString(c.real_addr), 8), IPv6NumToString(c.real_addr)) AS real_addr,
  c.real_port AS real_port,
  c.fwmark AS fwmark,
  c.forward AS forward,
  c.flags AS flags,
  arrayFilter((name, bit) -> bitAnd(c.flags, bit) != 0, ['SYNC', 'HASHED', 'NOOUTPUT', 'INACTIVE', 'OUT_SEQ', 'IN_SEQ', 'NO_CPORT', 'TEMPLATE', 'ONE_PACKET', 'NFCT'], [32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 65536]) AS flag_names,
  c.state AS state,
  multiIf(c.is_template, if(bitTest(c.state, 0), 'ASSURED', 'NONE'), c.protocol = 6, transform(c.state, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], ['NONE', 'ESTABLISHED', 'SYN_SENT', 'SYN_RECV', 'FIN_WAIT', 'TIME_WAIT', 'CLOSE', 'CLOSE_WAIT', 'LAST_ACK', 'LISTEN', 'SYNACK'], toString(c.state)), c.protocol = 17, transform(c.state, [0], ['NORMAL'], toString(c.state)), c.protocol = 132, transform(c.state, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13], ['NONE', 'INIT1', 'INIT', 'COOKIE_SENT', 'COOKIE_REPLIED', 'COOKIE_WAIT', 'COOKIE', 'COOKIE_ECHOED', 'ESTABLISHED', 'SHUTDOWN_SENT', 'SHUTDOWN_RECEIVED', 'SHUTDOWN_ACK_SENT', 'REJECTED', 'CLOSED'], toString(c.state)), toString(c.state)) AS state_name,
  c.is_template AS is_template,
  c.template_id AS template_id,
  c.scheduled_by AS scheduled_by,
  c.weight AS weight,
  c.quiesced AS quiesced,
  toUInt64(0) AS packets_in,
  toUInt64(0) AS bytes_in,
  toUInt64(0) AS packets_out,
  toUInt64(0) AS bytes_out,
  c.timeout_ms AS timeout_ms,
  c.netns AS netns,
  c.zone AS zone,
  c.mark AS mark,
  c.labels AS labels,
  c.epoch AS epoch,
  c.seen AS last_event,
  c.client_addr AS client_ip,
  c.virtual_addr AS virtual_ip,
  c.real_addr AS real_ip
FROM vslog.connections_open AS c FINAL WHERE c.begun = 1 AND c.ended = 0;

INSERT INTO vslog.schema_migrations (version, name, sha256) SETTINGS async_insert = 0 VALUES (8, '008_questions.sql', 'abd00c0db945524d21ec264be61f359eb8d00533163e31dd51072e5a4fc60614');

CREATE VIEW IF NOT EXISTS vslog.names ON CLUSTER '{cluster}' AS SELECT * FROM values('what String, number UInt32, name String, meaning String',
  ('kind', 0, 'unspecified', 'never written'),
  ('kind', 1, 'create', 'a connection (or template) came into being'),
  ('kind', 2, 'expire', 'it ended; reason says why'),
  ('kind', 3, 'nodest_drop', 'packets of it were dropped because its real server is gone'),
  ('kind', 4, 'sched_fail', 'a new connection found no real server; there is no conn_id'),
  ('kind', 5, 'state', 'its protocol state changed (opt-in)'),
  ('kind', 6, 'snapshot', 'it was there before we watched, or its create was lost'),
  ('reason', 0, 'none', 'it has not ended'),
  ('reason', 1, 'timeout', 'its timer ran out'),
  ('reason', 2, 'expire_now', 'ended at once by the balancer, for instance on port reuse'),
  ('reason', 3, 'nodest', 'its real server was removed and expire_nodest_conn ended it'),
  ('reason', 4, 'flushed', 'ended on request'),
  ('reason', 5, 'drop_entry', 'dropped by the drop_entry defence'),
  ('reason', 6, 'service_removed', 'its virtual service was removed and expire_nodest_conn ended it'),
  ('reason', 7, 'module_unload', 'the network namespace or the module went away'),
  ('reason', 8, 'template_quiesced', 'a persistence template refused because its real server has weight 0'),
  ('reason', 9, 'one_packet', 'one-packet scheduling: it never outlives its packet'),
  ('reason', 10, 'missed', 'it ended while nobody watched'),
  ('reason', 11, 'unknown', 'the source does not say'),
  ('scheduled_by', 0, 'unknown', 'the source does not say'),
  ('scheduled_by', 1, 'scheduler', 'the service’s scheduler chose the real server'),
  ('scheduled_by', 2, 'persistence', 'a persistence template, or a controlling connection (FTP), chose it'),
  ('scheduled_by', 3, 'sync', 'received from another director by the sync daemon'),
  ('scheduled_by', 4, 'bypass', 'cache_bypass: sent to its original destination'),
  ('forward', 0, 'masq', 'addresses are translated both ways (NAT)'),
  ('forward', 1, 'local', 'to the director itself'),
  ('forward', 2, 'tunnel', 'wrapped and sent to the real server, which answers by itself'),
  ('forward', 3, 'direct', 'to the real server by its MAC address, which answers by itself'),
  ('forward', 4, 'bypass', 'to its original destination'),
  ('control kind', 0, 'unspecified', 'never written'),
  ('control kind', 1, 'service_added', 'a virtual service was added'),
  ('control kind', 2, 'service_changed', 'a virtual service was changed'),
  ('control kind', 3, 'service_removed', 'a virtual service was removed'),
  ('control kind', 4, 'real_added', 'a real server was added'),
  ('control kind', 5, 'real_changed', 'a real server was changed'),
  ('control kind', 6, 'real_removed', 'a real server was removed'),
  ('control kind', 7, 'overload_on', 'a real server passed its upper threshold'),
  ('control kind', 8, 'overload_off', 'it fell below its lower threshold again'),
  ('control kind', 9, 'knob_changed', 'a knob was changed'),
  ('control kind', 10, 'capture_started', 'the capture started'),
  ('control kind', 11, 'capture_stopped', 'the capture stopped'),
  ('control kind', 12, 'loss', 'events are missing: where, lost, first_ns and last_ns tell'),
  ('control kind', 13, 'clock_step', 'the wall clock was set; old_value and new_value are its offset to the monotonic clock in ns'),
  ('control kind', 14, 'service_snapshot', 'was there when the capture started'),
  ('control kind', 15, 'real_snapshot', 'was there when the capture started'),
  ('through', 0, 'unknown', 'nobody knows'),
  ('through', 1, 'netlink', 'the IPVS generic netlink family: ipvsadm, keepalived, kube-router'),
  ('through', 2, 'sockopt', 'the old setsockopt interface'),
  ('through', 3, 'sysctl', 'a file below /proc/sys'),
  ('through', 4, 'vslog', 'this program'),
  ('through', 5, 'kernel', 'nobody asked: a namespace went away, a threshold was passed'),
  ('loss', 0, 'none', 'nothing is missing'),
  ('loss', 1, 'ring', 'the kernel’s ring was full'),
  ('loss', 2, 'journal', 'the capture’s journal was full, or was overwritten before anybody subscribed'),
  ('loss', 3, 'spool', 'a damaged segment on the collector’s disk'),
  ('loss', 4, 'source', 'the source itself said so (ctnetlink’s ENOBUFS)'),
  ('loss', 5, 'conn_map', 'the table of connections was full'),
  ('loss', 6, 'malformed', 'a record from the kernel failed its size check'),
  ('loss', 7, 'sink', 'a sink refused it for good'),
  ('loss', 8, 'summarised', 'more began than capture.flood_rate lets be logged one by one: counted instead'),
  ('protocol', 1, 'ICMP', 'IP protocol number'),
  ('protocol', 6, 'TCP', 'IP protocol number'),
  ('protocol', 17, 'UDP', 'IP protocol number'),
  ('protocol', 33, 'DCCP', 'IP protocol number'),
  ('protocol', 47, 'GRE', 'IP protocol number'),
  ('protocol', 50, 'ESP', 'IP protocol number'),
  ('protocol', 51, 'AH', 'IP protocol number'),
  ('protocol', 58, 'ICMPv6', 'IP protocol number'),
  ('protocol', 132, 'SCTP', 'IP protocol number'),
  ('protocol', 136, 'UDPLITE', 'IP protocol number'),
  ('TCP state', 0, 'NONE', 'nothing was seen yet'),
  ('TCP state', 1, 'ESTABLISHED', 'data flows'),
  ('TCP state', 2, 'SYN_SENT', 'the real server opened it'),
  ('TCP state', 3, 'SYN_RECV', 'the client asked for it'),
  ('TCP state', 4, 'FIN_WAIT', 'one side is done'),
  ('TCP state', 5, 'TIME_WAIT', 'both sides are done'),
  ('TCP state', 6, 'CLOSE', 'reset'),
  ('TCP state', 7, 'CLOSE_WAIT', 'the other side is done'),
  ('TCP state', 8, 'LAST_ACK', 'the last acknowledgement is awaited'),
  ('TCP state', 9, 'LISTEN', 'nobody asked yet'),
  ('TCP state', 10, 'SYNACK', 'the SYN defence answers for the real server'),
  ('UDP state', 0, 'NORMAL', 'packets came'),
  ('SCTP state', 0, 'NONE', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 1, 'INIT1', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 2, 'INIT', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 3, 'COOKIE_SENT', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 4, 'COOKIE_REPLIED', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 5, 'COOKIE_WAIT', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 6, 'COOKIE', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 7, 'COOKIE_ECHOED', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 8, 'ESTABLISHED', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 9, 'SHUTDOWN_SENT', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 10, 'SHUTDOWN_RECEIVED', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 11, 'SHUTDOWN_ACK_SENT', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 12, 'REJECTED', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 13, 'CLOSED', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('template state', 0, 'NONE', 'no connection of it was established yet'),
  ('template state', 1, 'ASSURED', 'a connection of it was established'),
  ('flag', 32, 'SYNC', 'received from another director'),
  ('flag', 64, 'HASHED', 'it is in the connection table'),
  ('flag', 128, 'NOOUTPUT', 'only packets from the client are seen'),
  ('flag', 256, 'INACTIVE', 'counted as inactive: not established'),
  ('flag', 512, 'OUT_SEQ', 'sequence numbers of answers are shifted'),
  ('flag', 1024, 'IN_SEQ', 'sequence numbers of requests are shifted'),
  ('flag', 2048, 'NO_CPORT', 'the client’s port is not known yet'),
  ('flag', 4096, 'TEMPLATE', 'a persistence template'),
  ('flag', 8192, 'ONE_PACKET', 'one-packet scheduling'),
  ('flag', 65536, 'NFCT', 'connection tracking knows it too'),
  ('conntrack flag', 1, 'EXPECTED', 'IPS_EXPECTED of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 2, 'SEEN_REPLY', 'IPS_SEEN_REPLY of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 4, 'ASSURED', 'IPS_ASSURED of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 8, 'CONFIRMED', 'IPS_CONFIRMED of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 16, 'SRC_NAT', 'IPS_SRC_NAT of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 32, 'DST_NAT', 'IPS_DST_NAT of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 64, 'SEQ_ADJUST', 'IPS_SEQ_ADJUST of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 128, 'SRC_NAT_DONE', 'IPS_SRC_NAT_DONE of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 256, 'DST_NAT_DONE', 'IPS_DST_NAT_DONE of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 512, 'DYING', 'IPS_DYING of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 1024, 'FIXED_TIMEOUT', 'IPS_FIXED_TIMEOUT of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 2048, 'TEMPLATE', 'IPS_TEMPLATE of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 4096, 'NAT_CLASH', 'IPS_NAT_CLASH of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 8192, 'HELPER', 'IPS_HELPER of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 16384, 'OFFLOAD', 'IPS_OFFLOAD of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 32768, 'HW_OFFLOAD', 'IPS_HW_OFFLOAD of linux/netfilter/nf_conntrack_common.h'));

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS flag_names Array(String) ALIAS arrayConcat(if(bitAnd(flags, 32) != 0, ['SYNC'], []), if(bitAnd(flags, 64) != 0, ['HASHED'], []), if(bitAnd(flags, 128) != 0, ['NOOUTPUT'], []), if(bitAnd(flags, 256) != 0, ['INACTIVE'], []), if(bitAnd(flags, 512) != 0, ['OUT_SEQ'], []), if(bitAnd(flags, 1024) != 0, ['IN_SEQ'], []), if(bitAnd(flags, 2048) != 0, ['NO_CPORT'], []), if(bitAnd(flags, 4096) != 0, ['TEMPLATE'], []), if(bitAnd(flags, 8192) != 0, ['ONE_PACKET'], []), if(bitAnd(flags, 65536) != 0, ['NFCT'], []));

ALTER TABLE vslog.conn_events ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS flag_names Array(String) ALIAS arrayConcat(if(bitAnd(flags, 32) != 0, ['SYNC'], []), if(bitAnd(flags, 64) != 0, ['HASHED'], []), if(bitAnd(flags, 128) != 0, ['NOOUTPUT'], []), if(bitAnd(flags, 256) != 0, ['INACTIVE'], []), if(bitAnd(flags, 512) != 0, ['OUT_SEQ'], []), if(bitAnd(flags, 1024) != 0, ['IN_SEQ'], []), if(bitAnd(flags, 2048) != 0, ['NO_CPORT'], []), if(bitAnd(flags, 4096) != 0, ['TEMPLATE'], []), if(bitAnd(flags, 8192) != 0, ['ONE_PACKET'], []), if(bitAnd(flags, 65536) != 0, ['NFCT'], []));

INSERT INTO vslog.schema_migrations (version, name, sha256) SETTINGS async_insert = 0 VALUES (9, '009_names.sql', 'ee7bdab328b8ee8cf2eb62b3af9ce2240d73edfbe5219739a77dd4d9ae7b0725');

DROP VIEW IF EXISTS vslog.incidents_feed ON CLUSTER '{cluster}' SYNC;

DROP TABLE IF EXISTS vslog.incidents ON CLUSTER '{cluster}' SYNC;

DROP TABLE IF EXISTS vslog.incidents_local ON CLUSTER '{cluster}' SYNC;

CREATE TABLE IF NOT EXISTS vslog.incidents_local ON CLUSTER '{cluster}' (
  kind Enum8('unspecified'=0,'create'=1,'expire'=2,'nodest_drop'=3,'sched_fail'=4,'state'=5,'snapshot'=6) CODEC(ZSTD),
  real_addr IPv6 CODEC(ZSTD),
  real_port UInt32 CODEC(ZSTD),
  time_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
  node LowCardinality(String),
  epoch LowCardinality(String),
  sequence UInt64 CODEC(Delta, ZSTD),
  conn_id UInt64 CODEC(Delta, ZSTD),
  protocol UInt32 CODEC(ZSTD),
  client_addr IPv6 CODEC(ZSTD),
  client_port UInt32 CODEC(ZSTD),
  virtual_addr IPv6 CODEC(ZSTD),
  virtual_port UInt32 CODEC(ZSTD),
  fwmark UInt32 CODEC(ZSTD),
  template_id UInt64 CODEC(ZSTD),
  scheduled_by Enum8('unknown'=0,'scheduler'=1,'persistence'=2,'sync'=3,'bypass'=4) CODEC(ZSTD),
  drop_packets UInt64 CODEC(T64, ZSTD),
  drop_bytes UInt64 CODEC(T64, ZSTD),
  drop_first_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
  drop_last_ns DateTime64(9, 'UTC') CODEC(Delta, ZSTD)
) ENGINE = ReplicatedMergeTree PARTITION BY toDate(time_ns) ORDER BY (kind, real_addr, real_port, time_ns, node, epoch, sequence) TTL toDateTime(time_ns) + toIntervalSecond(7776000) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS vslog.incidents ON CLUSTER '{cluster}' AS vslog.incidents_local ENGINE = Distributed('{cluster}', vslog, incidents_local, cityHash64(node, if(conn_id = 0, sequence, conn_id)));

CREATE MATERIALIZED VIEW IF NOT EXISTS vslog.incidents_feed ON CLUSTER '{cluster}' TO vslog.incidents_local AS SELECT kind, real_addr, real_port, time_ns, node, epoch, sequence, conn_id, protocol, client_addr, client_port, virtual_addr, virtual_port, fwmark, template_id, scheduled_by, drop_packets, drop_bytes, drop_first_ns, drop_last_ns FROM vslog.conn_events_local AS e WHERE e.kind IN ('nodest_drop', 'sched_fail') OR (e.kind = 'create' AND e.quiesced AND NOT e.is_template);

INSERT INTO vslog.incidents (kind, real_addr, real_port, time_ns, node, epoch, sequence, conn_id, protocol, client_addr, client_port, virtual_addr, virtual_port, fwmark, template_id, scheduled_by, drop_packets, drop_bytes, drop_first_ns, drop_last_ns) SELECT kind, real_addr, real_port, time_ns, node, epoch, sequence, conn_id, protocol, client_addr, client_port, virtual_addr, virtual_port, fwmark, template_id, scheduled_by, drop_packets, drop_bytes, drop_first_ns, drop_last_ns FROM vslog.conn_events AS e WHERE e.kind IN ('nodest_drop', 'sched_fail') OR (e.kind = 'create' AND e.quiesced AND NOT e.is_template);

INSERT INTO vslog.schema_migrations (version, name, sha256) SETTINGS async_insert = 0 VALUES (10, '010_incidents.sql', '7ef7dec4fd4dac51a3e1cc7ea2c4cf8fc34e09f04859c72f7bea163a7f3b83fa');

ALTER TABLE vslog.control_events_local ON CLUSTER '{cluster}' MODIFY COLUMN `kind` Enum8('unspecified'=0,'service_added'=1,'service_changed'=2,'service_removed'=3,'real_added'=4,'real_changed'=5,'real_removed'=6,'overload_on'=7,'overload_off'=8,'knob_changed'=9,'capture_started'=10,'capture_stopped'=11,'loss'=12,'clock_step'=13,'service_snapshot'=14,'real_snapshot'=15,'subscriber_added'=16,'subscriber_removed'=17);

ALTER TABLE vslog.control_events ON CLUSTER '{cluster}' MODIFY COLUMN `kind` Enum8('unspecified'=0,'service_added'=1,'service_changed'=2,'service_removed'=3,'real_added'=4,'real_changed'=5,'real_removed'=6,'overload_on'=7,'overload_off'=8,'knob_changed'=9,'capture_started'=10,'capture_stopped'=11,'loss'=12,'clock_step'=13,'service_snapshot'=14,'real_snapshot'=15,'subscriber_added'=16,'subscriber_removed'=17);

DROP VIEW IF EXISTS vslog.names ON CLUSTER '{cluster}' SYNC;

CREATE VIEW IF NOT EXISTS vslog.names ON CLUSTER '{cluster}' AS SELECT * FROM values('what String, number UInt32, name String, meaning String',
  ('kind', 0, 'unspecified', 'never written'),
  ('kind', 1, 'create', 'a connection (or template) came into being'),
  ('kind', 2, 'expire', 'it ended; reason says why'),
  ('kind', 3, 'nodest_drop', 'packets of it were dropped because its real server is gone'),
  ('kind', 4, 'sched_fail', 'a new connection found no real server; there is no conn_id'),
  ('kind', 5, 'state', 'its protocol state changed (opt-in)'),
  ('kind', 6, 'snapshot', 'it was there before we watched, or its create was lost'),
  ('reason', 0, 'none', 'it has not ended'),
  ('reason', 1, 'timeout', 'its timer ran out'),
  ('reason', 2, 'expire_now', 'ended at once by the balancer, for instance on port reuse'),
  ('reason', 3, 'nodest', 'its real server was removed and expire_nodest_conn ended it'),
  ('reason', 4, 'flushed', 'ended on request'),
  ('reason', 5, 'drop_entry', 'dropped by the drop_entry defence'),
  ('reason', 6, 'service_removed', 'its virtual service was removed and expire_nodest_conn ended it'),
  ('reason', 7, 'module_unload', 'the network namespace or the module went away'),
  ('reason', 8, 'template_quiesced', 'a persistence template refused because its real server has weight 0'),
  ('reason', 9, 'one_packet', 'one-packet scheduling: it never outlives its packet'),
  ('reason', 10, 'missed', 'it ended while nobody watched'),
  ('reason', 11, 'unknown', 'the source does not say'),
  ('scheduled_by', 0, 'unknown', 'the source does not say'),
  ('scheduled_by', 1, 'scheduler', 'the service’s scheduler chose the real server'),
  ('scheduled_by', 2, 'persistence', 'a persistence template, or a controlling connection (FTP), chose it'),
  ('scheduled_by', 3, 'sync', 'received from another director by the sync daemon'),
  ('scheduled_by', 4, 'bypass', 'cache_bypass: sent to its original destination'),
  ('forward', 0, 'masq', 'addresses are translated both ways (NAT)'),
  ('forward', 1, 'local', 'to the director itself'),
  ('forward', 2, 'tunnel', 'wrapped and sent to the real server, which answers by itself'),
  ('forward', 3, 'direct', 'to the real server by its MAC address, which answers by itself'),
  ('forward', 4, 'bypass', 'to its original destination'),
  ('control kind', 0, 'unspecified', 'never written'),
  ('control kind', 1, 'service_added', 'a virtual service was added'),
  ('control kind', 2, 'service_changed', 'a virtual service was changed'),
  ('control kind', 3, 'service_removed', 'a virtual service was removed'),
  ('control kind', 4, 'real_added', 'a real server was added'),
  ('control kind', 5, 'real_changed', 'a real server was changed'),
  ('control kind', 6, 'real_removed', 'a real server was removed'),
  ('control kind', 7, 'overload_on', 'a real server passed its upper threshold'),
  ('control kind', 8, 'overload_off', 'it fell below its lower threshold again'),
  ('control kind', 9, 'knob_changed', 'a knob was changed'),
  ('control kind', 10, 'capture_started', 'the capture started'),
  ('control kind', 11, 'capture_stopped', 'the capture stopped'),
  ('control kind', 12, 'loss', 'events are missing: where, lost, first_ns and last_ns tell'),
  ('control kind', 13, 'clock_step', 'the wall clock was set; old_value and new_value are its offset to the monotonic clock in ns'),
  ('control kind', 14, 'service_snapshot', 'was there when the capture started'),
  ('control kind', 15, 'real_snapshot', 'was there when the capture started'),
  ('control kind', 16, 'subscriber_added', 'the log is kept for somebody until he acknowledges it'),
  ('control kind', 17, 'subscriber_removed', 'it is kept for him no more; lost says how much he had not acknowledged'),
  ('through', 0, 'unknown', 'nobody knows'),
  ('through', 1, 'netlink', 'the IPVS generic netlink family: ipvsadm, keepalived, kube-router'),
  ('through', 2, 'sockopt', 'the old setsockopt interface'),
  ('through', 3, 'sysctl', 'a file below /proc/sys'),
  ('through', 4, 'vslog', 'this program'),
  ('through', 5, 'kernel', 'nobody asked: a namespace went away, a threshold was passed'),
  ('loss', 0, 'none', 'nothing is missing'),
  ('loss', 1, 'ring', 'the kernel’s ring was full'),
  ('loss', 2, 'journal', 'the capture’s journal was full, or was overwritten before anybody subscribed'),
  ('loss', 3, 'spool', 'a damaged segment on the collector’s disk'),
  ('loss', 4, 'source', 'the source itself said so (ctnetlink’s ENOBUFS)'),
  ('loss', 5, 'conn_map', 'the table of connections was full'),
  ('loss', 6, 'malformed', 'a record from the kernel failed its size check'),
  ('loss', 7, 'sink', 'a sink refused it for good'),
  ('loss', 8, 'summarised', 'more began than capture.flood_rate lets be logged one by one: counted instead'),
  ('protocol', 1, 'ICMP', 'IP protocol number'),
  ('protocol', 6, 'TCP', 'IP protocol number'),
  ('protocol', 17, 'UDP', 'IP protocol number'),
  ('protocol', 33, 'DCCP', 'IP protocol number'),
  ('protocol', 47, 'GRE', 'IP protocol number'),
  ('protocol', 50, 'ESP', 'IP protocol number'),
  ('protocol', 51, 'AH', 'IP protocol number'),
  ('protocol', 58, 'ICMPv6', 'IP protocol number'),
  ('protocol', 132, 'SCTP', 'IP protocol number'),
  ('protocol', 136, 'UDPLITE', 'IP protocol number'),
  ('TCP state', 0, 'NONE', 'nothing was seen yet'),
  ('TCP state', 1, 'ESTABLISHED', 'data flows'),
  ('TCP state', 2, 'SYN_SENT', 'the real server opened it'),
  ('TCP state', 3, 'SYN_RECV', 'the client asked for it'),
  ('TCP state', 4, 'FIN_WAIT', 'one side is done'),
  ('TCP state', 5, 'TIME_WAIT', 'both sides are done'),
  ('TCP state', 6, 'CLOSE', 'reset'),
  ('TCP state', 7, 'CLOSE_WAIT', 'the other side is done'),
  ('TCP state', 8, 'LAST_ACK', 'the last acknowledgement is awaited'),
  ('TCP state', 9, 'LISTEN', 'nobody asked yet'),
  ('TCP state', 10, 'SYNACK', 'the SYN defence answers for the real server'),
  ('UDP state', 0, 'NORMAL', 'packets came'),
  ('SCTP state', 0, 'NONE', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 1, 'INIT1', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 2, 'INIT', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 3, 'COOKIE_SENT', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 4, 'COOKIE_REPLIED', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 5, 'COOKIE_WAIT', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 6, 'COOKIE', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 7, 'COOKIE_ECHOED', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 8, 'ESTABLISHED', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 9, 'SHUTDOWN_SENT', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 10, 'SHUTDOWN_RECEIVED', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 11, 'SHUTDOWN_ACK_SENT', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 12, 'REJECTED', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 13, 'CLOSED', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('template state', 0, 'NONE', 'no connection of it was established yet'),
  ('template state', 1, 'ASSURED', 'a connection of it was established'),
  ('flag', 32, 'SYNC', 'received from another director'),
  ('flag', 64, 'HASHED', 'it is in the connection table'),
  ('flag', 128, 'NOOUTPUT', 'only packets from the client are seen'),
  ('flag', 256, 'INACTIVE', 'counted as inactive: not established'),
  ('flag', 512, 'OUT_SEQ', 'sequence numbers of answers are shifted'),
  ('flag', 1024, 'IN_SEQ', 'sequence numbers of requests are shifted'),
  ('flag', 2048, 'NO_CPORT', 'the client’s port is not known yet'),
  ('flag', 4096, 'TEMPLATE', 'a persistence template'),
  ('flag', 8192, 'ONE_PACKET', 'one-packet scheduling'),
  ('flag', 65536, 'NFCT', 'connection tracking knows it too'),
  ('conntrack flag', 1, 'EXPECTED', 'IPS_EXPECTED of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 2, 'SEEN_REPLY', 'IPS_SEEN_REPLY of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 4, 'ASSURED', 'IPS_ASSURED of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 8, 'CONFIRMED', 'IPS_CONFIRMED of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 16, 'SRC_NAT', 'IPS_SRC_NAT of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 32, 'DST_NAT', 'IPS_DST_NAT of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 64, 'SEQ_ADJUST', 'IPS_SEQ_ADJUST of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 128, 'SRC_NAT_DONE', 'IPS_SRC_NAT_DONE of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 256, 'DST_NAT_DONE', 'IPS_DST_NAT_DONE of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 512, 'DYING', 'IPS_DYING of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 1024, 'FIXED_TIMEOUT', 'IPS_FIXED_TIMEOUT of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 2048, 'TEMPLATE', 'IPS_TEMPLATE of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 4096, 'NAT_CLASH', 'IPS_NAT_CLASH of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 8192, 'HELPER', 'IPS_HELPER of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 16384, 'OFFLOAD', 'IPS_OFFLOAD of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 32768, 'HW_OFFLOAD', 'IPS_HW_OFFLOAD of linux/netfilter/nf_conntrack_common.h'));

INSERT INTO vslog.schema_migrations (version, name, sha256) SETTINGS async_insert = 0 VALUES (11, '011_subscribers.sql', 'a5df6665c927b92e335e125164cd7fdb94ef0ea63534de31b0db94c2f603fcb8');

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' MODIFY COLUMN `kind` Enum8('unspecified'=0,'create'=1,'expire'=2,'nodest_drop'=3,'sched_fail'=4,'state'=5,'snapshot'=6,'erased'=7);

ALTER TABLE vslog.conn_events ON CLUSTER '{cluster}' MODIFY COLUMN `kind` Enum8('unspecified'=0,'create'=1,'expire'=2,'nodest_drop'=3,'sched_fail'=4,'state'=5,'snapshot'=6,'erased'=7);

ALTER TABLE vslog.incidents_local ON CLUSTER '{cluster}' MODIFY COLUMN kind Enum8('unspecified'=0,'create'=1,'expire'=2,'nodest_drop'=3,'sched_fail'=4,'state'=5,'snapshot'=6,'erased'=7) CODEC(ZSTD);

ALTER TABLE vslog.incidents ON CLUSTER '{cluster}' MODIFY COLUMN kind Enum8('unspecified'=0,'create'=1,'expire'=2,'nodest_drop'=3,'sched_fail'=4,'state'=5,'snapshot'=6,'erased'=7) CODEC(ZSTD);

ALTER TABLE vslog.control_events_local ON CLUSTER '{cluster}' MODIFY COLUMN `kind` Enum8('unspecified'=0,'service_added'=1,'service_changed'=2,'service_removed'=3,'real_added'=4,'real_changed'=5,'real_removed'=6,'overload_on'=7,'overload_off'=8,'knob_changed'=9,'capture_started'=10,'capture_stopped'=11,'loss'=12,'clock_step'=13,'service_snapshot'=14,'real_snapshot'=15,'subscriber_added'=16,'subscriber_removed'=17,'erase_ordered'=18,'erased'=19);

ALTER TABLE vslog.control_events ON CLUSTER '{cluster}' MODIFY COLUMN `kind` Enum8('unspecified'=0,'service_added'=1,'service_changed'=2,'service_removed'=3,'real_added'=4,'real_changed'=5,'real_removed'=6,'overload_on'=7,'overload_off'=8,'knob_changed'=9,'capture_started'=10,'capture_stopped'=11,'loss'=12,'clock_step'=13,'service_snapshot'=14,'real_snapshot'=15,'subscriber_added'=16,'subscriber_removed'=17,'erase_ordered'=18,'erased'=19);

DROP VIEW IF EXISTS vslog.rs_minute_feed ON CLUSTER '{cluster}' SYNC;

CREATE MATERIALIZED VIEW IF NOT EXISTS vslog.rs_minute_feed ON CLUSTER '{cluster}' TO vslog.rs_minute_local AS SELECT virtual_addr, virtual_port, protocol, fwmark, real_addr, real_port, node, minute, creates, creates_quiesced, creates_persistent, snapshots, templates, ends, ends_timeout, ends_expire_now, ends_nodest, ends_flushed, ends_drop_entry, ends_service_removed, ends_module_unload, ends_template_quiesced, ends_one_packet, ends_missed, ends_unknown, template_ends, drop_packets, drop_bytes, sched_fails, packets_in, bytes_in, packets_out, bytes_out, durations.1 AS `durationsMap.bucket`, durations.2 AS `durationsMap.ends` FROM (SELECT e.virtual_addr AS virtual_addr, e.virtual_port AS virtual_port, e.protocol AS protocol, e.fwmark AS fwmark, e.real_addr AS real_addr, e.real_port AS real_port, e.node AS node, toStartOfMinute(e.time_ns) AS minute, countIf(e.kind = 'create' AND NOT e.is_template) AS creates, countIf(e.kind = 'create' AND NOT e.is_template AND e.quiesced) AS creates_quiesced, countIf(e.kind = 'create' AND NOT e.is_template AND e.scheduled_by = 'persistence') AS creates_persistent, countIf(e.kind = 'snapshot' AND NOT e.is_template) AS snapshots, countIf(e.kind IN ('create', 'snapshot') AND e.is_template) AS templates, countIf(e.kind = 'expire' AND NOT e.is_template) AS ends, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'timeout') AS ends_timeout, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'expire_now') AS ends_expire_now, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'nodest') AS ends_nodest, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'flushed') AS ends_flushed, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'drop_entry') AS ends_drop_entry, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'service_removed') AS ends_service_removed, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'module_unload') AS ends_module_unload, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'template_quiesced') AS ends_template_quiesced, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'one_packet') AS ends_one_packet, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'missed') AS ends_missed, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'unknown') AS ends_unknown, countIf(e.kind = 'expire' AND e.is_template) AS template_ends, sum(e.drop_packets) AS drop_packets, sum(e.drop_bytes) AS drop_bytes, countIf(e.kind = 'sched_fail') AS sched_fails, sum(e.packets_in) AS packets_in, sum(e.bytes_in) AS bytes_in, sum(e.packets_out) AS packets_out, sum(e.bytes_out) AS bytes_out, sumMapIf([toInt16(if(e.duration_ns < 1000000, -1, floor(4 * log2(e.duration_ns / 1000000))))], [toUInt64(1)], e.kind = 'expire' AND NOT e.is_template) AS durations FROM vslog.conn_events_local AS e WHERE e.kind != 'erased' GROUP BY virtual_addr, virtual_port, protocol, fwmark, real_addr, real_port, node, minute);

DROP VIEW IF EXISTS vslog.names ON CLUSTER '{cluster}' SYNC;

CREATE VIEW IF NOT EXISTS vslog.names ON CLUSTER '{cluster}' AS SELECT * FROM values('what String, number UInt32, name String, meaning String',
  ('kind', 0, 'unspecified', 'never written'),
  ('kind', 1, 'create', 'a connection (or template) came into being'),
  ('kind', 2, 'expire', 'it ended; reason says why'),
  ('kind', 3, 'nodest_drop', 'packets of it were dropped because its real server is gone'),
  ('kind', 4, 'sched_fail', 'a new connection found no real server; there is no conn_id'),
  ('kind', 5, 'state', 'its protocol state changed (opt-in)'),
  ('kind', 6, 'snapshot', 'it was there before we watched, or its create was lost'),
  ('kind', 7, 'erased', 'what was here was erased: its time, its sequence and its connection’s number are left'),
  ('reason', 0, 'none', 'it has not ended'),
  ('reason', 1, 'timeout', 'its timer ran out'),
  ('reason', 2, 'expire_now', 'ended at once by the balancer, for instance on port reuse'),
  ('reason', 3, 'nodest', 'its real server was removed and expire_nodest_conn ended it'),
  ('reason', 4, 'flushed', 'ended on request'),
  ('reason', 5, 'drop_entry', 'dropped by the drop_entry defence'),
  ('reason', 6, 'service_removed', 'its virtual service was removed and expire_nodest_conn ended it'),
  ('reason', 7, 'module_unload', 'the network namespace or the module went away'),
  ('reason', 8, 'template_quiesced', 'a persistence template refused because its real server has weight 0'),
  ('reason', 9, 'one_packet', 'one-packet scheduling: it never outlives its packet'),
  ('reason', 10, 'missed', 'it ended while nobody watched'),
  ('reason', 11, 'unknown', 'the source does not say'),
  ('scheduled_by', 0, 'unknown', 'the source does not say'),
  ('scheduled_by', 1, 'scheduler', 'the service’s scheduler chose the real server'),
  ('scheduled_by', 2, 'persistence', 'a persistence template, or a controlling connection (FTP), chose it'),
  ('scheduled_by', 3, 'sync', 'received from another director by the sync daemon'),
  ('scheduled_by', 4, 'bypass', 'cache_bypass: sent to its original destination'),
  ('forward', 0, 'masq', 'addresses are translated both ways (NAT)'),
  ('forward', 1, 'local', 'to the director itself'),
  ('forward', 2, 'tunnel', 'wrapped and sent to the real server, which answers by itself'),
  ('forward', 3, 'direct', 'to the real server by its MAC address, which answers by itself'),
  ('forward', 4, 'bypass', 'to its original destination'),
  ('control kind', 0, 'unspecified', 'never written'),
  ('control kind', 1, 'service_added', 'a virtual service was added'),
  ('control kind', 2, 'service_changed', 'a virtual service was changed'),
  ('control kind', 3, 'service_removed', 'a virtual service was removed'),
  ('control kind', 4, 'real_added', 'a real server was added'),
  ('control kind', 5, 'real_changed', 'a real server was changed'),
  ('control kind', 6, 'real_removed', 'a real server was removed'),
  ('control kind', 7, 'overload_on', 'a real server passed its upper threshold'),
  ('control kind', 8, 'overload_off', 'it fell below its lower threshold again'),
  ('control kind', 9, 'knob_changed', 'a knob was changed'),
  ('control kind', 10, 'capture_started', 'the capture started'),
  ('control kind', 11, 'capture_stopped', 'the capture stopped'),
  ('control kind', 12, 'loss', 'events are missing: where, lost, first_ns and last_ns tell'),
  ('control kind', 13, 'clock_step', 'the wall clock was set; old_value and new_value are its offset to the monotonic clock in ns'),
  ('control kind', 14, 'service_snapshot', 'was there when the capture started'),
  ('control kind', 15, 'real_snapshot', 'was there when the capture started'),
  ('control kind', 16, 'subscriber_added', 'the log is kept for somebody until he acknowledges it'),
  ('control kind', 17, 'subscriber_removed', 'it is kept for him no more; lost says how much he had not acknowledged'),
  ('control kind', 18, 'erase_ordered', 'somebody had the connections of a person erased; nothing was changed before'),
  ('control kind', 19, 'erased', 'so many events of a person were erased; those of one name belong together'),
  ('through', 0, 'unknown', 'nobody knows'),
  ('through', 1, 'netlink', 'the IPVS generic netlink family: ipvsadm, keepalived, kube-router'),
  ('through', 2, 'sockopt', 'the old setsockopt interface'),
  ('through', 3, 'sysctl', 'a file below /proc/sys'),
  ('through', 4, 'vslog', 'this program'),
  ('through', 5, 'kernel', 'nobody asked: a namespace went away, a threshold was passed'),
  ('loss', 0, 'none', 'nothing is missing'),
  ('loss', 1, 'ring', 'the kernel’s ring was full'),
  ('loss', 2, 'journal', 'the capture’s journal was full, or was overwritten before anybody subscribed'),
  ('loss', 3, 'spool', 'a damaged segment on the collector’s disk'),
  ('loss', 4, 'source', 'the source itself said so (ctnetlink’s ENOBUFS)'),
  ('loss', 5, 'conn_map', 'the table of connections was full'),
  ('loss', 6, 'malformed', 'a record from the kernel failed its size check'),
  ('loss', 7, 'sink', 'a sink refused it for good'),
  ('loss', 8, 'summarised', 'more began than capture.flood_rate lets be logged one by one: counted instead'),
  ('protocol', 1, 'ICMP', 'IP protocol number'),
  ('protocol', 6, 'TCP', 'IP protocol number'),
  ('protocol', 17, 'UDP', 'IP protocol number'),
  ('protocol', 33, 'DCCP', 'IP protocol number'),
  ('protocol', 47, 'GRE', 'IP protocol number'),
  ('protocol', 50, 'ESP', 'IP protocol number'),
  ('protocol', 51, 'AH', 'IP protocol number'),
  ('protocol', 58, 'ICMPv6', 'IP protocol number'),
  ('protocol', 132, 'SCTP', 'IP protocol number'),
  ('protocol', 136, 'UDPLITE', 'IP protocol number'),
  ('TCP state', 0, 'NONE', 'nothing was seen yet'),
  ('TCP state', 1, 'ESTABLISHED', 'data flows'),
  ('TCP state', 2, 'SYN_SENT', 'the real server opened it'),
  ('TCP state', 3, 'SYN_RECV', 'the client asked for it'),
  ('TCP state', 4, 'FIN_WAIT', 'one side is done'),
  ('TCP state', 5, 'TIME_WAIT', 'both sides are done'),
  ('TCP state', 6, 'CLOSE', 'reset'),
  ('TCP state', 7, 'CLOSE_WAIT', 'the other side is done'),
  ('TCP state', 8, 'LAST_ACK', 'the last acknowledgement is awaited'),
  ('TCP state', 9, 'LISTEN', 'nobody asked yet'),
  ('TCP state', 10, 'SYNACK', 'the SYN defence answers for the real server'),
  ('UDP state', 0, 'NORMAL', 'packets came'),
  ('SCTP state', 0, 'NONE', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 1, 'INIT1', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 2, 'INIT', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 3, 'COOKIE_SENT', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 4, 'COOKIE_REPLIED', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 5, 'COOKIE_WAIT', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 6, 'COOKIE', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 7, 'COOKIE_ECHOED', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 8, 'ESTABLISHED', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 9, 'SHUTDOWN_SENT', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 10, 'SHUTDOWN_RECEIVED', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 11, 'SHUTDOWN_ACK_SENT', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 12, 'REJECTED', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 13, 'CLOSED', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('template state', 0, 'NONE', 'no connection of it was established yet'),
  ('template state', 1, 'ASSURED', 'a connection of it was established'),
  ('flag', 32, 'SYNC', 'received from another director'),
  ('flag', 64, 'HASHED', 'it is in the connection table'),
  ('flag', 128, 'NOOUTPUT', 'only packets from the client are seen'),
  ('flag', 256, 'INACTIVE', 'counted as inactive: not established'),
  ('flag', 512, 'OUT_SEQ', 'sequence numbers of answers are shifted'),
  ('flag', 1024, 'IN_SEQ', 'sequence numbers of requests are shifted'),
  ('flag', 2048, 'NO_CPORT', 'the client’s port is not known yet'),
  ('flag', 4096, 'TEMPLATE', 'a persistence template'),
  ('flag', 8192, 'ONE_PACKET', 'one-packet scheduling'),
  ('flag', 65536, 'NFCT', 'connection tracking knows it too'),
  ('conntrack flag', 1, 'EXPECTED', 'IPS_EXPECTED of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 2, 'SEEN_REPLY', 'IPS_SEEN_REPLY of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 4, 'ASSURED', 'IPS_ASSURED of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 8, 'CONFIRMED', 'IPS_CONFIRMED of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 16, 'SRC_NAT', 'IPS_SRC_NAT of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 32, 'DST_NAT', 'IPS_DST_NAT of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 64, 'SEQ_ADJUST', 'IPS_SEQ_ADJUST of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 128, 'SRC_NAT_DONE', 'IPS_SRC_NAT_DONE of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 256, 'DST_NAT_DONE', 'IPS_DST_NAT_DONE of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 512, 'DYING', 'IPS_DYING of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 1024, 'FIXED_TIMEOUT', 'IPS_FIXED_TIMEOUT of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 2048, 'TEMPLATE', 'IPS_TEMPLATE of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 4096, 'NAT_CLASH', 'IPS_NAT_CLASH of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 8192, 'HELPER', 'IPS_HELPER of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 16384, 'OFFLOAD', 'IPS_OFFLOAD of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 32768, 'HW_OFFLOAD', 'IPS_HW_OFFLOAD of linux/netfilter/nf_conntrack_common.h'));

INSERT INTO vslog.schema_migrations (version, name, sha256) SETTINGS async_insert = 0 VALUES (12, '012_erased.sql', '798e6f5e78f84c5ab6720f835c3815592150a1a863b2c0dbb939cd27cbf26983');

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' MODIFY COLUMN `reason` Enum8('none'=0,'timeout'=1,'expire_now'=2,'nodest'=3,'flushed'=4,'drop_entry'=5,'service_removed'=6,'module_unload'=7,'template_quiesced'=8,'one_packet'=9,'missed'=10,'unknown'=11,'capture_stopped'=12);

ALTER TABLE vslog.conn_events ON CLUSTER '{cluster}' MODIFY COLUMN `reason` Enum8('none'=0,'timeout'=1,'expire_now'=2,'nodest'=3,'flushed'=4,'drop_entry'=5,'service_removed'=6,'module_unload'=7,'template_quiesced'=8,'one_packet'=9,'missed'=10,'unknown'=11,'capture_stopped'=12);

ALTER TABLE vslog.connections_ended_local ON CLUSTER '{cluster}' MODIFY COLUMN reason Enum8('none'=0,'timeout'=1,'expire_now'=2,'nodest'=3,'flushed'=4,'drop_entry'=5,'service_removed'=6,'module_unload'=7,'template_quiesced'=8,'one_packet'=9,'missed'=10,'unknown'=11,'capture_stopped'=12) CODEC(ZSTD);

ALTER TABLE vslog.connections_ended ON CLUSTER '{cluster}' MODIFY COLUMN reason Enum8('none'=0,'timeout'=1,'expire_now'=2,'nodest'=3,'flushed'=4,'drop_entry'=5,'service_removed'=6,'module_unload'=7,'template_quiesced'=8,'one_packet'=9,'missed'=10,'unknown'=11,'capture_stopped'=12) CODEC(ZSTD);

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS outcome Enum8('open'=0, 'closed'=1, 'reset'=2, 'idle'=3, 'never_established'=4, 'server_removed'=5, 'flushed'=6, 'defence'=7, 'replaced'=8, 'template_quiesced'=9, 'one_packet'=10, 'capture_stopped'=11, 'unknown'=12) ALIAS CAST(multiIf(CAST(reason, 'Int8') != 1, transform(CAST(reason, 'Int8'), [0, 2, 3, 4, 5, 6, 7, 8, 9, 12], [0, 8, 5, 6, 7, 5, 6, 9, 10, 11], 12), is_template, 3, protocol = 6 AND state IN (0, 2, 3, 9, 10), 4, protocol = 6 AND state IN (4, 5, 7, 8), 1, protocol = 6 AND state IN (6), 2, protocol = 132 AND state IN (0, 1, 2, 3, 4, 5, 6, 7), 4, protocol = 132 AND state IN (9, 10, 11, 13), 1, protocol = 132 AND state IN (12), 2, 3), 'Enum8(\'open\'=0, \'closed\'=1, \'reset\'=2, \'idle\'=3, \'never_established\'=4, \'server_removed\'=5, \'flushed\'=6, \'defence\'=7, \'replaced\'=8, \'template_quiesced\'=9, \'one_packet\'=10, \'capture_stopped\'=11, \'unknown\'=12)');

ALTER TABLE vslog.conn_events ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS outcome Enum8('open'=0, 'closed'=1, 'reset'=2, 'idle'=3, 'never_established'=4, 'server_removed'=5, 'flushed'=6, 'defence'=7, 'replaced'=8, 'template_quiesced'=9, 'one_packet'=10, 'capture_stopped'=11, 'unknown'=12) ALIAS CAST(multiIf(CAST(reason, 'Int8') != 1, transform(CAST(reason, 'Int8'), [0, 2, 3, 4, 5, 6, 7, 8, 9, 12], [0, 8, 5, 6, 7, 5, 6, 9, 10, 11], 12), is_template, 3, protocol = 6 AND state IN (0, 2, 3, 9, 10), 4, protocol = 6 AND state IN (4, 5, 7, 8), 1, protocol = 6 AND state IN (6), 2, protocol = 132 AND state IN (0, 1, 2, 3, 4, 5, 6, 7), 4, protocol = 132 AND state IN (9, 10, 11, 13), 1, protocol = 132 AND state IN (12), 2, 3), 'Enum8(\'open\'=0, \'closed\'=1, \'reset\'=2, \'idle\'=3, \'never_established\'=4, \'server_removed\'=5, \'flushed\'=6, \'defence\'=7, \'replaced\'=8, \'template_quiesced\'=9, \'one_packet\'=10, \'capture_stopped\'=11, \'unknown\'=12)');

ALTER TABLE vslog.rs_minute_local ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS ends_capture_stopped UInt64 CODEC(T64, ZSTD);

ALTER TABLE vslog.rs_minute ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS ends_capture_stopped UInt64 CODEC(T64, ZSTD);

ALTER TABLE vslog.rs_minute_local ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS ends_cut UInt64 CODEC(T64, ZSTD);

ALTER TABLE vslog.rs_minute ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS ends_cut UInt64 CODEC(T64, ZSTD);

ALTER TABLE vslog.rs_minute_local ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS `outcomesMap.outcome` Array(String) CODEC(ZSTD);

ALTER TABLE vslog.rs_minute ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS `outcomesMap.outcome` Array(String) CODEC(ZSTD);

ALTER TABLE vslog.rs_minute_local ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS `outcomesMap.bucketKey` Array(Int16) CODEC(ZSTD);

ALTER TABLE vslog.rs_minute ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS `outcomesMap.bucketKey` Array(Int16) CODEC(ZSTD);

ALTER TABLE vslog.rs_minute_local ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS `outcomesMap.ends` Array(UInt64) CODEC(ZSTD);

ALTER TABLE vslog.rs_minute ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS `outcomesMap.ends` Array(UInt64) CODEC(ZSTD);

ALTER TABLE vslog.rs_minute_feed ON CLUSTER '{cluster}' MODIFY QUERY SELECT virtual_addr, virtual_port, protocol, fwmark, real_addr, real_port, node, minute, creates, creates_quiesced, creates_persistent, snapshots, templates, ends, ends_timeout, ends_expire_now, ends_nodest, ends_flushed, ends_drop_entry, ends_service_removed, ends_module_unload, ends_template_quiesced, ends_one_packet, ends_missed, ends_unknown, ends_capture_stopped, ends_cut, template_ends, drop_packets, drop_bytes, sched_fails, packets_in, bytes_in, packets_out, bytes_out, arrayReduce('sumMap', [arrayMap(k -> toInt16(k % 1024 - 1), lives.1)], [lives.2]).1 AS `durationsMap.bucket`, arrayReduce('sumMap', [arrayMap(k -> toInt16(k % 1024 - 1), lives.1)], [lives.2]).2 AS `durationsMap.ends`, arrayMap(k -> ['open', 'closed', 'reset', 'idle', 'never_established', 'server_removed', 'flushed', 'defence', 'replaced', 'template_quiesced', 'one_packet', 'capture_stopped', 'unknown'][intDiv(k, 1024) + 1], lives.1) AS `outcomesMap.outcome`, arrayMap(k -> toInt16(k % 1024 - 1), lives.1) AS `outcomesMap.bucketKey`, lives.2 AS `outcomesMap.ends` FROM (SELECT e.virtual_addr AS virtual_addr, e.virtual_port AS virtual_port, e.protocol AS protocol, e.fwmark AS fwmark, e.real_addr AS real_addr, e.real_port AS real_port, e.node AS node, toStartOfMinute(e.time_ns) AS minute, countIf(e.kind = 'create' AND NOT e.is_template) AS creates, countIf(e.kind = 'create' AND NOT e.is_template AND e.quiesced) AS creates_quiesced, countIf(e.kind = 'create' AND NOT e.is_template AND e.scheduled_by = 'persistence') AS creates_persistent, countIf(e.kind = 'snapshot' AND NOT e.is_template) AS snapshots, countIf(e.kind IN ('create', 'snapshot') AND e.is_template) AS templates, countIf(e.kind = 'expire' AND NOT e.is_template) AS ends, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'timeout') AS ends_timeout, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'expire_now') AS ends_expire_now, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'nodest') AS ends_nodest, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'flushed') AS ends_flushed, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'drop_entry') AS ends_drop_entry, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'service_removed') AS ends_service_removed, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'module_unload') AS ends_module_unload, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'template_quiesced') AS ends_template_quiesced, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'one_packet') AS ends_one_packet, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'missed') AS ends_missed, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'unknown') AS ends_unknown, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'capture_stopped') AS ends_capture_stopped, countIf(e.kind = 'expire' AND (NOT e.is_template AND e.reason IN ('expire_now', 'nodest', 'flushed', 'drop_entry', 'service_removed', 'module_unload', 'template_quiesced', 'capture_stopped') AND NOT ((e.protocol = 6 AND e.state IN (0, 2, 3, 4, 5, 6, 7, 8, 9, 10)) OR (e.protocol = 132 AND e.state IN (0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13))))) AS ends_cut, countIf(e.kind = 'expire' AND e.is_template) AS template_ends, sum(e.drop_packets) AS drop_packets, sum(e.drop_bytes) AS drop_bytes, countIf(e.kind = 'sched_fail') AS sched_fails, sum(e.packets_in) AS packets_in, sum(e.bytes_in) AS bytes_in, sum(e.packets_out) AS packets_out, sum(e.bytes_out) AS bytes_out, sumMapIf([toInt16(multiIf(CAST(e.reason, 'Int8') != 1, transform(CAST(e.reason, 'Int8'), [0, 2, 3, 4, 5, 6, 7, 8, 9, 12], [0, 8, 5, 6, 7, 5, 6, 9, 10, 11], 12), e.is_template, 3, e.protocol = 6 AND e.state IN (0, 2, 3, 9, 10), 4, e.protocol = 6 AND e.state IN (4, 5, 7, 8), 1, e.protocol = 6 AND e.state IN (6), 2, e.protocol = 132 AND e.state IN (0, 1, 2, 3, 4, 5, 6, 7), 4, e.protocol = 132 AND e.state IN (9, 10, 11, 13), 1, e.protocol = 132 AND e.state IN (12), 2, 3) * 1024 + if(e.duration_ns < 1000000, -1, floor(4 * log2(e.duration_ns / 1000000))) + 1)], [toUInt64(1)], e.kind = 'expire' AND NOT e.is_template) AS lives FROM vslog.conn_events_local AS e WHERE e.kind != 'erased' GROUP BY virtual_addr, virtual_port, protocol, fwmark, real_addr, real_port, node, minute);

INSERT INTO vslog.rs_minute (virtual_addr, virtual_port, protocol, fwmark, real_addr, real_port, node, minute, ends_cut, `outcomesMap.outcome`, `outcomesMap.bucketKey`, `outcomesMap.ends`) SELECT virtual_addr, virtual_port, protocol, fwmark, real_addr, real_port, node, minute, toUInt64(greatest(0, sum(was_cut))) AS ends_cut, groupArrayIf(outcome, number > 0), groupArrayIf(bucket, number > 0), groupArrayIf(toUInt64(number), number > 0) AS ends FROM (SELECT virtual_addr, virtual_port, protocol, fwmark, real_addr, real_port, node, minute, outcome, bucket, sum(p.n) AS number, sum(p.cut) AS was_cut FROM (SELECT e.virtual_addr AS virtual_addr, e.virtual_port AS virtual_port, e.protocol AS protocol, e.fwmark AS fwmark, e.real_addr AS real_addr, e.real_port AS real_port, e.node AS node, toStartOfMinute(e.time_ns) AS minute, ['open', 'closed', 'reset', 'idle', 'never_established', 'server_removed', 'flushed', 'defence', 'replaced', 'template_quiesced', 'one_packet', 'capture_stopped', 'unknown'][multiIf(CAST(e.reason, 'Int8') != 1, transform(CAST(e.reason, 'Int8'), [0, 2, 3, 4, 5, 6, 7, 8, 9, 12], [0, 8, 5, 6, 7, 5, 6, 9, 10, 11], 12), e.is_template, 3, e.protocol = 6 AND e.state IN (0, 2, 3, 9, 10), 4, e.protocol = 6 AND e.state IN (4, 5, 7, 8), 1, e.protocol = 6 AND e.state IN (6), 2, e.protocol = 132 AND e.state IN (0, 1, 2, 3, 4, 5, 6, 7), 4, e.protocol = 132 AND e.state IN (9, 10, 11, 13), 1, e.protocol = 132 AND e.state IN (12), 2, 3) + 1] AS outcome, toInt16(if(e.duration_ns < 1000000, -1, floor(4 * log2(e.duration_ns / 1000000)))) AS bucket, toInt64(count()) AS n, toInt64(countIf((NOT e.is_template AND e.reason IN ('expire_now', 'nodest', 'flushed', 'drop_entry', 'service_removed', 'module_unload', 'template_quiesced', 'capture_stopped') AND NOT ((e.protocol = 6 AND e.state IN (0, 2, 3, 4, 5, 6, 7, 8, 9, 10)) OR (e.protocol = 132 AND e.state IN (0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13)))))) AS cut FROM vslog.conn_events AS e WHERE e.kind = 'expire' AND NOT e.is_template GROUP BY virtual_addr, virtual_port, protocol, fwmark, real_addr, real_port, node, minute, outcome, bucket UNION ALL SELECT m.virtual_addr AS virtual_addr, m.virtual_port AS virtual_port, m.protocol AS protocol, m.fwmark AS fwmark, m.real_addr AS real_addr, m.real_port AS real_port, m.node AS node, m.minute AS minute, one.1 AS outcome, one.2 AS bucket, -toInt64(sum(one.3)) AS n, toInt64(0) AS cut FROM vslog.rs_minute AS m ARRAY JOIN arrayZip(`outcomesMap.outcome`, `outcomesMap.bucketKey`, `outcomesMap.ends`) AS one WHERE m.minute >= toStartOfMinute((SELECT min(time_ns) FROM vslog.conn_events)) GROUP BY virtual_addr, virtual_port, protocol, fwmark, real_addr, real_port, node, minute, outcome, bucket UNION ALL SELECT m.virtual_addr AS virtual_addr, m.virtual_port AS virtual_port, m.protocol AS protocol, m.fwmark AS fwmark, m.real_addr AS real_addr, m.real_port AS real_port, m.node AS node, m.minute AS minute, '' AS outcome, toInt16(0) AS bucket, toInt64(0) AS n, -toInt64(sum(m.ends_cut)) AS cut FROM vslog.rs_minute AS m WHERE m.minute >= toStartOfMinute((SELECT min(time_ns) FROM vslog.conn_events)) GROUP BY virtual_addr, virtual_port, protocol, fwmark, real_addr, real_port, node, minute) AS p GROUP BY virtual_addr, virtual_port, protocol, fwmark, real_addr, real_port, node, minute, outcome, bucket) GROUP BY virtual_addr, virtual_port, protocol, fwmark, real_addr, real_port, node, minute HAVING ends_cut > 0 OR notEmpty(ends);

DROP VIEW IF EXISTS vslog.connections ON CLUSTER '{cluster}' SYNC;

CREATE VIEW vslog.connections ON CLUSTER '{cluster}' AS
SELECT
  c.node AS node,
  c.conn_id AS conn_id,
  c.start AS start,
  toNullable(c.end) AS end,
  CAST(false, 'Bool') AS is_open,
  c.reason AS reason,
  CAST(multiIf(CAST(c.reason, 'Int8') != 1, transform(CAST(c.reason, 'Int8'), [0, 2, 3, 4, 5, 6, 7, 8, 9, 12], [0, 8, 5, 6, 7, 5, 6, 9, 10, 11], 12), c.is_template, 3, c.protocol = 6 AND c.state IN (0, 2, 3, 9, 10), 4, c.protocol = 6 AND c.state IN (4, 5, 7, 8), 1, c.protocol = 6 AND c.state IN (6), 2, c.protocol = 132 AND c.state IN (0, 1, 2, 3, 4, 5, 6, 7), 4, c.protocol = 132 AND c.state IN (9, 10, 11, 13), 1, c.protocol = 132 AND c.state IN (12), 2, 3), 'Enum8(\'open\'=0, \'closed\'=1, \'reset\'=2, \'idle\'=3, \'never_established\'=4, \'server_removed\'=5, \'flushed\'=6, \'defence\'=7, \'replaced\'=8, \'template_quiesced\'=9, \'one_packet\'=10, \'capture_stopped\'=11, \'unknown\'=12)') AS outcome,
  CAST((NOT c.is_template AND c.reason IN ('expire_now', 'nodest', 'flushed', 'drop_entry', 'service_removed', 'module_unload', 'template_quiesced', 'capture_stopped') AND NOT ((c.protocol = 6 AND c.state IN (0, 2, 3, 4, 5, 6, 7, 8, 9, 10)) OR (c.protocol = 132 AND c.state IN (0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13)))), 'Bool') AS is_cut,
  c.duration_ns AS duration_ns,
  if(c.duration_ns != 0, toNullable(c.duration_ns / 1e9), NULL) AS duration_s,
  c.protocol AS protocol,
  transform(c.protocol, [1, 6, 17, 33, 47, 50, 51, 58, 132, 136], ['ICMP', 'TCP', 'UDP', 'DCCP', 'GRE', 'ESP', 'AH', 'ICMPv6', 'SCTP', 'UDPLITE'], toString(c.protocol)) AS protocol_name,
  multiIf(c.client_addr = toIPv6('::'), '', startsWith(IPv6NumToString(c.client_addr), '::ffff:') AND position(IPv6NumToString(c.client_addr), '.') > 0, substring(IPv6NumToString(c.client_addr), 8), IPv6NumToString(c.client_addr)) AS client_addr,
  c.client_port AS client_port,
  multiIf(c.virtual_addr = toIPv6('::'), '', startsWith(IPv6NumToString(c.virtual_addr), '::ffff:') AND position(IPv6NumToString(c.virtual_addr), '.') > 0, substring(IPv6NumToString(c.virtual_addr), 8), IPv6NumToString(c.virtual_addr)) AS virtual_addr,
  c.virtual_port AS virtual_port,
  multiIf(c.real_addr = toIPv6('::'), '', startsWith(IPv6NumToString(c.real_addr), '::ffff:') AND position(IPv6NumToString(c.real_addr), '.') > 0, substring(IPv6NumToString(c.real_addr), 8), IPv6NumToString(c.real_addr)) AS real_addr,
  c.real_port AS real_port,
  c.fwmark AS fwmark,
  c.forward AS forward,
  c.flags AS flags,
  arrayFilter((name, bit) -> bitAnd(c.flags, bit) != 0, ['SYNC', 'HASHED', 'NOOUTPUT', 'INACTIVE', 'OUT_SEQ', 'IN_SEQ', 'NO_CPORT', 'TEMPLATE', 'ONE_PACKET', 'NFCT'], [32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 65536]) AS flag_names,
  c.state AS state,
  multiIf(c.is_template, if(bitTest(c.state, 0), 'ASSURED', 'NONE'), c.protocol = 6, transform(c.state, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], ['NONE', 'ESTABLISHED', 'SYN_SENT', 'SYN_RECV', 'FIN_WAIT', 'TIME_WAIT', 'CLOSE', 'CLOSE_WAIT', 'LAST_ACK', 'LISTEN', 'SYNACK'], toString(c.state)), c.protocol = 17, transform(c.state, [0], ['NORMAL'], toString(c.state)), c.protocol = 132, transform(c.state, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13], ['NONE', 'INIT1', 'INIT', 'COOKIE_SENT', 'COOKIE_REPLIED', 'COOKIE_WAIT', 'COOKIE', 'COOKIE_ECHOED', 'ESTABLISHED', 'SHUTDOWN_SENT', 'SHUTDOWN_RECEIVED', 'SHUTDOWN_ACK_SENT', 'REJECTED', 'CLOSED'], toString(c.state)), toString(c.state)) AS state_name,
  c.is_template AS is_template,
  c.template_id AS template_id,
  c.scheduled_by AS scheduled_by,
  c.weight AS weight,
  c.quiesced AS quiesced,
  c.packets_in AS packets_in,
  c.bytes_in AS bytes_in,
  c.packets_out AS packets_out,
  c.bytes_out AS bytes_out,
  c.timeout_ms AS timeout_ms,
  c.netns AS netns,
  c.zone AS zone,
  c.mark AS mark,
  c.labels AS labels,
  c.epoch AS epoch,
  c.end AS last_event,
  c.client_addr AS client_ip,
  c.virtual_addr AS virtual_ip,
  c.real_addr AS real_ip
FROM vslog.connections_ended AS c
UNION ALL
WITH
  (SELECT groupArray((n, t)) FROM (SELECT toString(node) AS n, time_ns AS t FROM vslog.control_events WHERE kind = 'capture_started' AND fresh ORDER BY t)) AS restarts,
  arrayFirst(x -> x.1 = toString(c.node) AND x.2 > c.seen, restarts).2 AS restart,
  toUnixTimestamp64Nano(restart) != 0 AS was_missed
SELECT
  c.node AS node,
  c.conn_id AS conn_id,
  c.start AS start,
  if(was_missed, toNullable(restart), NULL) AS end,
  CAST(NOT was_missed, 'Bool') AS is_open,
  CAST(if(was_missed, 'missed', 'none'), 'Enum8(\'none\'=0,\'timeout\'=1,\'expire_now\'=2,\'nodest\'=3,\'flushed\'=4,\'drop_entry\'=5,\'service_removed\'=6,\'module_unload\'=7,\'template_quiesced\'=8,\'one_packet\'=9,\'missed\'=10,\'unknown\'=11,\'capture_stopped\'=12)') AS reason,
  CAST(if(was_missed, 'unknown', 'open'), 'Enum8(\'open\'=0, \'closed\'=1, \'reset\'=2, \'idle\'=3, \'never_established\'=4, \'server_removed\'=5, \'flushed\'=6, \'defence\'=7, \'replaced\'=8, \'template_quiesced\'=9, \'one_packet\'=10, \'capture_stopped\'=11, \'unknown\'=12)') AS outcome,
  CAST(false, 'Bool') AS is_cut,
  toUInt64(0) AS duration_ns,
  CAST(NULL, 'Nullable(Float64)') AS duration_s,
  c.protocol AS protocol,
  transform(c.protocol, [1, 6, 17, 33, 47, 50, 51, 58, 132, 136], ['ICMP', 'TCP', 'UDP', 'DCCP', 'GRE', 'ESP', 'AH', 'ICMPv6', 'SCTP', 'UDPLITE'], toString(c.protocol)) AS protocol_name,
  multiIf(c.client_addr = toIPv6('::'), '', startsWith(IPv6NumToString(c.client_addr), '::ffff:') AND position(IPv6NumToString(c.client_addr), '.') > 0, substring(IPv6NumToString(c.client_addr), 8), IPv6NumToString(c.client_addr)) AS client_addr,
  c.client_port AS client_port,
  multiIf(c.virtual_addr = toIPv6('::'), '', startsWith(IPv6NumToString(c.virtual_addr), '::ffff:') AND position(IPv6NumToString(c.virtual_addr), '.') > 0, substring(IPv6NumToString(c.virtual_addr), 8), IPv6NumToString(c.virtual_addr)) AS virtual_addr,
  c.virtual_port AS virtual_port,
  multiIf(c.real_addr = toIPv6('::'), '', startsWith(IPv6NumToString(c.real_addr), '::ffff:') AND position(IPv6NumToString(c.real_addr), '.') > 0, substring(IPv6NumToString(c.real_addr), 8), IPv6NumToString(c.real_addr)) AS real_addr,
  c.real_port AS real_port,
  c.fwmark AS fwmark,
  c.forward AS forward,
  c.flags AS flags,
  arrayFilter((name, bit) -> bitAnd(c.flags, bit) != 0, ['SYNC', 'HASHED', 'NOOUTPUT', 'INACTIVE', 'OUT_SEQ', 'IN_SEQ', 'NO_CPORT', 'TEMPLATE', 'ONE_PACKET', 'NFCT'], [32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 65536]) AS flag_names,
  c.state AS state,
  multiIf(c.is_template, if(bitTest(c.state, 0), 'ASSURED', 'NONE'), c.protocol = 6, transform(c.state, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], ['NONE', 'ESTABLISHED', 'SYN_SENT', 'SYN_RECV', 'FIN_WAIT', 'TIME_WAIT', 'CLOSE', 'CLOSE_WAIT', 'LAST_ACK', 'LISTEN', 'SYNACK'], toString(c.state)), c.protocol = 17, transform(c.state, [0], ['NORMAL'], toString(c.state)), c.protocol = 132, transform(c.state, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13], ['NONE', 'INIT1', 'INIT', 'COOKIE_SENT', 'COOKIE_REPLIED', 'COOKIE_WAIT', 'COOKIE', 'COOKIE_ECHOED', 'ESTABLISHED', 'SHUTDOWN_SENT', 'SHUTDOWN_RECEIVED', 'SHUTDOWN_ACK_SENT', 'REJECTED', 'CLOSED'], toString(c.state)), toString(c.state)) AS state_name,
  c.is_template AS is_template,
  c.template_id AS template_id,
  c.scheduled_by AS scheduled_by,
  c.weight AS weight,
  c.quiesced AS quiesced,
  toUInt64(0) AS packets_in,
  toUInt64(0) AS bytes_in,
  toUInt64(0) AS packets_out,
  toUInt64(0) AS bytes_out,
  c.timeout_ms AS timeout_ms,
  c.netns AS netns,
  c.zone AS zone,
  c.mark AS mark,
  c.labels AS labels,
  c.epoch AS epoch,
  c.seen AS last_event,
  c.client_addr AS client_ip,
  c.virtual_addr AS virtual_ip,
  c.real_addr AS real_ip
FROM vslog.connections_open AS c FINAL WHERE c.begun = 1 AND c.ended = 0;

DROP VIEW IF EXISTS vslog.names ON CLUSTER '{cluster}' SYNC;

CREATE VIEW IF NOT EXISTS vslog.names ON CLUSTER '{cluster}' AS SELECT * FROM values('what String, number UInt32, name String, meaning String',
  ('kind', 0, 'unspecified', 'never written'),
  ('kind', 1, 'create', 'a connection (or template) came into being'),
  ('kind', 2, 'expire', 'it ended; reason says why'),
  ('kind', 3, 'nodest_drop', 'packets of it were dropped because its real server is gone'),
  ('kind', 4, 'sched_fail', 'a new connection found no real server; there is no conn_id'),
  ('kind', 5, 'state', 'its protocol state changed (opt-in)'),
  ('kind', 6, 'snapshot', 'it was there before we watched, or its create was lost'),
  ('kind', 7, 'erased', 'what was here was erased: its time, its sequence and its connection’s number are left'),
  ('reason', 0, 'none', 'it has not ended'),
  ('reason', 1, 'timeout', 'its timer ran out'),
  ('reason', 2, 'expire_now', 'ended at once by the balancer, for instance on port reuse'),
  ('reason', 3, 'nodest', 'its real server was removed and expire_nodest_conn ended it'),
  ('reason', 4, 'flushed', 'ended on request'),
  ('reason', 5, 'drop_entry', 'dropped by the drop_entry defence'),
  ('reason', 6, 'service_removed', 'its virtual service was removed and expire_nodest_conn ended it'),
  ('reason', 7, 'module_unload', 'the network namespace or the module went away'),
  ('reason', 8, 'template_quiesced', 'a persistence template refused because its real server has weight 0'),
  ('reason', 9, 'one_packet', 'one-packet scheduling: it never outlives its packet'),
  ('reason', 10, 'missed', 'it ended while nobody watched'),
  ('reason', 11, 'unknown', 'the source does not say'),
  ('reason', 12, 'capture_stopped', 'the capture that carried it (source engine) stopped'),
  ('outcome', 0, 'open', 'it has not ended, as far as the log knows'),
  ('outcome', 1, 'closed', 'both sides closed it, or one did and the other was silent until the timer ran out'),
  ('outcome', 2, 'reset', 'the client or the real server reset or refused it'),
  ('outcome', 3, 'idle', 'it was established, and no packet came until its timer ran out; the usual end of UDP'),
  ('outcome', 4, 'never_established', 'the handshake was never completed'),
  ('outcome', 5, 'server_removed', 'its real server or virtual service was removed, and expire_nodest_conn ended it'),
  ('outcome', 6, 'flushed', 'ended on request, or with the balancer or its network namespace'),
  ('outcome', 7, 'defence', 'dropped by the drop_entry defence'),
  ('outcome', 8, 'replaced', 'ended at once by the balancer: its client used the same port again'),
  ('outcome', 9, 'template_quiesced', 'a persistence template was refused, because its real server has weight 0'),
  ('outcome', 10, 'one_packet', 'one-packet scheduling: it never outlives its packet'),
  ('outcome', 11, 'capture_stopped', 'the capture that carried it (source engine) stopped'),
  ('outcome', 12, 'unknown', 'it ended while nothing recorded it, or the source does not say'),
  ('scheduled_by', 0, 'unknown', 'the source does not say'),
  ('scheduled_by', 1, 'scheduler', 'the service’s scheduler chose the real server'),
  ('scheduled_by', 2, 'persistence', 'a persistence template, or a controlling connection (FTP), chose it'),
  ('scheduled_by', 3, 'sync', 'received from another director by the sync daemon'),
  ('scheduled_by', 4, 'bypass', 'cache_bypass: sent to its original destination'),
  ('forward', 0, 'masq', 'addresses are translated both ways (NAT)'),
  ('forward', 1, 'local', 'to the director itself'),
  ('forward', 2, 'tunnel', 'wrapped and sent to the real server, which answers by itself'),
  ('forward', 3, 'direct', 'to the real server by its MAC address, which answers by itself'),
  ('forward', 4, 'bypass', 'to its original destination'),
  ('control kind', 0, 'unspecified', 'never written'),
  ('control kind', 1, 'service_added', 'a virtual service was added'),
  ('control kind', 2, 'service_changed', 'a virtual service was changed'),
  ('control kind', 3, 'service_removed', 'a virtual service was removed'),
  ('control kind', 4, 'real_added', 'a real server was added'),
  ('control kind', 5, 'real_changed', 'a real server was changed'),
  ('control kind', 6, 'real_removed', 'a real server was removed'),
  ('control kind', 7, 'overload_on', 'a real server passed its upper threshold'),
  ('control kind', 8, 'overload_off', 'it fell below its lower threshold again'),
  ('control kind', 9, 'knob_changed', 'a knob was changed'),
  ('control kind', 10, 'capture_started', 'the capture started'),
  ('control kind', 11, 'capture_stopped', 'the capture stopped'),
  ('control kind', 12, 'loss', 'events are missing: where, lost, first_ns and last_ns tell'),
  ('control kind', 13, 'clock_step', 'the wall clock was set; old_value and new_value are its offset to the monotonic clock in ns'),
  ('control kind', 14, 'service_snapshot', 'was there when the capture started'),
  ('control kind', 15, 'real_snapshot', 'was there when the capture started'),
  ('control kind', 16, 'subscriber_added', 'the log is kept for somebody until he acknowledges it'),
  ('control kind', 17, 'subscriber_removed', 'it is kept for him no more; lost says how much he had not acknowledged'),
  ('control kind', 18, 'erase_ordered', 'somebody had the connections of a person erased; nothing was changed before'),
  ('control kind', 19, 'erased', 'so many events of a person were erased; those of one name belong together'),
  ('through', 0, 'unknown', 'nobody knows'),
  ('through', 1, 'netlink', 'the IPVS generic netlink family: ipvsadm, keepalived, kube-router'),
  ('through', 2, 'sockopt', 'the old setsockopt interface'),
  ('through', 3, 'sysctl', 'a file below /proc/sys'),
  ('through', 4, 'vslog', 'this program'),
  ('through', 5, 'kernel', 'nobody asked: a namespace went away, a threshold was passed'),
  ('loss', 0, 'none', 'nothing is missing'),
  ('loss', 1, 'ring', 'the kernel’s ring was full'),
  ('loss', 2, 'journal', 'the capture’s journal was full, or was overwritten before anybody subscribed'),
  ('loss', 3, 'spool', 'a damaged segment on the collector’s disk'),
  ('loss', 4, 'source', 'the source itself said so (ctnetlink’s ENOBUFS)'),
  ('loss', 5, 'conn_map', 'the table of connections was full'),
  ('loss', 6, 'malformed', 'a record from the kernel failed its size check'),
  ('loss', 7, 'sink', 'a sink refused it for good'),
  ('loss', 8, 'summarised', 'more began than capture.flood_rate lets be logged one by one: counted instead'),
  ('protocol', 1, 'ICMP', 'IP protocol number'),
  ('protocol', 6, 'TCP', 'IP protocol number'),
  ('protocol', 17, 'UDP', 'IP protocol number'),
  ('protocol', 33, 'DCCP', 'IP protocol number'),
  ('protocol', 47, 'GRE', 'IP protocol number'),
  ('protocol', 50, 'ESP', 'IP protocol number'),
  ('protocol', 51, 'AH', 'IP protocol number'),
  ('protocol', 58, 'ICMPv6', 'IP protocol number'),
  ('protocol', 132, 'SCTP', 'IP protocol number'),
  ('protocol', 136, 'UDPLITE', 'IP protocol number'),
  ('TCP state', 0, 'NONE', 'nothing was seen yet'),
  ('TCP state', 1, 'ESTABLISHED', 'data flows'),
  ('TCP state', 2, 'SYN_SENT', 'the real server opened it'),
  ('TCP state', 3, 'SYN_RECV', 'the client asked for it'),
  ('TCP state', 4, 'FIN_WAIT', 'one side is done'),
  ('TCP state', 5, 'TIME_WAIT', 'both sides are done'),
  ('TCP state', 6, 'CLOSE', 'reset'),
  ('TCP state', 7, 'CLOSE_WAIT', 'the other side is done'),
  ('TCP state', 8, 'LAST_ACK', 'the last acknowledgement is awaited'),
  ('TCP state', 9, 'LISTEN', 'nobody asked yet'),
  ('TCP state', 10, 'SYNACK', 'the SYN defence answers for the real server'),
  ('UDP state', 0, 'NORMAL', 'packets came'),
  ('SCTP state', 0, 'NONE', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 1, 'INIT1', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 2, 'INIT', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 3, 'COOKIE_SENT', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 4, 'COOKIE_REPLIED', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 5, 'COOKIE_WAIT', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 6, 'COOKIE', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 7, 'COOKIE_ECHOED', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 8, 'ESTABLISHED', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 9, 'SHUTDOWN_SENT', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 10, 'SHUTDOWN_RECEIVED', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 11, 'SHUTDOWN_ACK_SENT', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 12, 'REJECTED', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 13, 'CLOSED', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('template state', 0, 'NONE', 'no connection of it was established yet'),
  ('template state', 1, 'ASSURED', 'a connection of it was established'),
  ('flag', 32, 'SYNC', 'received from another director'),
  ('flag', 64, 'HASHED', 'it is in the connection table'),
  ('flag', 128, 'NOOUTPUT', 'only packets from the client are seen'),
  ('flag', 256, 'INACTIVE', 'counted as inactive: not established'),
  ('flag', 512, 'OUT_SEQ', 'sequence numbers of answers are shifted'),
  ('flag', 1024, 'IN_SEQ', 'sequence numbers of requests are shifted'),
  ('flag', 2048, 'NO_CPORT', 'the client’s port is not known yet'),
  ('flag', 4096, 'TEMPLATE', 'a persistence template'),
  ('flag', 8192, 'ONE_PACKET', 'one-packet scheduling'),
  ('flag', 65536, 'NFCT', 'connection tracking knows it too'),
  ('conntrack flag', 1, 'EXPECTED', 'IPS_EXPECTED of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 2, 'SEEN_REPLY', 'IPS_SEEN_REPLY of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 4, 'ASSURED', 'IPS_ASSURED of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 8, 'CONFIRMED', 'IPS_CONFIRMED of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 16, 'SRC_NAT', 'IPS_SRC_NAT of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 32, 'DST_NAT', 'IPS_DST_NAT of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 64, 'SEQ_ADJUST', 'IPS_SEQ_ADJUST of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 128, 'SRC_NAT_DONE', 'IPS_SRC_NAT_DONE of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 256, 'DST_NAT_DONE', 'IPS_DST_NAT_DONE of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 512, 'DYING', 'IPS_DYING of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 1024, 'FIXED_TIMEOUT', 'IPS_FIXED_TIMEOUT of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 2048, 'TEMPLATE', 'IPS_TEMPLATE of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 4096, 'NAT_CLASH', 'IPS_NAT_CLASH of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 8192, 'HELPER', 'IPS_HELPER of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 16384, 'OFFLOAD', 'IPS_OFFLOAD of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 32768, 'HW_OFFLOAD', 'IPS_HW_OFFLOAD of linux/netfilter/nf_conntrack_common.h'));

INSERT INTO vslog.schema_migrations (version, name, sha256) SETTINGS async_insert = 0 VALUES (13, '013_outcomes.sql', 'bcc12c38097237fb1f0cc4b4446f43e531c47018d1045151703f04680bee7e20');

ALTER TABLE vslog.control_events_local ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS `loss_id` String;

ALTER TABLE vslog.control_events ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS `loss_id` String;

ALTER TABLE vslog.control_events_local ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS `lost_unknown` Bool;

ALTER TABLE vslog.control_events ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS `lost_unknown` Bool;

INSERT INTO vslog.schema_migrations (version, name, sha256) SETTINGS async_insert = 0 VALUES (14, '014_losses.sql', 'a380388890ea125f360ee5364fed8a07cf2ab4833bc1448d402a2907f6ad450b');

CREATE TABLE IF NOT EXISTS vslog.kept_days_local ON CLUSTER '{cluster}' (
  day Date,
  what Enum8('arrived' = 1, 'conn_expired' = 2, 'control_expired' = 3),
  at DateTime64(3, 'UTC')
) ENGINE = ReplicatedReplacingMergeTree(at) ORDER BY (day, what) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS vslog.kept_days ON CLUSTER '{cluster}' AS vslog.kept_days_local ENGINE = Distributed('{cluster}', vslog, kept_days_local, toUInt16(day));

ALTER TABLE vslog.control_events_local ON CLUSTER '{cluster}' MODIFY COLUMN `kind` Enum8('unspecified'=0,'service_added'=1,'service_changed'=2,'service_removed'=3,'real_added'=4,'real_changed'=5,'real_removed'=6,'overload_on'=7,'overload_off'=8,'knob_changed'=9,'capture_started'=10,'capture_stopped'=11,'loss'=12,'clock_step'=13,'service_snapshot'=14,'real_snapshot'=15,'subscriber_added'=16,'subscriber_removed'=17,'erase_ordered'=18,'erased'=19,'clock'=20);

ALTER TABLE vslog.control_events ON CLUSTER '{cluster}' MODIFY COLUMN `kind` Enum8('unspecified'=0,'service_added'=1,'service_changed'=2,'service_removed'=3,'real_added'=4,'real_changed'=5,'real_removed'=6,'overload_on'=7,'overload_off'=8,'knob_changed'=9,'capture_started'=10,'capture_stopped'=11,'loss'=12,'clock_step'=13,'service_snapshot'=14,'real_snapshot'=15,'subscriber_added'=16,'subscriber_removed'=17,'erase_ordered'=18,'erased'=19,'clock'=20);

ALTER TABLE vslog.rs_minute_feed ON CLUSTER '{cluster}' MODIFY QUERY SELECT virtual_addr, virtual_port, protocol, fwmark, real_addr, real_port, node, minute, creates, creates_quiesced, creates_persistent, snapshots, templates, ends, ends_timeout, ends_expire_now, ends_nodest, ends_flushed, ends_drop_entry, ends_service_removed, ends_module_unload, ends_template_quiesced, ends_one_packet, ends_missed, ends_unknown, ends_capture_stopped, ends_cut, template_ends, drop_packets, drop_bytes, sched_fails, packets_in, bytes_in, packets_out, bytes_out, arrayReduce('sumMap', [arrayMap(k -> toInt16(k % 1024 - 1), lives.1)], [lives.2]).1 AS `durationsMap.bucket`, arrayReduce('sumMap', [arrayMap(k -> toInt16(k % 1024 - 1), lives.1)], [lives.2]).2 AS `durationsMap.ends`, arrayMap(k -> ['open', 'closed', 'reset', 'idle', 'never_established', 'server_removed', 'flushed', 'defence', 'replaced', 'template_quiesced', 'one_packet', 'capture_stopped', 'unknown'][intDiv(k, 1024) + 1], lives.1) AS `outcomesMap.outcome`, arrayMap(k -> toInt16(k % 1024 - 1), lives.1) AS `outcomesMap.bucketKey`, lives.2 AS `outcomesMap.ends` FROM (SELECT e.virtual_addr AS virtual_addr, e.virtual_port AS virtual_port, e.protocol AS protocol, e.fwmark AS fwmark, e.real_addr AS real_addr, e.real_port AS real_port, e.node AS node, toDateTime(least(intDiv(toUInt64(toUnixTimestamp64Nano(e.time_ns)), 60000000000) * 60, 4294967280), 'UTC') AS minute, countIf(e.kind = 'create' AND NOT e.is_template) AS creates, countIf(e.kind = 'create' AND NOT e.is_template AND e.quiesced) AS creates_quiesced, countIf(e.kind = 'create' AND NOT e.is_template AND e.scheduled_by = 'persistence') AS creates_persistent, countIf(e.kind = 'snapshot' AND NOT e.is_template) AS snapshots, countIf(e.kind IN ('create', 'snapshot') AND e.is_template) AS templates, countIf(e.kind = 'expire' AND NOT e.is_template) AS ends, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'timeout') AS ends_timeout, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'expire_now') AS ends_expire_now, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'nodest') AS ends_nodest, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'flushed') AS ends_flushed, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'drop_entry') AS ends_drop_entry, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'service_removed') AS ends_service_removed, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'module_unload') AS ends_module_unload, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'template_quiesced') AS ends_template_quiesced, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'one_packet') AS ends_one_packet, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'missed') AS ends_missed, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'unknown') AS ends_unknown, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'capture_stopped') AS ends_capture_stopped, countIf(e.kind = 'expire' AND (NOT e.is_template AND e.reason IN ('expire_now', 'nodest', 'flushed', 'drop_entry', 'service_removed', 'module_unload', 'template_quiesced', 'capture_stopped') AND NOT ((e.protocol = 6 AND e.state IN (0, 2, 3, 4, 5, 6, 7, 8, 9, 10)) OR (e.protocol = 132 AND e.state IN (0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13))))) AS ends_cut, countIf(e.kind = 'expire' AND e.is_template) AS template_ends, sum(e.drop_packets) AS drop_packets, sum(e.drop_bytes) AS drop_bytes, countIf(e.kind = 'sched_fail') AS sched_fails, sum(e.packets_in) AS packets_in, sum(e.bytes_in) AS bytes_in, sum(e.packets_out) AS packets_out, sum(e.bytes_out) AS bytes_out, sumMapIf([toInt16(multiIf(CAST(e.reason, 'Int8') != 1, transform(CAST(e.reason, 'Int8'), [0, 2, 3, 4, 5, 6, 7, 8, 9, 12], [0, 8, 5, 6, 7, 5, 6, 9, 10, 11], 12), e.is_template, 3, e.protocol = 6 AND e.state IN (0, 2, 3, 9, 10), 4, e.protocol = 6 AND e.state IN (4, 5, 7, 8), 1, e.protocol = 6 AND e.state IN (6), 2, e.protocol = 132 AND e.state IN (0, 1, 2, 3, 4, 5, 6, 7), 4, e.protocol = 132 AND e.state IN (9, 10, 11, 13), 1, e.protocol = 132 AND e.state IN (12), 2, 3) * 1024 + if(e.duration_ns < 1000000, -1, floor(4 * log2(e.duration_ns / 1000000))) + 1)], [toUInt64(1)], e.kind = 'expire' AND NOT e.is_template) AS lives FROM vslog.conn_events_local AS e WHERE e.kind != 'erased' GROUP BY virtual_addr, virtual_port, protocol, fwmark, real_addr, real_port, node, minute);

DROP VIEW IF EXISTS vslog.names ON CLUSTER '{cluster}' SYNC;

CREATE VIEW IF NOT EXISTS vslog.names ON CLUSTER '{cluster}' AS SELECT * FROM values('what String, number UInt32, name String, meaning String',
  ('kind', 0, 'unspecified', 'never written'),
  ('kind', 1, 'create', 'a connection (or template) came into being'),
  ('kind', 2, 'expire', 'it ended; reason says why'),
  ('kind', 3, 'nodest_drop', 'packets of it were dropped because its real server is gone'),
  ('kind', 4, 'sched_fail', 'a new connection found no real server; there is no conn_id'),
  ('kind', 5, 'state', 'its protocol state changed (opt-in)'),
  ('kind', 6, 'snapshot', 'it was there before we watched, or its create was lost'),
  ('kind', 7, 'erased', 'what was here was erased: its time, its sequence and its connection’s number are left'),
  ('reason', 0, 'none', 'it has not ended'),
  ('reason', 1, 'timeout', 'its timer ran out'),
  ('reason', 2, 'expire_now', 'ended at once by the balancer, for instance on port reuse'),
  ('reason', 3, 'nodest', 'its real server was removed and expire_nodest_conn ended it'),
  ('reason', 4, 'flushed', 'ended on request'),
  ('reason', 5, 'drop_entry', 'dropped by the drop_entry defence'),
  ('reason', 6, 'service_removed', 'its virtual service was removed and expire_nodest_conn ended it'),
  ('reason', 7, 'module_unload', 'the network namespace or the module went away'),
  ('reason', 8, 'template_quiesced', 'a persistence template refused because its real server has weight 0'),
  ('reason', 9, 'one_packet', 'one-packet scheduling: it never outlives its packet'),
  ('reason', 10, 'missed', 'it ended while nobody watched'),
  ('reason', 11, 'unknown', 'the source does not say'),
  ('reason', 12, 'capture_stopped', 'the capture that carried it (source engine) stopped'),
  ('outcome', 0, 'open', 'it has not ended, as far as the log knows'),
  ('outcome', 1, 'closed', 'both sides closed it, or one did and the other was silent until the timer ran out'),
  ('outcome', 2, 'reset', 'the client or the real server reset or refused it'),
  ('outcome', 3, 'idle', 'it was established, and no packet came until its timer ran out; the usual end of UDP'),
  ('outcome', 4, 'never_established', 'the handshake was never completed'),
  ('outcome', 5, 'server_removed', 'its real server or virtual service was removed, and expire_nodest_conn ended it'),
  ('outcome', 6, 'flushed', 'ended on request, or with the balancer or its network namespace'),
  ('outcome', 7, 'defence', 'dropped by the drop_entry defence'),
  ('outcome', 8, 'replaced', 'ended at once by the balancer: its client used the same port again'),
  ('outcome', 9, 'template_quiesced', 'a persistence template was refused, because its real server has weight 0'),
  ('outcome', 10, 'one_packet', 'one-packet scheduling: it never outlives its packet'),
  ('outcome', 11, 'capture_stopped', 'the capture that carried it (source engine) stopped'),
  ('outcome', 12, 'unknown', 'it ended while nothing recorded it, or the source does not say'),
  ('scheduled_by', 0, 'unknown', 'the source does not say'),
  ('scheduled_by', 1, 'scheduler', 'the service’s scheduler chose the real server'),
  ('scheduled_by', 2, 'persistence', 'a persistence template, or a controlling connection (FTP), chose it'),
  ('scheduled_by', 3, 'sync', 'received from another director by the sync daemon'),
  ('scheduled_by', 4, 'bypass', 'cache_bypass: sent to its original destination'),
  ('forward', 0, 'masq', 'addresses are translated both ways (NAT)'),
  ('forward', 1, 'local', 'to the director itself'),
  ('forward', 2, 'tunnel', 'wrapped and sent to the real server, which answers by itself'),
  ('forward', 3, 'direct', 'to the real server by its MAC address, which answers by itself'),
  ('forward', 4, 'bypass', 'to its original destination'),
  ('control kind', 0, 'unspecified', 'never written'),
  ('control kind', 1, 'service_added', 'a virtual service was added'),
  ('control kind', 2, 'service_changed', 'a virtual service was changed'),
  ('control kind', 3, 'service_removed', 'a virtual service was removed'),
  ('control kind', 4, 'real_added', 'a real server was added'),
  ('control kind', 5, 'real_changed', 'a real server was changed'),
  ('control kind', 6, 'real_removed', 'a real server was removed'),
  ('control kind', 7, 'overload_on', 'a real server passed its upper threshold'),
  ('control kind', 8, 'overload_off', 'it fell below its lower threshold again'),
  ('control kind', 9, 'knob_changed', 'a knob was changed'),
  ('control kind', 10, 'capture_started', 'the capture started'),
  ('control kind', 11, 'capture_stopped', 'the capture stopped'),
  ('control kind', 12, 'loss', 'events are missing: where, lost, first_ns and last_ns tell'),
  ('control kind', 13, 'clock_step', 'the wall clock was set; old_value and new_value are its offset to the monotonic clock in ns'),
  ('control kind', 14, 'service_snapshot', 'was there when the capture started'),
  ('control kind', 15, 'real_snapshot', 'was there when the capture started'),
  ('control kind', 16, 'subscriber_added', 'the log is kept for somebody until he acknowledges it'),
  ('control kind', 17, 'subscriber_removed', 'it is kept for him no more; lost says how much he had not acknowledged'),
  ('control kind', 18, 'erase_ordered', 'somebody had the connections of a person erased; nothing was changed before'),
  ('control kind', 19, 'erased', 'so many events of a person were erased; those of one name belong together'),
  ('control kind', 20, 'clock', 'a clock is not believed, or is again: name says whose, old_value what was expected and new_value what it shows, in ns since 1970'),
  ('through', 0, 'unknown', 'nobody knows'),
  ('through', 1, 'netlink', 'the IPVS generic netlink family: ipvsadm, keepalived, kube-router'),
  ('through', 2, 'sockopt', 'the old setsockopt interface'),
  ('through', 3, 'sysctl', 'a file below /proc/sys'),
  ('through', 4, 'vslog', 'this program'),
  ('through', 5, 'kernel', 'nobody asked: a namespace went away, a threshold was passed'),
  ('loss', 0, 'none', 'nothing is missing'),
  ('loss', 1, 'ring', 'the kernel’s ring was full'),
  ('loss', 2, 'journal', 'the capture’s journal was full, or was overwritten before anybody subscribed'),
  ('loss', 3, 'spool', 'a damaged segment on the collector’s disk'),
  ('loss', 4, 'source', 'the source itself said so (ctnetlink’s ENOBUFS)'),
  ('loss', 5, 'conn_map', 'the table of connections was full'),
  ('loss', 6, 'malformed', 'a record from the kernel failed its size check'),
  ('loss', 7, 'sink', 'a sink refused it for good'),
  ('loss', 8, 'summarised', 'more began than capture.flood_rate lets be logged one by one: counted instead'),
  ('protocol', 1, 'ICMP', 'IP protocol number'),
  ('protocol', 6, 'TCP', 'IP protocol number'),
  ('protocol', 17, 'UDP', 'IP protocol number'),
  ('protocol', 33, 'DCCP', 'IP protocol number'),
  ('protocol', 47, 'GRE', 'IP protocol number'),
  ('protocol', 50, 'ESP', 'IP protocol number'),
  ('protocol', 51, 'AH', 'IP protocol number'),
  ('protocol', 58, 'ICMPv6', 'IP protocol number'),
  ('protocol', 132, 'SCTP', 'IP protocol number'),
  ('protocol', 136, 'UDPLITE', 'IP protocol number'),
  ('TCP state', 0, 'NONE', 'nothing was seen yet'),
  ('TCP state', 1, 'ESTABLISHED', 'data flows'),
  ('TCP state', 2, 'SYN_SENT', 'the real server opened it'),
  ('TCP state', 3, 'SYN_RECV', 'the client asked for it'),
  ('TCP state', 4, 'FIN_WAIT', 'one side is done'),
  ('TCP state', 5, 'TIME_WAIT', 'both sides are done'),
  ('TCP state', 6, 'CLOSE', 'reset'),
  ('TCP state', 7, 'CLOSE_WAIT', 'the other side is done'),
  ('TCP state', 8, 'LAST_ACK', 'the last acknowledgement is awaited'),
  ('TCP state', 9, 'LISTEN', 'nobody asked yet'),
  ('TCP state', 10, 'SYNACK', 'the SYN defence answers for the real server'),
  ('UDP state', 0, 'NORMAL', 'packets came'),
  ('SCTP state', 0, 'NONE', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 1, 'INIT1', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 2, 'INIT', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 3, 'COOKIE_SENT', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 4, 'COOKIE_REPLIED', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 5, 'COOKIE_WAIT', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 6, 'COOKIE', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 7, 'COOKIE_ECHOED', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 8, 'ESTABLISHED', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 9, 'SHUTDOWN_SENT', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 10, 'SHUTDOWN_RECEIVED', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 11, 'SHUTDOWN_ACK_SENT', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 12, 'REJECTED', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('SCTP state', 13, 'CLOSED', 'as net/netfilter/ipvs/ip_vs_proto_sctp.c has it'),
  ('template state', 0, 'NONE', 'no connection of it was established yet'),
  ('template state', 1, 'ASSURED', 'a connection of it was established'),
  ('flag', 32, 'SYNC', 'received from another director'),
  ('flag', 64, 'HASHED', 'it is in the connection table'),
  ('flag', 128, 'NOOUTPUT', 'only packets from the client are seen'),
  ('flag', 256, 'INACTIVE', 'counted as inactive: not established'),
  ('flag', 512, 'OUT_SEQ', 'sequence numbers of answers are shifted'),
  ('flag', 1024, 'IN_SEQ', 'sequence numbers of requests are shifted'),
  ('flag', 2048, 'NO_CPORT', 'the client’s port is not known yet'),
  ('flag', 4096, 'TEMPLATE', 'a persistence template'),
  ('flag', 8192, 'ONE_PACKET', 'one-packet scheduling'),
  ('flag', 65536, 'NFCT', 'connection tracking knows it too'),
  ('conntrack flag', 1, 'EXPECTED', 'IPS_EXPECTED of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 2, 'SEEN_REPLY', 'IPS_SEEN_REPLY of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 4, 'ASSURED', 'IPS_ASSURED of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 8, 'CONFIRMED', 'IPS_CONFIRMED of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 16, 'SRC_NAT', 'IPS_SRC_NAT of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 32, 'DST_NAT', 'IPS_DST_NAT of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 64, 'SEQ_ADJUST', 'IPS_SEQ_ADJUST of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 128, 'SRC_NAT_DONE', 'IPS_SRC_NAT_DONE of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 256, 'DST_NAT_DONE', 'IPS_DST_NAT_DONE of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 512, 'DYING', 'IPS_DYING of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 1024, 'FIXED_TIMEOUT', 'IPS_FIXED_TIMEOUT of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 2048, 'TEMPLATE', 'IPS_TEMPLATE of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 4096, 'NAT_CLASH', 'IPS_NAT_CLASH of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 8192, 'HELPER', 'IPS_HELPER of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 16384, 'OFFLOAD', 'IPS_OFFLOAD of linux/netfilter/nf_conntrack_common.h'),
  ('conntrack flag', 32768, 'HW_OFFLOAD', 'IPS_HW_OFFLOAD of linux/netfilter/nf_conntrack_common.h'));

INSERT INTO vslog.schema_migrations (version, name, sha256) SETTINGS async_insert = 0 VALUES (15, '015_clock.sql', '6faab79d38a9f4ade0ce19e9081cb6659f77911ef13787cb361b066df7c8ef26');

ALTER TABLE vslog.batches_local ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS formula UInt16;

ALTER TABLE vslog.batches ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS formula UInt16;

ALTER TABLE vslog.batches_local ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS hours Array(UInt32);

ALTER TABLE vslog.batches ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS hours Array(UInt32);

ALTER TABLE vslog.batches_local ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS hour_events Array(UInt64);

ALTER TABLE vslog.batches ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS hour_events Array(UInt64);

ALTER TABLE vslog.batches_local ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS hour_hashes Array(UInt64);

ALTER TABLE vslog.batches ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS hour_hashes Array(UInt64);

ALTER TABLE vslog.batches_local ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS pending_hashes Array(UInt64);

ALTER TABLE vslog.batches ON CLUSTER '{cluster}' ADD COLUMN IF NOT EXISTS pending_hashes Array(UInt64);

INSERT INTO vslog.schema_migrations (version, name, sha256) SETTINGS async_insert = 0 VALUES (16, '016_content.sql', '11c06af3e3b9d51e891e54121c11380b64d43ab233f320063f026763925c97f6');

ALTER TABLE vslog.conn_events_local ON CLUSTER '{cluster}' MODIFY SETTING min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;

ALTER TABLE vslog.control_events_local ON CLUSTER '{cluster}' MODIFY SETTING min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;

ALTER TABLE vslog.connections_ended_local ON CLUSTER '{cluster}' MODIFY SETTING min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;

ALTER TABLE vslog.connections_open_local ON CLUSTER '{cluster}' MODIFY SETTING min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;

ALTER TABLE vslog.rs_minute_local ON CLUSTER '{cluster}' MODIFY SETTING min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;

ALTER TABLE vslog.incidents_local ON CLUSTER '{cluster}' MODIFY SETTING min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;

ALTER TABLE vslog.batches_local ON CLUSTER '{cluster}' MODIFY SETTING min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;

ALTER TABLE vslog.kept_days_local ON CLUSTER '{cluster}' MODIFY SETTING min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;

INSERT INTO vslog.schema_migrations (version, name, sha256) SETTINGS async_insert = 0 VALUES (17, '017_merges.sql', 'c0c60a27ddb9fd5379ab8722f5a11673d7d1aec6f27d426e422518d42c9b7ed8');

CREATE FUNCTION IF NOT EXISTS inNetwork ON CLUSTER '{cluster}' AS (address, network) -> isIPAddressInRange(toString(toIPv6OrDefault(toString(address))), if(position(network, ':') = 0, concat('::ffff:', splitByChar('/', network)[1], '/', toString(96 + toUInt8(if(position(network, '/') = 0, '32', splitByChar('/', network)[2])))), if(position(network, '/') = 0, concat(network, '/128'), network)));
