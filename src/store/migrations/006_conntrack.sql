-- What connection tracking knows beside IPVS. Labels are one number whose bit n is label n: bitAnd(labels, bitShiftLeft(toUInt128(1), n)) != 0.
ALTER TABLE vslog.conn_events ADD COLUMN IF NOT EXISTS `zone` UInt32 CODEC(T64, ZSTD);
ALTER TABLE vslog.conn_events ADD COLUMN IF NOT EXISTS `mark` UInt32 CODEC(T64, ZSTD);
ALTER TABLE vslog.conn_events ADD COLUMN IF NOT EXISTS `labels` UInt128 CODEC(ZSTD);
ALTER TABLE vslog.conn_events MODIFY COLUMN protocol_name String ALIAS transform(protocol, [1, 6, 17, 33, 47, 50, 51, 58, 132, 136], ['ICMP', 'TCP', 'UDP', 'DCCP', 'GRE', 'ESP', 'AH', 'ICMPv6', 'SCTP', 'UDPLITE'], toString(protocol));
ALTER TABLE vslog.control_events MODIFY COLUMN protocol_name String ALIAS transform(protocol, [1, 6, 17, 33, 47, 50, 51, 58, 132, 136], ['ICMP', 'TCP', 'UDP', 'DCCP', 'GRE', 'ESP', 'AH', 'ICMPv6', 'SCTP', 'UDPLITE'], toString(protocol));
ALTER TABLE vslog.connections_data ADD COLUMN IF NOT EXISTS zone UInt32;
ALTER TABLE vslog.connections_data ADD COLUMN IF NOT EXISTS mark UInt32;
ALTER TABLE vslog.connections_data ADD COLUMN IF NOT EXISTS labels UInt128;
DROP VIEW IF EXISTS vslog.connections_feed;
CREATE MATERIALIZED VIEW IF NOT EXISTS vslog.connections_feed TO vslog.connections_data AS SELECT node, conn_id, epoch, CAST(CAST(e.kind, 'Int8'), 'Enum8(\'create\' = 1, \'expire\' = 2, \'snapshot\' = 6)') AS kind, if(e.kind = 'expire', bitShiftLeft(toUInt64(1), 63), toUInt64(0)) + toUInt64(toUnixTimestamp64Nano(time_ns)) AS version, time_ns AS seen, if(toUnixTimestamp64Nano(created_ns) != 0, created_ns, fromUnixTimestamp64Nano(toUnixTimestamp64Nano(time_ns) - toInt64(duration_ns), 'UTC')) AS start, client_addr, virtual_addr, real_addr, protocol, client_port, virtual_port, real_port, fwmark, forward, flags, state, is_template, template_id, weight, duration_ns, packets_in, bytes_in, packets_out, bytes_out, reason, scheduled_by, quiesced, timeout_ms, netns, zone, mark, labels FROM vslog.conn_events AS e WHERE e.conn_id != 0 AND e.kind IN ('create', 'expire', 'snapshot');
DROP VIEW IF EXISTS vslog.connections;
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
