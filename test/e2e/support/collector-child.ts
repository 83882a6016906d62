/*
 * A collector in a process of its own, to be killed: `collector-child.ts SOCKET SPOOL DELIVERED [FSYNC]`. Its sink writes one line a segment to DELIVERED: what SQL would have.
 * SIGTERM stops it cleanly.
 */
import { appendFileSync } from 'node:fs';
import { Collector } from '../../../src/collector/collector.js';
import type { FsyncPolicy } from '../../../src/spool/options.js';
import type { Segment } from '../../../src/spool/segment.js';
import { WAIT_MS } from '../../support/patience.js';

const [capture, spoolDirectory, delivered, fsync] = process.argv.slice(2);
if (capture === undefined || spoolDirectory === undefined || delivered === undefined)
  throw new Error('usage: collector-child.ts SOCKET SPOOL DELIVERED [FSYNC]');

const sink = {
  name: 'lines',
  start: async (): Promise<void> => undefined,
  deliver: async (segment: Segment): Promise<void> => {
    const { id, epoch, count, ranges } = segment;
    appendFileSync(
      delivered,
      `${JSON.stringify({ id, epoch, count, ranges: ranges.map((range) => [String(range.first), String(range.last)]) })}\n`,
    );
  },
  close: async (): Promise<void> => undefined,
};
const collector = new Collector({
  capture,
  spoolDirectory,
  sinks: [sink],
  // Small limits, so that a kill finds every moment of a segment's life.
  spool: {
    fsync: (fsync ?? 'always') as FsyncPolicy,
    segmentAgeMs: 50,
    segmentEvents: 50_000,
    maxBytes: 16 * 1024 ** 3,
    maxSegments: 1_000_000,
  },
  reconnectMaxMs: 300,
});
const started = collector.start();
process.once('SIGTERM', () => {
  started
    .then(() => collector.stop({ drainMs: WAIT_MS }))
    .then((drained) => process.exit(drained ? 0 : 1))
    .catch(() => process.exit(2));
});
await started;
process.stdout.write('started\n');
