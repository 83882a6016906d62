-- Who asked whoever changed something: the parent of the process. And beginnings that were counted instead of logged one by one.
ALTER TABLE vslog.control_events ADD COLUMN IF NOT EXISTS `parent_pid` UInt32 CODEC(T64, ZSTD);
ALTER TABLE vslog.control_events ADD COLUMN IF NOT EXISTS `parent_command` String;
ALTER TABLE vslog.control_events MODIFY COLUMN `where` Enum8('none'=0,'ring'=1,'journal'=2,'spool'=3,'source'=4,'conn_map'=5,'malformed'=6,'sink'=7,'summarised'=8);
