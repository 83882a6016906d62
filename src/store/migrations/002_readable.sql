-- Names for numbers, beside the numbers. Control events are few: they stay.
ALTER TABLE vslog.control_events MODIFY TTL toDateTime(time_ns) + INTERVAL 10 YEAR;
ALTER TABLE vslog.conn_events ADD COLUMN IF NOT EXISTS time DateTime64(9, 'UTC') ALIAS time_ns;
ALTER TABLE vslog.conn_events ADD COLUMN IF NOT EXISTS created DateTime64(9, 'UTC') ALIAS created_ns;
ALTER TABLE vslog.conn_events ADD COLUMN IF NOT EXISTS protocol_name String ALIAS transform(protocol, [6, 17, 132], ['TCP', 'UDP', 'SCTP'], toString(protocol));
ALTER TABLE vslog.conn_events ADD COLUMN IF NOT EXISTS state_name String ALIAS multiIf(is_template, if(bitTest(state, 0), 'ASSURED', 'NONE'), protocol = 6, transform(state, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], ['NONE', 'ESTABLISHED', 'SYN_SENT', 'SYN_RECV', 'FIN_WAIT', 'TIME_WAIT', 'CLOSE', 'CLOSE_WAIT', 'LAST_ACK', 'LISTEN', 'SYNACK'], toString(state)), protocol = 17, transform(state, [0], ['NORMAL'], toString(state)), protocol = 132, transform(state, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13], ['NONE', 'INIT1', 'INIT', 'COOKIE_SENT', 'COOKIE_REPLIED', 'COOKIE_WAIT', 'COOKIE', 'COOKIE_ECHOED', 'ESTABLISHED', 'SHUTDOWN_SENT', 'SHUTDOWN_RECEIVED', 'SHUTDOWN_ACK_SENT', 'REJECTED', 'CLOSED'], toString(state)), toString(state));
ALTER TABLE vslog.conn_events ADD INDEX IF NOT EXISTS by_connection conn_id TYPE bloom_filter GRANULARITY 4;
ALTER TABLE vslog.conn_events ADD INDEX IF NOT EXISTS by_client client_addr TYPE bloom_filter GRANULARITY 4;
ALTER TABLE vslog.control_events ADD COLUMN IF NOT EXISTS time DateTime64(9, 'UTC') ALIAS time_ns;
ALTER TABLE vslog.control_events ADD COLUMN IF NOT EXISTS protocol_name String ALIAS transform(protocol, [6, 17, 132], ['TCP', 'UDP', 'SCTP'], toString(protocol));
