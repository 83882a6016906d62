import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ApiServer } from '../api/server.js';
import { Collector, type CollectorStatus } from '../collector/collector.js';
import type { Values } from '../config/schema.js';
import type { FsyncPolicy } from '../spool/options.js';
import { openStore, type Store } from './open-store.js';

/** Where the spool is in a data directory. */
export function spoolDirectory(values: Values): string {
  return join(values['collector.data_dir'], 'spool');
}

/** Where the embedded store is. */
export function storeDirectory(values: Values): string {
  const asked = values['store.dir'];
  return asked !== '' ? asked : join(values['collector.data_dir'], 'store');
}

/** Collector, store and API, as `collect` and `up` run them. */
export class CollectorRoom {
  private readonly values: Values;
  private readonly collector: Collector;
  private readonly api: ApiServer;

  private constructor(values: Values, version: string, store: Store | undefined) {
    this.values = values;
    const dir = storeDirectory(values);
    this.collector = new Collector({
      capture: values['capture.socket'],
      name: values['collector.subscription'],
      software: `vslog ${version}`,
      spoolDirectory: spoolDirectory(values),
      spool: {
        gatherMs: values['spool.gather'],
        fsync: fsyncPolicy(values),
        maxBytes: values['spool.max_bytes'],
        maxSegments: values['spool.max_segments'],
        segmentBytes: values['spool.segment_bytes'],
        segmentEvents: values['spool.segment_events'],
        segmentAgeMs: values['spool.segment_age'],
      },
      sinks: store === undefined ? [] : [store],
    });
    this.api = new ApiServer({
      socket: values['collector.api_socket'],
      collector: this.collector,
      spoolDirectory: spoolDirectory(values),
      store,
      about: { version, store: { kind: values['store.kind'], dir: store === undefined ? null : dir } },
    });
  }

  /** Nothing is opened before start(). */
  static async make(values: Values, version: string): Promise<CollectorRoom> {
    return new CollectorRoom(values, version, values['store.kind'] === 'embedded' ? await openStore(storeDirectory(values)) : undefined);
  }

  /** Takes the data directory and the socket. Rejects with a sentence, and holds nothing then. */
  async start(): Promise<void> {
    // The socket first: it is what a second collector on the same paths trips over without having touched any data.
    await this.api.start();
    try {
      await mkdir(this.values['collector.data_dir'], { recursive: true });
      await this.collector.start();
    } catch (error) {
      await this.api.stop();
      throw error;
    }
  }

  status(): Promise<CollectorStatus> {
    return this.collector.status();
  }

  /** Resolves to whether the sinks had everything in the time they were given. */
  async stop(): Promise<boolean> {
    const drained = await this.collector.stop({ drainMs: this.values['collector.drain'] });
    await this.api.stop();
    return drained;
  }
}

function fsyncPolicy(values: Values): FsyncPolicy {
  const policy = values['spool.fsync'];
  return policy === 'interval' ? `interval:${values['spool.fsync_interval']}` : policy;
}
