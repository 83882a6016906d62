import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { SinkRejection } from '../../src/sink/sink.js';
import type { Segment } from '../../src/spool/segment.js';
import { SegmentWriter } from '../../src/store/deliver.js';
import { sweepEnded } from '../../src/store/derived.js';
import { embeddedDatabase } from '../../src/store/embedded/database.js';
import { Engine } from '../../src/store/embedded/engine.js';
import { createEmbeddedStore, type EmbeddedStore as Store } from '../../src/store/index.js';
import { loadMigrations, migrate } from '../../src/store/migrate.js';
import { DEFAULT_RETENTION } from '../../src/store/retention.js';
import { pause, until } from '../support/patience.js';
import { withDirectory } from '../unit/support/temporary.js';
import { ask, bring, MIDNIGHT, segmentOf, shortConnections } from './store-segments.js';

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

/** Everything exact, in two partitions. `answer` is asked in the words of people's queries. */
async function expectExact(answer: (sql: string) => Promise<string>): Promise<void> {
  expect(await answer('SELECT count(), uniqExact(sequence), uniqExact(toDate(time_ns)) FROM conn_events')).toBe(
    `${2 * PAIRS}\t${2 * PAIRS}\t2`,
  );
  expect(await answer("SELECT count(), countIf(is_open), countIf(reason = 'timeout'), sum(packets_in) FROM connections")).toBe(
    `${PAIRS}\t0\t${PAIRS}\t${3 * PAIRS}`,
  );
  expect(await answer('SELECT count(), sum(count) FROM batches FINAL')).toBe(`1\t${2 * PAIRS}`);
  expect(
    await answer('SELECT sum(creates), sum(ends), sum(ends_timeout), sum(packets_in), sum(arraySum(durationsMap.ends)) FROM rs_minute'),
  ).toBe(`${PAIRS}\t${PAIRS}\t${PAIRS}\t${3 * PAIRS}\t${PAIRS}`);
}

test('a segment over midnight is there once, however often the engine dies while taking it', () =>
  withDirectory((dir) =>
    withStore(dir, async (store) => {
      const segment = segmentOf(dir, shortConnections(PAIRS), RANGES);
      await store.start();
      for (const ms of [5, 15, 30, 45, 60, 80, 100, 130]) {
        await until('the engine runs', () =>
          store.start().then(
            () => true,
            () => false,
          ),
        );
        const { pid } = store.status();
        const delivery = store.deliver(segment).catch((error: unknown) => error);
        await pause(ms, 'another moment of the delivery each time');
        if (pid !== null) process.kill(pid, 'SIGKILL');
        await delivery;
        await until('the killed engine is gone', () => store.status().pid !== pid);
      }
      await bring(store, segment);
      await expectExact((sql) => ask(store, sql));
      expect(store.status().starts).toBeGreaterThan(1);
      await store.deliver(segment);
      await expectExact((sql) => ask(store, sql));
      // The engine's copies of the schema are where its data is.
      expect(existsSync(join(dir, 'ch', '__cache__'))).toBe(true);
    }),
  ));

