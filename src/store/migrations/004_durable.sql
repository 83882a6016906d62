-- What a delivery has taken may be gone from the spool soon: it must outlive a power cut.
ALTER TABLE vslog.conn_events MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE vslog.control_events MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE vslog.connections_data MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE vslog.batches MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
