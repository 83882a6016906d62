import { closeSync, fsyncSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SegmentWriter } from '../../src/store/deliver.js';
import { embeddedDatabase } from '../../src/store/embedded/database.js';
import { Engine } from '../../src/store/embedded/engine.js';
import { loadMigrations, migrate } from '../../src/store/migrate.js';
import { DEFAULT_RETENTION } from '../../src/store/retention.js';
import { FaultDisk } from '../fault/disk.js';
import { freeze } from '../support/freeze.js';
import { until } from '../support/patience.js';
import { segmentOf, shortConnections } from './store-segments.js';

const PAIRS = 100;
const SEGMENTS = 8;
const MERGED = ['conn_events', 'connections_ended', 'batches'];

const below = mkdtempSync(join(tmpdir(), 'vslog-power-cut-'));
const disk = new FaultDisk(below, {});
beforeAll(() => disk.make());
afterAll(async () => {
  await disk.remove();
  rmSync(below, { recursive: true, force: true });
});

function engineOn(folder: string): Engine {
  return new Engine({ dir: folder, prepare: (ready) => migrate(ready, loadMigrations()), sessions: {} });
}

// The engine keeps what it merged for 8 minutes by the wall clock: a clock that goes ahead has it removed at once.
it('what was merged outlives a power cut that comes when the parts it was made of are gone', async () => {
  const folder = join(disk.folder, 'store');
  mkdirSync(folder);
  const counts = (engine: Engine): Promise<string> =>
    engine.text(`SELECT ${MERGED.map((table) => `(SELECT count() FROM vslog.${table})`).join(', ')}`);
  const engine = engineOn(folder);
  await engine.start();
  const writer = new SegmentWriter(embeddedDatabase(engine), DEFAULT_RETENTION.events, Date.now);
  for (let i = 0; i < SEGMENTS; i++) {
    const range = { first: BigInt(2 * i * PAIRS + 1), last: BigInt(2 * (i + 1) * PAIRS) };
    await writer.deliver(segmentOf(below, shortConnections(PAIRS, i * PAIRS), [range], { id: i + 1 }));
  }
  for (const table of MERGED) {
    await engine.write(`ALTER TABLE vslog.${table} MODIFY SETTING old_parts_lifetime = 0`);
    await engine.write(`OPTIMIZE TABLE vslog.${table} FINAL`);
  }
  const among = `database = 'vslog' AND table IN (${MERGED.map((table) => `'${table}'`).join(', ')})`;
  await until('no part but the merged ones', async () => {
    for (const table of MERGED) for (const what of ['STOP', 'START']) await engine.write(`SYSTEM ${what} CLEANUP vslog.${table}`);
    return (await engine.text(`SELECT count() FROM system.parts WHERE ${among} AND NOT active`)) === '0';
  });
  const had = await counts(engine);
  expect(had).toBe(`${2 * PAIRS * SEGMENTS}\t${PAIRS * SEGMENTS}\t${SEGMENTS}`);

  // Any sync makes names durable that went before it: the file system's journal keeps their order.
  const other = openSync(join(disk.folder, 'other'), 'w');
  fsyncSync(other);
  closeSync(other);
  const all = disk.users();
  for (const pid of all) await freeze(pid);
  disk.cut();
  for (const pid of all) process.kill(pid, 'SIGKILL');
  await engine.close().catch(() => undefined);
  await disk.powerOn();

  const again = engineOn(folder);
  try {
    await again.start();
    expect(await counts(again)).toBe(had);
    const synced = [
      'fsync_after_insert',
      'fsync_part_directory',
      'min_rows_to_fsync_after_merge',
      'min_compressed_bytes_to_fsync_after_merge',
    ];
    const without = synced.map((setting) => `position(engine_full, '${setting} = 1') = 0`).join(' OR ');
    const others = `SELECT arrayStringConcat(arraySort(groupArray(name)), ' ') FROM system.tables WHERE database = 'vslog' AND engine LIKE '%MergeTree' AND (${without})`;
    expect(await again.text(others), 'tables that a power cut may take rows of').toBe('schema_migrations');
  } finally {
    await again.close();
  }
});
