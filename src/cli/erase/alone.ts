import { statSync } from 'node:fs';
import { openClock } from '../../clock/open.js';
import { Collector } from '../../collector/collector.js';
import type { ErasureProgress, ErasureReport } from '../../collector/erasures.js';
import type { Values } from '../../config/schema.js';
import { configuredSinks } from '../../sink/registry.js';
import { collectorOptions } from '../collector-options.js';
import { Exit } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { openStore, spoolDirectory } from '../open-store.js';

/** Who carries out orders. */
export interface Carrier {
  /** Resolves when an order that lies in its folder is carried out. */
  erase(id: string, onProgress: (progress: ErasureProgress) => void, signal: AbortSignal): Promise<ErasureReport>;
  close(): Promise<void>;
}

/**
 * A collector of our own, without an API, for as long as the orders take: it holds the spool's lock, takes what a capture that runs still has, and delivers. Rejects with a
 * sentence, and holds nothing then.
 */
export async function aloneCollector(values: Values, version: string): Promise<Carrier> {
  const data = values['collector.data_dir'];
  const { uid } = statSync(data);
  // What root writes there the collector could not read any more.
  if (uid !== process.geteuid?.())
    throw new Failure(
      Exit.unreachable,
      `No collector runs, and ${data} belongs to user ${uid}: start the collector, or run this as that user.`,
    );
  const clock = await openClock(spoolDirectory(values));
  const { now } = clock;
  const store = await openStore(values, now);
  const others = await configuredSinks(values, { spoolDirectory: spoolDirectory(values), version, now });
  const collector = new Collector(collectorOptions(values, version, store === undefined ? others : [store, ...others], clock));
  await collector.start();
  return {
    erase: (id, onProgress, signal) => collector.erase(id, onProgress, signal),
    close: async () => void (await collector.stop({ drainMs: values['collector.drain'] })),
  };
}
