import type { Segment } from '../../spool/segment.js';
import type { Store } from '../store.js';
import { SegmentWriter } from './deliver.js';
import { Engine } from './engine.js';
import { loadMigrations, migrate } from './migrate.js';
import { readingStatement } from './read-only.js';

export interface EmbeddedStoreOptions {
  /** ClickHouse's data directory; one process at a time. */
  readonly dir: string;
  /** Longest time of a person's query, s. */
  readonly maxQuerySeconds?: number;
  /** Largest answer to a person's query, bytes. */
  readonly maxResultBytes?: number;
  /** Longest time of a delivery, ms; then the engine is ended and started again. */
  readonly deliverTimeoutMs?: number;
}

/** ClickHouse in a child process that this one watches. Nothing is started before `start`, `deliver` or `query`. */
export function createEmbeddedStore(options: EmbeddedStoreOptions): Store {
  const { dir, maxQuerySeconds = 60, maxResultBytes = 268_435_456, deliverTimeoutMs = 300_000 } = options;
  const engine = new Engine({
    dir,
    prepare: (ready) => migrate(ready, loadMigrations()),
    reader: [
      'USE vslog',
      // readonly comes last: afterwards the engine refuses every change of a setting, and every statement that writes.
      `SET max_execution_time = ${maxQuerySeconds}, max_result_bytes = ${maxResultBytes}, readonly = 1`,
    ],
  });
  const writer = new SegmentWriter(engine);
  let last: Promise<unknown> = Promise.resolve();
  let segments = 0;
  let events = 0;
  let lastDeliverMs: number | null = null;

  const take = async (segment: Segment): Promise<void> => {
    await engine.start();
    const began = performance.now();
    const timer = setTimeout(
      () => void engine.kill(`Segment ${segment.id} was not stored within ${deliverTimeoutMs} ms.`),
      deliverTimeoutMs,
    );
    try {
      if (await writer.deliver(segment)) {
        segments++;
        events += segment.count;
      }
      lastDeliverMs = performance.now() - began;
    } finally {
      clearTimeout(timer);
    }
  };

  return {
    name: 'clickhouse',
    start: () => engine.start(),
    // One after the other: who gave up waiting and asks again must not meet its own first attempt.
    deliver(segment) {
      const mine = last.then(() => take(segment));
      last = mine.catch(() => undefined);
      return mine;
    },
    async query(sql, { format }) {
      await engine.start();
      return engine.read(await readingStatement(engine, sql), format);
    },
    status: () => ({
      kind: 'embedded',
      dir,
      running: engine.pid !== undefined,
      pid: engine.pid ?? null,
      starts: engine.starts,
      segments,
      events,
      lastDeliverMs,
      lastError: engine.lastError === '' ? null : engine.lastError,
    }),
    close: () => engine.close(),
  };
}
