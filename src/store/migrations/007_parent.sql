-- Who asked whoever changed something: the parent of the process.
ALTER TABLE vslog.control_events ADD COLUMN IF NOT EXISTS `parent_pid` UInt32 CODEC(T64, ZSTD);
ALTER TABLE vslog.control_events ADD COLUMN IF NOT EXISTS `parent_command` String;