// One engine for all: each leaves the tables as it found them, with the segment in them.
describe('a store that has the segment', () => {
  const dir = mkdtempSync(join(tmpdir(), 'vslog-store-'));
  const engine = new Engine({
    dir: join(dir, 'ch'),
    prepare: (ready) => migrate(ready, loadMigrations()),
    sessions: { reader: ['USE vslog'] },
  });
  let segment: Segment;
  /** As the first delivery after a start does it. */
  const deliver = (): Promise<boolean> => new SegmentWriter(embeddedDatabase(engine), DEFAULT_RETENTION.events, Date.now).deliver(segment);
  const answer = async (sql: string): Promise<string> =>
    Buffer.from(await engine.write(sql, 'TSV', 'reader'))
      .toString('utf8')
      .trim();

  beforeAll(async () => {
    await engine.start();
    segment = segmentOf(dir, shortConnections(PAIRS), RANGES);
    expect(await deliver()).toBe(true);
    await expectExact(answer);
  });
  afterAll(async () => {
    await engine.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it('sweeps connections that are open no more out of the open ones, and a repetition brings none back', async () => {
    await engine.write('OPTIMIZE TABLE vslog.connections_open FINAL');
    const open = async (): Promise<number> => Number(await engine.text('SELECT count() FROM vslog.connections_open'));
    expect(await open()).toBe(PAIRS);
    await sweepEnded(embeddedDatabase(engine), 'n');
    await until('all are swept', async () => (await open()) === 0);
    await engine.write('TRUNCATE TABLE vslog.batches');
    expect(await deliver()).toBe(true);
    await expectExact(answer);
  });

  it.each([
    ['half of the events', 'DELETE FROM vslog.conn_events WHERE sequence > 7777', 'TRUNCATE TABLE vslog.connections_ended'],
    ['one of two partitions', "ALTER TABLE vslog.conn_events DROP PARTITION ID 'PARTITION'", 'TRUNCATE TABLE vslog.connections_ended'],
    ['events without connections', 'SELECT 1', 'TRUNCATE TABLE vslog.connections_ended'],
    ['events without counts', 'SELECT 1', 'TRUNCATE TABLE vslog.rs_minute'],
    ['connections and counts without events', 'TRUNCATE TABLE vslog.conn_events', 'SELECT 1'],
    ['all but the ledger', 'SELECT 1', 'SELECT 1'],
  ])('completes a delivery that ended with %s', async (_what, events, connections) => {
    const partition = await engine.text("SELECT min(partition_id) FROM system.parts WHERE table = 'conn_events' AND active");
    await engine.write(events.replace("PARTITION'", `${partition}'`));
    await engine.write(connections);
    await engine.write('TRUNCATE TABLE vslog.batches');
    expect(await deliver()).toBe(true);
    await expectExact(answer);
  });

  it('changes nothing when migrations that were run but not recorded run again', async () => {
    await engine.write('TRUNCATE TABLE vslog.schema_migrations');
    await migrate(engine, loadMigrations());
    expect(await engine.text('SELECT count() FROM vslog.schema_migrations')).toBe(String(loadMigrations().length));
    await expectExact(answer);
    expect(await deliver()).toBe(false);
  });
});

test('a segment that is not what it says is refused for good and leaves nothing; one that is delivered twice at a time is there once', () =>
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

      const segment = segmentOf(dir, shortConnections(PAIRS), RANGES, { id: 3 });
      await Promise.all([store.deliver(segment), store.deliver(segment), ask(store, 'SELECT count() FROM conn_events')]);
      await expectExact((sql) => ask(store, sql));
      const tally = (await store.tally?.([{ node: 'n', epoch: 'e', first: 1n, last: 30_000n }])) ?? [];
      const hour = Number(MIDNIGHT / 1_000_000_000n);
      expect(tally.sort((a, b) => a.hour - b.hour)).toEqual([
        { node: 'n', epoch: 'e', record: 'conn', hour: hour - 3600, events: PAIRS, distinct: PAIRS },
        { node: 'n', epoch: 'e', record: 'conn', hour, events: 30_000 - PAIRS, distinct: 30_000 - PAIRS },
      ]);
    }),
  ));

test('a directory in use is waited for', () =>
  withDirectory(async (dir) => {
    const first = createEmbeddedStore({ dir: join(dir, 'ch') });
    const second = createEmbeddedStore({ dir: join(dir, 'ch') });
    try {
      await first.start();
      const starting = second.start().then(
        () => true,
        () => false,
      );
      await until('the second one waits', () => /still uses/.test(second.status().lastError ?? ''));
      await first.close();
      // It gives up where the first one takes longer to end than it waits; then it is asked again, as every delivery does.
      if (!(await starting))
        await until('the second one runs', () =>
          second.start().then(
            () => true,
            () => false,
          ),
        );
      expect(await ask(second, 'SELECT count() FROM conn_events')).toBe('0');
    } finally {
      await first.close();
      await second.close();
    }
  }));
