-- What people ask comes by real server, by client, by time: ended connections get a table of their own in the order of real server and end, what is open one that holds
-- nothing else, and counts a minute a rollup. And every column the codec that made it smallest, measured with `npm run bench -- query`.
DROP VIEW IF EXISTS vslog.connections_feed;
DROP VIEW IF EXISTS vslog.connections;
DROP TABLE IF EXISTS vslog.connections_data;
-- When a connection was made is the end less the duration, but for a step of the clock: the difference takes no room. The smallest number: not known.
ALTER TABLE vslog.conn_events ADD COLUMN IF NOT EXISTS created_skew Int64 CODEC(ZSTD);
ALTER TABLE vslog.conn_events UPDATE created_skew = if(toUnixTimestamp64Nano(created_ns) = 0, toInt64(-9223372036854775808), toUnixTimestamp64Nano(created_ns) - toUnixTimestamp64Nano(time_ns) + toInt64(duration_ns)) WHERE true SETTINGS mutations_sync = 2;
ALTER TABLE vslog.conn_events DROP COLUMN IF EXISTS created;
ALTER TABLE vslog.conn_events DROP COLUMN IF EXISTS created_ns;
ALTER TABLE vslog.conn_events ADD COLUMN IF NOT EXISTS created_ns DateTime64(9, 'UTC') ALIAS fromUnixTimestamp64Nano(if(created_skew = toInt64(-9223372036854775808), toInt64(0), toUnixTimestamp64Nano(time_ns) - toInt64(duration_ns) + created_skew), 'UTC');
ALTER TABLE vslog.conn_events ADD COLUMN IF NOT EXISTS created DateTime64(9, 'UTC') ALIAS fromUnixTimestamp64Nano(if(created_skew = toInt64(-9223372036854775808), toInt64(0), toUnixTimestamp64Nano(time_ns) - toInt64(duration_ns) + created_skew), 'UTC');
ALTER TABLE vslog.conn_events MODIFY COLUMN `time_ns` DateTime64(9, 'UTC') CODEC(Delta, T64('bit'), ZSTD);
ALTER TABLE vslog.conn_events MODIFY COLUMN `sequence` UInt64 CODEC(DoubleDelta, ZSTD);
ALTER TABLE vslog.conn_events MODIFY COLUMN `conn_id` UInt64 CODEC(DoubleDelta, ZSTD);
ALTER TABLE vslog.conn_events MODIFY COLUMN `client_port` UInt32 CODEC(ZSTD);
ALTER TABLE vslog.conn_events MODIFY COLUMN `duration_ns` UInt64 CODEC(ZSTD);
ALTER TABLE vslog.conn_events MODIFY COLUMN `packets_in` UInt64 CODEC(T64, ZSTD);
ALTER TABLE vslog.conn_events MODIFY COLUMN `packets_out` UInt64 CODEC(T64, ZSTD);
ALTER TABLE vslog.conn_events MODIFY COLUMN `bytes_in` UInt64 CODEC(T64, ZSTD);
ALTER TABLE vslog.conn_events MODIFY COLUMN `bytes_out` UInt64 CODEC(T64, ZSTD);
ALTER TABLE vslog.conn_events MODIFY COLUMN `drop_packets` UInt64 CODEC(T64, ZSTD);
ALTER TABLE vslog.conn_events MODIFY COLUMN `drop_bytes` UInt64 CODEC(T64, ZSTD);
ALTER TABLE vslog.conn_events MODIFY COLUMN `template_id` UInt64 CODEC(ZSTD);
ALTER TABLE vslog.conn_events MODIFY SETTING ttl_only_drop_parts = 1;
ALTER TABLE vslog.conn_events MODIFY TTL toDateTime(time_ns) + toIntervalSecond(7776000);
ALTER TABLE vslog.control_events MODIFY TTL toDateTime(time_ns) + toIntervalSecond(315360000);
ALTER TABLE vslog.conn_events ADD INDEX IF NOT EXISTS by_time time_ns TYPE minmax GRANULARITY 1;
-- Connections that have ended, a row each.
DROP VIEW IF EXISTS vslog.connections_ended_feed;
DROP TABLE IF EXISTS vslog.connections_ended;
CREATE TABLE IF NOT EXISTS vslog.connections_ended (
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
) ENGINE = MergeTree PARTITION BY toDate(end) ORDER BY (real_addr, real_port, end, node, conn_id) TTL toDateTime(end) + toIntervalSecond(7776000) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1;
DROP VIEW IF EXISTS vslog.connections_open_feed;
DROP TABLE IF EXISTS vslog.connections_open;
-- Beginnings and ends by connection. Where a merge has brought both together, whoever delivers soon removes the row, so what is left is
-- open, or has ended a moment ago. Rows of one connection agree in all but begun, ended and seen, and may come twice.
CREATE TABLE IF NOT EXISTS vslog.connections_open (
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
) ENGINE = AggregatingMergeTree ORDER BY (node, conn_id) TTL toDateTime(seen) + toIntervalSecond(7776000) DELETE WHERE begun = 0 SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
DROP VIEW IF EXISTS vslog.rs_minute_feed;
DROP TABLE IF EXISTS vslog.rs_minute;
-- What happened at a real server in a minute. Templates are no connections: they have counts of their own. durations: how many ends were how long:
-- bucket b holds lifetimes from 2^(b/4) to 2^((b+1)/4) milliseconds, -1 those that are not known or shorter than one.
CREATE TABLE IF NOT EXISTS vslog.rs_minute (
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
) ENGINE = SummingMergeTree PARTITION BY toYYYYMM(minute) ORDER BY (virtual_addr, virtual_port, protocol, fwmark, real_addr, real_port, node, minute) TTL minute + toIntervalSecond(63072000) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
CREATE MATERIALIZED VIEW IF NOT EXISTS vslog.connections_ended_feed TO vslog.connections_ended AS SELECT real_addr, real_port, time_ns AS end, node, conn_id, if(created_skew = toInt64(-9223372036854775808), toInt64(0), created_skew) AS start_skew, duration_ns, reason, packets_in, bytes_in, packets_out, bytes_out, epoch, protocol, client_addr, client_port, virtual_addr, virtual_port, fwmark, forward, flags, state, is_template, template_id, weight, scheduled_by, quiesced, timeout_ms, netns, zone, mark, labels FROM vslog.conn_events AS e WHERE e.conn_id != 0 AND e.kind = 'expire';
CREATE MATERIALIZED VIEW IF NOT EXISTS vslog.connections_open_feed TO vslog.connections_open AS SELECT node, conn_id, toUInt8(e.kind != 'expire') AS begun, toUInt8(e.kind = 'expire') AS ended, time_ns AS seen, fromUnixTimestamp64Nano(toUnixTimestamp64Nano(time_ns) - toInt64(duration_ns) + if(created_skew = toInt64(-9223372036854775808), toInt64(0), created_skew), 'UTC') AS start, real_addr, real_port, epoch, protocol, client_addr, client_port, virtual_addr, virtual_port, fwmark, forward, flags, state, is_template, template_id, weight, scheduled_by, quiesced, timeout_ms, netns, zone, mark, labels FROM vslog.conn_events AS e WHERE e.conn_id != 0 AND e.kind IN ('create', 'expire', 'snapshot');
CREATE MATERIALIZED VIEW IF NOT EXISTS vslog.rs_minute_feed TO vslog.rs_minute AS SELECT virtual_addr, virtual_port, protocol, fwmark, real_addr, real_port, node, minute, creates, creates_quiesced, creates_persistent, snapshots, templates, ends, ends_timeout, ends_expire_now, ends_nodest, ends_flushed, ends_drop_entry, ends_service_removed, ends_module_unload, ends_template_quiesced, ends_one_packet, ends_missed, ends_unknown, template_ends, drop_packets, drop_bytes, sched_fails, packets_in, bytes_in, packets_out, bytes_out, durations.1 AS `durationsMap.bucket`, durations.2 AS `durationsMap.ends` FROM (SELECT e.virtual_addr AS virtual_addr, e.virtual_port AS virtual_port, e.protocol AS protocol, e.fwmark AS fwmark, e.real_addr AS real_addr, e.real_port AS real_port, e.node AS node, toStartOfMinute(e.time_ns) AS minute, countIf(e.kind = 'create' AND NOT e.is_template) AS creates, countIf(e.kind = 'create' AND NOT e.is_template AND e.quiesced) AS creates_quiesced, countIf(e.kind = 'create' AND NOT e.is_template AND e.scheduled_by = 'persistence') AS creates_persistent, countIf(e.kind = 'snapshot' AND NOT e.is_template) AS snapshots, countIf(e.kind IN ('create', 'snapshot') AND e.is_template) AS templates, countIf(e.kind = 'expire' AND NOT e.is_template) AS ends, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'timeout') AS ends_timeout, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'expire_now') AS ends_expire_now, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'nodest') AS ends_nodest, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'flushed') AS ends_flushed, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'drop_entry') AS ends_drop_entry, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'service_removed') AS ends_service_removed, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'module_unload') AS ends_module_unload, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'template_quiesced') AS ends_template_quiesced, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'one_packet') AS ends_one_packet, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'missed') AS ends_missed, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'unknown') AS ends_unknown, countIf(e.kind = 'expire' AND e.is_template) AS template_ends, sum(e.drop_packets) AS drop_packets, sum(e.drop_bytes) AS drop_bytes, countIf(e.kind = 'sched_fail') AS sched_fails, sum(e.packets_in) AS packets_in, sum(e.bytes_in) AS bytes_in, sum(e.packets_out) AS packets_out, sum(e.bytes_out) AS bytes_out, sumMapIf([toInt16(if(e.duration_ns < 1000000, -1, floor(4 * log2(e.duration_ns / 1000000))))], [toUInt64(1)], e.kind = 'expire' AND NOT e.is_template) AS durations FROM vslog.conn_events AS e GROUP BY virtual_addr, virtual_port, protocol, fwmark, real_addr, real_port, node, minute);
INSERT INTO vslog.connections_ended (real_addr, real_port, end, node, conn_id, start_skew, duration_ns, reason, packets_in, bytes_in, packets_out, bytes_out, epoch, protocol, client_addr, client_port, virtual_addr, virtual_port, fwmark, forward, flags, state, is_template, template_id, weight, scheduled_by, quiesced, timeout_ms, netns, zone, mark, labels) SELECT real_addr, real_port, time_ns AS end, node, conn_id, if(created_skew = toInt64(-9223372036854775808), toInt64(0), created_skew) AS start_skew, duration_ns, reason, packets_in, bytes_in, packets_out, bytes_out, epoch, protocol, client_addr, client_port, virtual_addr, virtual_port, fwmark, forward, flags, state, is_template, template_id, weight, scheduled_by, quiesced, timeout_ms, netns, zone, mark, labels FROM vslog.conn_events AS e WHERE e.conn_id != 0 AND e.kind = 'expire';
INSERT INTO vslog.connections_open (node, conn_id, begun, ended, seen, start, real_addr, real_port, epoch, protocol, client_addr, client_port, virtual_addr, virtual_port, fwmark, forward, flags, state, is_template, template_id, weight, scheduled_by, quiesced, timeout_ms, netns, zone, mark, labels) SELECT node, conn_id, toUInt8(e.kind != 'expire') AS begun, toUInt8(e.kind = 'expire') AS ended, time_ns AS seen, fromUnixTimestamp64Nano(toUnixTimestamp64Nano(time_ns) - toInt64(duration_ns) + if(created_skew = toInt64(-9223372036854775808), toInt64(0), created_skew), 'UTC') AS start, real_addr, real_port, epoch, protocol, client_addr, client_port, virtual_addr, virtual_port, fwmark, forward, flags, state, is_template, template_id, weight, scheduled_by, quiesced, timeout_ms, netns, zone, mark, labels FROM vslog.conn_events AS e WHERE e.conn_id != 0 AND e.kind IN ('create', 'expire', 'snapshot');
INSERT INTO vslog.rs_minute (virtual_addr, virtual_port, protocol, fwmark, real_addr, real_port, node, minute, creates, creates_quiesced, creates_persistent, snapshots, templates, ends, ends_timeout, ends_expire_now, ends_nodest, ends_flushed, ends_drop_entry, ends_service_removed, ends_module_unload, ends_template_quiesced, ends_one_packet, ends_missed, ends_unknown, template_ends, drop_packets, drop_bytes, sched_fails, packets_in, bytes_in, packets_out, bytes_out, `durationsMap.bucket`, `durationsMap.ends`) SELECT virtual_addr, virtual_port, protocol, fwmark, real_addr, real_port, node, minute, creates, creates_quiesced, creates_persistent, snapshots, templates, ends, ends_timeout, ends_expire_now, ends_nodest, ends_flushed, ends_drop_entry, ends_service_removed, ends_module_unload, ends_template_quiesced, ends_one_packet, ends_missed, ends_unknown, template_ends, drop_packets, drop_bytes, sched_fails, packets_in, bytes_in, packets_out, bytes_out, durations.1 AS `durationsMap.bucket`, durations.2 AS `durationsMap.ends` FROM (SELECT e.virtual_addr AS virtual_addr, e.virtual_port AS virtual_port, e.protocol AS protocol, e.fwmark AS fwmark, e.real_addr AS real_addr, e.real_port AS real_port, e.node AS node, toStartOfMinute(e.time_ns) AS minute, countIf(e.kind = 'create' AND NOT e.is_template) AS creates, countIf(e.kind = 'create' AND NOT e.is_template AND e.quiesced) AS creates_quiesced, countIf(e.kind = 'create' AND NOT e.is_template AND e.scheduled_by = 'persistence') AS creates_persistent, countIf(e.kind = 'snapshot' AND NOT e.is_template) AS snapshots, countIf(e.kind IN ('create', 'snapshot') AND e.is_template) AS templates, countIf(e.kind = 'expire' AND NOT e.is_template) AS ends, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'timeout') AS ends_timeout, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'expire_now') AS ends_expire_now, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'nodest') AS ends_nodest, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'flushed') AS ends_flushed, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'drop_entry') AS ends_drop_entry, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'service_removed') AS ends_service_removed, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'module_unload') AS ends_module_unload, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'template_quiesced') AS ends_template_quiesced, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'one_packet') AS ends_one_packet, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'missed') AS ends_missed, countIf(e.kind = 'expire' AND NOT e.is_template AND e.reason = 'unknown') AS ends_unknown, countIf(e.kind = 'expire' AND e.is_template) AS template_ends, sum(e.drop_packets) AS drop_packets, sum(e.drop_bytes) AS drop_bytes, countIf(e.kind = 'sched_fail') AS sched_fails, sum(e.packets_in) AS packets_in, sum(e.bytes_in) AS bytes_in, sum(e.packets_out) AS packets_out, sum(e.bytes_out) AS bytes_out, sumMapIf([toInt16(if(e.duration_ns < 1000000, -1, floor(4 * log2(e.duration_ns / 1000000))))], [toUInt64(1)], e.kind = 'expire' AND NOT e.is_template) AS durations FROM vslog.conn_events AS e GROUP BY virtual_addr, virtual_port, protocol, fwmark, real_addr, real_port, node, minute);
-- Both as one. Conditions on client_ip, virtual_ip, real_ip, start and end find their rows by the tables' order and indexes; the texts beside them are for reading.
CREATE VIEW vslog.connections AS
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
