import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { compareStore } from '../../src/api/store-comparison.js';
import type { ContentReport } from '../../src/sink/content.js';
import type { Segment } from '../../src/spool/segment.js';
import { compareContent } from '../../src/store/content-check.js';
import { SegmentWriter } from '../../src/store/deliver.js';
import { embeddedDatabase } from '../../src/store/embedded/database.js';
import { Engine } from '../../src/store/embedded/engine.js';
import { blank, blankOf, eraseRows, isTheirs } from '../../src/store/erase.js';
import { announce } from '../../src/store/erase-content.js';
import { loadMigrations, migrate } from '../../src/store/migrate.js';
import { DEFAULT_RETENTION } from '../../src/store/retention.js';
import { until } from '../support/patience.js';
import { targetOf } from '../unit/support/people.js';
import { connEvent, MIDNIGHT, segmentOf, shortConnections, v4 } from './store-segments.js';

const PAIRS = 2000;
const EVENTS = 6 * PAIRS + 3;
const TABLES = ['batches', 'conn_events', 'connections_ended', 'connections_open', 'incidents', 'rs_minute'];

// One engine for all: each test delivers three segments into empty tables.
describe('what the rows of a store say', () => {
  const dir = mkdtempSync(join(tmpdir(), 'vslog-content-'));
  const engine = new Engine({
    dir: join(dir, 'ch'),
    prepare: (ready) => migrate(ready, loadMigrations()),
    sessions: { reader: ['USE vslog'] },
  });
  const database = embeddedDatabase(engine);
  const write = (sql: string): Promise<unknown> => engine.write(sql);
  const compared = (sinceMs?: number): Promise<ContentReport> =>
    compareContent({ query: (sql, { format }) => engine.write(sql, format, 'reader') }, { sinceMs });
  const verifyStore = () =>
    compareStore(
      { query: (sql, { format }) => engine.write(sql, format, 'reader') as Promise<Buffer> },
      [],
      { judged: [], before: [], spoolBefore: new Map() },
      Date.now(),
    );
  let segments: Segment[];
  const deliver = async (): Promise<void> => {
    const writer = new SegmentWriter(database, DEFAULT_RETENTION.events, Date.now);
    for (const segment of segments) await writer.deliver(segment);
  };

  beforeAll(async () => {
    await engine.start();
    segments = [0, 1, 2].map((i) =>
      segmentOf(dir, shortConnections(PAIRS, i * PAIRS), [{ first: BigInt(2 * i * PAIRS + 1), last: BigInt(2 * (i + 1) * PAIRS) }], {
        id: i + 1,
      }),
    );
    const next = 6n * BigInt(PAIRS) + 1n;
    const theirs = { conn: 999_999n, client_addr: v4(77) };
    const some = [
      connEvent({ kind: 'nodest_drop', sequence: next, conn: 3n, time: MIDNIGHT }),
      connEvent({ kind: 'create', sequence: next + 1n, time: MIDNIGHT, ...theirs }),
      connEvent({ kind: 'expire', sequence: next + 2n, time: MIDNIGHT + 9n, ...theirs }),
    ];
    segments.push(segmentOf(dir, some, [{ first: next, last: next + 2n }], { id: 4 }));
  });
  beforeEach(async () => {
    for (const table of TABLES) await write(`TRUNCATE TABLE vslog.${table}`);
    await deliver();
  });
  afterAll(async () => {
    await engine.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it('is what was delivered', async () => {
    expect(await compared()).toEqual({
      checked: true,
      reason: null,
      events: EVENTS,
      unknown: 0,
      erasing: 0,
      expired: 0,
      derived: 3 * PAIRS + 2,
      differences: [],
      more: 0,
      ok: true,
    });
  });

  it.each([
    ['a counter', 'packets_in = packets_in + 1'],
    ['an address', "client_addr = toIPv6('10.9.9.9')"],
    ['a number in place of another', 'client_port = client_port + 1'],
  ])('is found to be changed where somebody changed %s', async (_what, change) => {
    await write(`ALTER TABLE vslog.conn_events UPDATE ${change} WHERE sequence = ${2 * PAIRS + 7} SETTINGS mutations_sync = 2`);
    const report = await compared();
    expect(report.ok).toBe(false);
    expect(report.differences).toContainEqual({
      table: 'conn_events',
      node: 'n',
      epoch: 'e',
      hour: Number(MIDNIGHT / 1_000_000_000n) - 3600,
      expected: PAIRS,
      found: PAIRS,
      segment: 2,
      first: 2 * PAIRS + 1,
      last: 4 * PAIRS,
    });
  });

  it('is found to lack a row, and to have one twice', async () => {
    await write('DELETE FROM vslog.conn_events WHERE sequence = 11');
    expect((await compared()).differences).toContainEqual(
      expect.objectContaining({ table: 'conn_events', segment: 1, expected: PAIRS, found: PAIRS - 1 }),
    );
    await write('INSERT INTO vslog.conn_events SELECT * FROM vslog.conn_events WHERE sequence IN (12, 13)');
    expect((await compared()).differences).toContainEqual(
      expect.objectContaining({ table: 'conn_events', segment: 1, expected: PAIRS, found: PAIRS + 1 }),
    );
  });

  it('is found to differ in a table that is made of events', async () => {
    await write('DELETE FROM vslog.connections_ended WHERE conn_id IN (5, 6)');
    expect((await compared()).differences).toEqual([
      expect.objectContaining({ table: 'connections_ended', hour: Number(MIDNIGHT / 1_000_000_000n) - 3600, node: 'n', epoch: 'e' }),
    ]);
    await write('ALTER TABLE vslog.incidents UPDATE drop_packets = 9 WHERE true SETTINGS mutations_sync = 2');
    const { differences } = await compared();
    expect(differences).toHaveLength(2);
    expect(differences[1]).toMatchObject({ table: 'incidents', expected: 1, found: 1 });
    await write('TRUNCATE TABLE vslog.connections_ended');
    const gone = await compared();
    expect(gone.ok).toBe(false);
    expect(gone.differences.filter(({ table }) => table === 'connections_ended')).toHaveLength(2);
  });

  it.each([
    ['rows without the ledger', 'SELECT 1'],
    ['some of the rows', `DELETE FROM vslog.conn_events WHERE sequence = ${EVENTS}`],
    ['what is made of rows, without them', `DELETE FROM vslog.conn_events WHERE sequence > ${6 * PAIRS}`],
  ])('is what was delivered after a delivery that ended with %s', async (_what, rows) => {
    await write('DELETE FROM vslog.batches WHERE segment = 4');
    await write(rows);
    await deliver();
    expect(await compared()).toMatchObject({ ok: true, events: EVENTS, differences: [] });
  });

  it('is no failure where it expired', async () => {
    const keep = (seconds: number): Promise<unknown> =>
      write(`ALTER TABLE vslog.conn_events MODIFY TTL toDateTime(time_ns) + toIntervalSecond(${seconds})`);
    await keep(1);
    try {
      await until('ClickHouse lets go of the rows', async () => {
        await write('OPTIMIZE TABLE vslog.conn_events FINAL');
        return (await engine.text('SELECT count() FROM vslog.conn_events')) === '0';
      });
      expect(await compared()).toMatchObject({ ok: true, events: 0, expired: EVENTS, differences: [] });
    } finally {
      await keep(7_776_000);
    }
  });

  it('is not known where events came a second time in other segments, and counts as no difference', async () => {
    const again = (id: number, from: number, to: number): Segment =>
      segmentOf(dir, shortConnections(to - from, from), [{ first: BigInt(2 * from + 1), last: BigInt(2 * to) }], { id });
    const writer = new SegmentWriter(database, DEFAULT_RETENTION.events, Date.now);
    // As after an older copy of the spool was put back: from the second segment on all is cut elsewhere.
    for (const segment of [again(12, PAIRS, 1.5 * PAIRS), again(13, 1.5 * PAIRS, 2.5 * PAIRS)]) await writer.deliver(segment);
    const report = await compared();
    expect(report).toMatchObject({ ok: true, differences: [] });
    expect(report.unknown).toBeGreaterThanOrEqual(4 * PAIRS);
    const all = await verifyStore();
    expect(all).toMatchObject({ ok: true, epochs: [{ ledger: EVENTS, rows: EVENTS, missing: 0 }] });
    // What lies before it is compared as ever.
    await write('ALTER TABLE vslog.conn_events UPDATE client_port = 1 WHERE sequence = 1 SETTINGS mutations_sync = 2');
    expect(await compared()).toMatchObject({ ok: false });
  });

  it('is not told of what a version before delivered', async () => {
    await write(
      'INSERT INTO vslog.batches SELECT * REPLACE (0 AS formula, [] AS hours, [] AS hour_events, [] AS hour_hashes) FROM vslog.batches FINAL WHERE segment = 1',
    );
    await write('DELETE FROM vslog.conn_events WHERE sequence = 11');
    expect(await compared()).toMatchObject({ events: EVENTS - 2 * PAIRS, unknown: 2 * PAIRS });
  });

  describe('and a segment is brought once more', () => {
    const repair = (i: number, replace = false) =>
      new SegmentWriter(database, DEFAULT_RETENTION.events, Date.now).repair(segments[i] as Segment, replace);
    const nothing = { absent: 0, changed: false, replaced: false, derived: 0 };
    const whole = { ok: true, events: EVENTS, differences: [] };

    it('changes nothing where all is there', async () => {
      for (const i of segments.keys()) expect(await repair(i)).toEqual(nothing);
      expect(await compared()).toMatchObject(whole);
    });

    it('brings rows that somebody deleted, and what is made of them', async () => {
      await write('DELETE FROM vslog.conn_events WHERE sequence BETWEEN 11 AND 20');
      expect(await repair(1)).toEqual(nothing);
      expect(await repair(0)).toEqual({ ...nothing, absent: 10 });
      expect(await compared()).toMatchObject(whole);
      await write('DELETE FROM vslog.connections_ended WHERE conn_id IN (7, 8, 9)');
      await write('TRUNCATE TABLE vslog.incidents');
      expect(await repair(0)).toEqual({ ...nothing, derived: 3 });
      expect(await repair(3)).toEqual({ ...nothing, derived: 1 });
      await write('TRUNCATE TABLE vslog.conn_events');
      await write('TRUNCATE TABLE vslog.connections_ended');
      expect((await compared()).ok).toBe(false);
      for (const i of segments.keys()) expect((await repair(i)).absent).toBe(segments[i]?.count);
      expect(await compared()).toMatchObject(whole);
    });

    it('tells of rows that somebody changed or doubled, and writes them again only when it is told to', async () => {
      await write('ALTER TABLE vslog.conn_events UPDATE packets_in = 99 WHERE sequence = 12 SETTINGS mutations_sync = 2');
      await write(`INSERT INTO vslog.conn_events SELECT * FROM vslog.conn_events WHERE sequence = ${2 * PAIRS + 2}`);
      expect([await repair(0), await repair(1)]).toEqual([
        { ...nothing, changed: true },
        { ...nothing, changed: true },
      ]);
      expect((await compared()).differences.map(({ segment }) => segment)).toEqual(expect.arrayContaining([1, 2]));
      expect([await repair(0, true), await repair(1, true)]).toMatchObject([{ replaced: true }, { replaced: true }]);
      expect(await compared()).toMatchObject(whole);
      expect(await engine.text('SELECT count() FROM vslog.conn_events WHERE packets_in = 99')).toBe('0');
    });

    it('gives a segment that a version before delivered its hash', async () => {
      await write(
        'INSERT INTO vslog.batches SELECT * REPLACE (0 AS formula, [] AS hours, [] AS hour_events, [] AS hour_hashes) FROM vslog.batches FINAL WHERE segment = 1',
      );
      expect(await compared()).toMatchObject({ unknown: 2 * PAIRS });
      expect(await repair(0)).toEqual(nothing);
      expect(await compared()).toMatchObject({ ...whole, unknown: 0 });
    });
  });

  describe('and a person is erased', () => {
    const target = targetOf(['10.0.0.77']);
    const erase = (): Promise<void> => eraseRows(database, target, () => undefined);
    const theirs = isTheirs(target, 'time_ns', true);
    const whole = { ok: true, events: EVENTS, erasing: 0, differences: [] };

    it('is what was delivered, and what was changed beside it stays found', async () => {
      await erase();
      expect(await engine.text("SELECT count() FROM vslog.conn_events WHERE kind = 'erased'")).toBe('2');
      expect(await compared()).toMatchObject(whole);
      await write(`ALTER TABLE vslog.conn_events UPDATE weight = 7 WHERE conn_id = 3 SETTINGS mutations_sync = 2`);
      const before = await compared();
      expect(before.differences.map(({ segment }) => segment)).toContain(4);
      await erase();
      expect((await compared()).differences.map(({ segment }) => segment)).toContain(4);
    });

    it('stays found what was changed of that person before', async () => {
      await write(`ALTER TABLE vslog.conn_events UPDATE weight = 7 WHERE ${theirs} AND kind = 'create' SETTINGS mutations_sync = 2`);
      await erase();
      expect((await compared()).differences).toContainEqual(expect.objectContaining({ table: 'conn_events', segment: 4 }));
    });

    it.each([
      ['after it was announced', async () => announce(database, 'conn', theirs, blankOf)],
      [
        'before it was concluded',
        async () => {
          await announce(database, 'conn', theirs, blankOf);
          await write('DELETE FROM vslog.connections_ended WHERE conn_id = 999999');
          await write('DELETE FROM vslog.connections_open WHERE conn_id = 999999');
          await write(`ALTER TABLE vslog.conn_events UPDATE ${blank()} WHERE ${theirs} SETTINGS mutations_sync = 2`);
        },
      ],
    ])('goes on after a crash %s', async (_when, until) => {
      await until();
      // Either is right until the order is done.
      expect(await compared()).toMatchObject(whole);
      await erase();
      expect(await compared()).toMatchObject(whole);
      expect(await engine.text("SELECT count() FROM vslog.conn_events WHERE kind = 'erased'")).toBe('2');
      expect(await engine.text('SELECT count() FROM vslog.batches FINAL WHERE notEmpty(pending_hashes)')).toBe('0');
    });
  });
});
