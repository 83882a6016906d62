-- What is merged or rewritten outlives a power cut before the parts that it was made of go: the engine keeps these for 8 minutes by the wall clock, which somebody may set.
ALTER TABLE vslog.conn_events MODIFY SETTING min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;
ALTER TABLE vslog.control_events MODIFY SETTING min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;
ALTER TABLE vslog.connections_ended MODIFY SETTING min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;
ALTER TABLE vslog.connections_open MODIFY SETTING min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;
ALTER TABLE vslog.rs_minute MODIFY SETTING min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;
ALTER TABLE vslog.incidents MODIFY SETTING min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;
ALTER TABLE vslog.batches MODIFY SETTING min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;
ALTER TABLE vslog.kept_days MODIFY SETTING min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1;
