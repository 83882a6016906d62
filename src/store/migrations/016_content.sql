-- What the rows of a segment said when they were delivered: events and an order-free hash by hour, beside the first of the segment's batches. `formula` says over which columns.
-- 0: nothing is known. While events are erased `pending_hashes` holds what will be true afterwards.
ALTER TABLE vslog.batches ADD COLUMN IF NOT EXISTS formula UInt16;
ALTER TABLE vslog.batches ADD COLUMN IF NOT EXISTS hours Array(UInt32);
ALTER TABLE vslog.batches ADD COLUMN IF NOT EXISTS hour_events Array(UInt64);
ALTER TABLE vslog.batches ADD COLUMN IF NOT EXISTS hour_hashes Array(UInt64);
ALTER TABLE vslog.batches ADD COLUMN IF NOT EXISTS pending_hashes Array(UInt64);
