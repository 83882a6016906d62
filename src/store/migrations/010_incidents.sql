-- What is rare and asked for: drops, refusals, connections that persistence brought to a quiesced server. Among all events each would be some rows of every granule.
DROP VIEW IF EXISTS vslog.incidents_feed;
DROP TABLE IF EXISTS vslog.incidents;
CREATE TABLE IF NOT EXISTS vslog.incidents (
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
) ENGINE = MergeTree PARTITION BY toDate(time_ns) ORDER BY (kind, real_addr, real_port, time_ns, node, epoch, sequence) TTL toDateTime(time_ns) + toIntervalSecond(7776000) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, ttl_only_drop_parts = 1;
CREATE MATERIALIZED VIEW IF NOT EXISTS vslog.incidents_feed TO vslog.incidents AS SELECT kind, real_addr, real_port, time_ns, node, epoch, sequence, conn_id, protocol, client_addr, client_port, virtual_addr, virtual_port, fwmark, template_id, scheduled_by, drop_packets, drop_bytes, drop_first_ns, drop_last_ns FROM vslog.conn_events AS e WHERE e.kind IN ('nodest_drop', 'sched_fail') OR (e.kind = 'create' AND e.quiesced AND NOT e.is_template);
INSERT INTO vslog.incidents (kind, real_addr, real_port, time_ns, node, epoch, sequence, conn_id, protocol, client_addr, client_port, virtual_addr, virtual_port, fwmark, template_id, scheduled_by, drop_packets, drop_bytes, drop_first_ns, drop_last_ns) SELECT kind, real_addr, real_port, time_ns, node, epoch, sequence, conn_id, protocol, client_addr, client_port, virtual_addr, virtual_port, fwmark, template_id, scheduled_by, drop_packets, drop_bytes, drop_first_ns, drop_last_ns FROM vslog.conn_events AS e WHERE e.kind IN ('nodest_drop', 'sched_fail') OR (e.kind = 'create' AND e.quiesced AND NOT e.is_template);
