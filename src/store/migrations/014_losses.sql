-- The identity of a loss: one that is told twice has the same, and counts once. And that more may be missing than is counted.
ALTER TABLE vslog.control_events ADD COLUMN IF NOT EXISTS `loss_id` String;
ALTER TABLE vslog.control_events ADD COLUMN IF NOT EXISTS `lost_unknown` Bool;
