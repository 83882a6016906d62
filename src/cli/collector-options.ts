import type { BelievedClock } from '../clock/believed-clock.js';
import type { CollectorOptions } from '../collector/options.js';
import type { Values } from '../config/schema.js';
import type { Sink } from '../sink/sink.js';
import type { FsyncPolicy } from '../spool/options.js';
import { eraseDirectory, spoolDirectory } from './open-store.js';

/** A collector as the configuration says. `clock`: the one that the sinks have. */
export function collectorOptions(values: Values, version: string, sinks: readonly Sink[], clock: BelievedClock): CollectorOptions {
  return {
    capture: values['capture.socket'],
    name: values['collector.subscription'],
    software: `vslog ${version}`,
    spoolDirectory: spoolDirectory(values),
    eraseDirectory: eraseDirectory(values),
    spool: {
      gatherMs: values['spool.gather'],
      fsync: fsyncPolicy(values),
      maxBytes: values['spool.max_bytes'],
      maxSegments: values['spool.max_segments'],
      maxAgeMs: values['spool.max_age'],
      backlogBytes: values['spool.backlog_bytes'],
      backlogAgeMs: values['spool.backlog_age'],
      whenFull: values['spool.when_full'],
      segmentBytes: values['spool.segment_bytes'],
      segmentEvents: values['spool.segment_events'],
      segmentAgeMs: values['spool.segment_age'],
    },
    sinks,
    clock,
  };
}

function fsyncPolicy(values: Values): FsyncPolicy {
  const policy = values['spool.fsync'];
  return policy === 'interval' ? `interval:${values['spool.fsync_interval']}` : policy;
}
