import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { SinkRejection } from '../../src/sink/sink.js';
import { sweepEnded } from '../../src/store/derived.js';
import { embeddedDatabase } from '../../src/store/embedded/database.js';
import { Engine } from '../../src/store/embedded/engine.js';
import { createEmbeddedStore, type EmbeddedStore as Store } from '../../src/store/index.js';
import { until, withDirectory } from '../unit/support/temporary.js';
import { ask, MIDNIGHT, segmentOf, shortConnections } from './store-segments.js';

const PAIRS = 20_000;
const RANGES = [{ first: 1n, last: BigInt(2 * PAIRS) }];

async function withStore(dir: string, action: (store: Store) => Promise<void>): Promise<void> {
  const store = createEmbeddedStore({ dir: join(dir, 'ch') });
  try {
    await action(store);
  } finally {
    await store.close();
  }
}

/** Everything exact, in two partitions. */
async function expectExact(store: Store): Promise<void> {
  expect(await ask(store, 'SELECT count(), uniqExact(sequence), uniqExact(toDate(time_ns)) FROM conn_events')).toBe(
    `${2 * PAIRS}\t${2 * PAIRS}\t2`,
  );
  expect(await ask(store, "SELECT count(), countIf(is_open), countIf(reason = 'timeout'), sum(packets_in) FROM connections")).toBe(
    `${PAIRS}\t0\t${PAIRS}\t${3 * PAIRS}`,
  );
  expect(await ask(store, 'SELECT count(), sum(count) FROM batches FINAL')).toBe(`1\t${2 * PAIRS}`);
  expect(
    await ask(store, 'SELECT sum(creates), sum(ends), sum(ends_timeout), sum(packets_in), sum(arraySum(durationsMap.ends)) FROM rs_minute'),
  ).toBe(`${PAIRS}\t${PAIRS}\t${PAIRS}\t${3 * PAIRS}\t${PAIRS}`);
}

/** Delivers until the engine takes it, as the pump does. */
async function deliverAtLast(store: Store, segment: Parameters<Store['deliver']>[0]): Promise<void> {
  await until(
    () =>
      store.deliver(segment).then(
        () => true,
        () => sleep(50).then(() => false),
      ),
    'the segment is taken',
    60_000,
  );
}

test('a segment over midnight is there once, however often the engine dies while taking it', () =>
  withDirectory((dir) =>
    withStore(dir, async (store) => {
      const segment = segmentOf(dir, shortConnections(PAIRS), RANGES);
      await store.start();
      for (const ms of [5, 15, 30, 45, 60, 80, 100, 130]) {
        await until(
          () =>
            store.start().then(
              () => true,
              () => false,
            ),
          'the engine runs',
        );
        const { pid } = store.status();
        const delivery = store.deliver(segment).catch((error: unknown) => error);
        await sleep(ms);
        if (pid !== null) process.kill(pid, 'SIGKILL');
        await delivery;
        await until(() => store.status().pid !== pid, 'the killed engine is gone');
      }
      await deliverAtLast(store, segment);
      await expectExact(store);
      expect(store.status().starts).toBeGreaterThan(1);
      await store.deliver(segment);
      await expectExact(store);
    }),
  ));

test.each([
  ['half of the events', 'DELETE FROM vslog.conn_events WHERE sequence > 7777', 'TRUNCATE TABLE vslog.connections_ended'],
  ['one of two partitions', "ALTER TABLE vslog.conn_events DROP PARTITION ID 'PARTITION'", 'TRUNCATE TABLE vslog.connections_ended'],
  ['events without connections', 'SELECT 1', 'TRUNCATE TABLE vslog.connections_ended'],
  ['events without counts', 'SELECT 1', 'TRUNCATE TABLE vslog.rs_minute'],
  ['connections and counts without events', 'TRUNCATE TABLE vslog.conn_events', 'SELECT 1'],
  ['all but the ledger', 'SELECT 1', 'SELECT 1'],
])('a delivery that ended with %s is completed', (_what, events, connections) =>
  withDirectory(async (dir) => {
    const segment = segmentOf(dir, shortConnections(PAIRS), RANGES);
    await withStore(dir, (store) => store.deliver(segment));
    const engine = new Engine({ dir: join(dir, 'ch'), prepare: async () => undefined, reader: [] });
    try {
      await engine.start();
      const partition = await engine.text("SELECT min(partition_id) FROM system.parts WHERE table = 'conn_events'");
      await engine.write(events.replace("PARTITION'", `${partition}'`));
      await engine.write(connections);
      await engine.write('TRUNCATE TABLE vslog.batches');
    } finally {
      await engine.close();
    }
    await withStore(dir, async (store) => {
      await store.deliver(segment);
      await expectExact(store);
    });
  }),
);

