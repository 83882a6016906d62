-- Addresses stay numbers until somebody reads them: turning them into text at every insert cost more than the insert itself.
-- The table is made anew from the events, which live as long.
DROP VIEW IF EXISTS vslog.connections_feed;
DROP VIEW IF EXISTS vslog.connections;
DROP TABLE IF EXISTS vslog.connections_data;
CREATE TABLE IF NOT EXISTS vslog.connections_data (
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
) ENGINE = ReplacingMergeTree(version) ORDER BY (node, conn_id) TTL toDateTime(seen) + INTERVAL 90 DAY DELETE WHERE kind = 'expire' SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
CREATE MATERIALIZED VIEW IF NOT EXISTS vslog.connections_feed TO vslog.connections_data AS SELECT node, conn_id, epoch, CAST(CAST(e.kind, 'Int8'), 'Enum8(\'create\' = 1, \'expire\' = 2, \'snapshot\' = 6)') AS kind, if(e.kind = 'expire', bitShiftLeft(toUInt64(1), 63), toUInt64(0)) + toUInt64(toUnixTimestamp64Nano(time_ns)) AS version, time_ns AS seen, if(toUnixTimestamp64Nano(created_ns) != 0, created_ns, fromUnixTimestamp64Nano(toUnixTimestamp64Nano(time_ns) - toInt64(duration_ns), 'UTC')) AS start, client_addr, virtual_addr, real_addr, protocol, client_port, virtual_port, real_port, fwmark, forward, flags, state, is_template, template_id, weight, duration_ns, packets_in, bytes_in, packets_out, bytes_out, reason, scheduled_by, quiesced, timeout_ms, netns FROM vslog.conn_events AS e WHERE e.conn_id != 0 AND e.kind IN ('create', 'expire', 'snapshot');
INSERT INTO vslog.connections_data (node, conn_id, epoch, kind, version, seen, start, client_addr, virtual_addr, real_addr, protocol, client_port, virtual_port, real_port, fwmark, forward, flags, state, is_template, template_id, weight, duration_ns, packets_in, bytes_in, packets_out, bytes_out, reason, scheduled_by, quiesced, timeout_ms, netns) SELECT node, conn_id, epoch, CAST(CAST(e.kind, 'Int8'), 'Enum8(\'create\' = 1, \'expire\' = 2, \'snapshot\' = 6)') AS kind, if(e.kind = 'expire', bitShiftLeft(toUInt64(1), 63), toUInt64(0)) + toUInt64(toUnixTimestamp64Nano(time_ns)) AS version, time_ns AS seen, if(toUnixTimestamp64Nano(created_ns) != 0, created_ns, fromUnixTimestamp64Nano(toUnixTimestamp64Nano(time_ns) - toInt64(duration_ns), 'UTC')) AS start, client_addr, virtual_addr, real_addr, protocol, client_port, virtual_port, real_port, fwmark, forward, flags, state, is_template, template_id, weight, duration_ns, packets_in, bytes_in, packets_out, bytes_out, reason, scheduled_by, quiesced, timeout_ms, netns FROM vslog.conn_events AS e WHERE e.conn_id != 0 AND e.kind IN ('create', 'expire', 'snapshot');
CREATE VIEW vslog.connections AS
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