test('connections that are open no more are swept out of the open ones, and a repetition brings none back', () =>
  withDirectory(async (dir) => {
    const segment = segmentOf(dir, shortConnections(PAIRS), RANGES);
    await withStore(dir, (store) => store.deliver(segment));
    const engine = new Engine({ dir: join(dir, 'ch'), prepare: async () => undefined, reader: [] });
    try {
      await engine.start();
      await engine.write('OPTIMIZE TABLE vslog.connections_open FINAL');
      const open = async (): Promise<number> => Number(await engine.text('SELECT count() FROM vslog.connections_open'));
      expect(await open()).toBe(PAIRS);
      await sweepEnded(embeddedDatabase(engine), 'n');
      await until(async () => (await open()) === 0, 'all are swept');
      await engine.write('TRUNCATE TABLE vslog.batches');
    } finally {
      await engine.close();
    }
    await withStore(dir, async (store) => {
      await store.deliver(segment);
      await expectExact(store);
    });
  }));

test('two deliveries of one segment at the same time store it once', () =>
  withDirectory((dir) =>
    withStore(dir, async (store) => {
      const segment = segmentOf(dir, shortConnections(PAIRS), RANGES);
      await Promise.all([store.deliver(segment), store.deliver(segment), ask(store, 'SELECT count() FROM conn_events')]);
      await expectExact(store);
      const tally = (await store.tally?.([{ node: 'n', epoch: 'e', first: 1n, last: 30_000n }])) ?? [];
      const hour = Number(MIDNIGHT / 1_000_000_000n);
      expect(tally.sort((a, b) => a.hour - b.hour)).toEqual([
        { node: 'n', epoch: 'e', record: 'conn', hour: hour - 3600, events: PAIRS, distinct: PAIRS },
        { node: 'n', epoch: 'e', record: 'conn', hour, events: 30_000 - PAIRS, distinct: 30_000 - PAIRS },
      ]);
    }),
  ));

test('a segment that is not what it says is refused for good and leaves nothing', () =>
  withDirectory((dir) =>
    withStore(dir, async (store) => {
      const events = shortConnections(10);
      const short = segmentOf(dir, events.slice(0, 19), [{ first: 1n, last: 20n }], { count: 20 });
      await expect(store.deliver(short)).rejects.toThrow(/says that it has 20 events, but its file has 19/);
      await expect(store.deliver(short)).rejects.toBeInstanceOf(SinkRejection);
      const torn = segmentOf(dir, events, [{ first: 1n, last: 20n }], { id: 2 });
      writeFileSync(torn.path, Buffer.concat(events).subarray(0, -5));
      await expect(store.deliver(torn)).rejects.toBeInstanceOf(SinkRejection);
      expect(await ask(store, 'SELECT (SELECT count() FROM conn_events), (SELECT count() FROM batches)')).toBe('0\t0');
    }),
  ));

test('migrations that were run but not recorded run again and change nothing', () =>
  withDirectory(async (dir) => {
    await withStore(dir, (store) => store.deliver(segmentOf(dir, shortConnections(PAIRS), RANGES)));
    const engine = new Engine({ dir: join(dir, 'ch'), prepare: async () => undefined, reader: [] });
    try {
      await engine.start();
      await engine.write('TRUNCATE TABLE vslog.schema_migrations');
    } finally {
      await engine.close();
    }
    await withStore(dir, expectExact);
  }));

test('a directory in use is waited for', () =>
  withDirectory(async (dir) => {
    const first = createEmbeddedStore({ dir: join(dir, 'ch') });
    const second = createEmbeddedStore({ dir: join(dir, 'ch') });
    try {
      await first.start();
      const starting = second.start();
      await until(() => /still uses/.test(second.status().lastError ?? ''), 'the second one waits');
      await first.close();
      await starting;
      expect(await ask(second, 'SELECT count() FROM conn_events')).toBe('0');
    } finally {
      await first.close();
      await second.close();
    }
  }));
