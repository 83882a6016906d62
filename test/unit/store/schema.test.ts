import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lossesInStore } from '../../../src/api/losses.js';
import { compareStore } from '../../../src/api/store-comparison.js';
import { parseServiceKey } from '../../../src/cli/service-address.js';
import { columnsSql, SIZES_SQL, WORDS_SQL } from '../../../src/cli/sql-words.js';
import { describeSql, erasedSql, lackingSql, openSql } from '../../../src/cli/verify-source.js';
import { lifetimesSql, weightBeforeSql } from '../../../src/drain/history.js';
import { knobs } from '../../../src/knob/catalogue.js';
import { changesOf, questionsOf } from '../../../src/knob/questions.js';
import { reports } from '../../../src/report/index.js';
import type { Segment } from '../../../src/spool/segment.js';
import { SegmentWriter } from '../../../src/store/deliver.js';
import { discardEvents, rebuildDerived, sweepEnded } from '../../../src/store/derived.js';
import { schemaDrift } from '../../../src/store/drift.js';
import { loadMigrations } from '../../../src/store/migrate.js';
import { applyRetention, DEFAULT_RETENTION, keptMs } from '../../../src/store/retention.js';
import { tally } from '../../../src/store/tally.js';
import { toLong, v1 } from '../../../src/wire/proto.js';
import { dashboardQueries, documentedQueries, helpQueries, pageQuery } from '../support/questions.js';
import { variantsOf } from '../support/report-variants.js';
import { Schema } from '../support/schema.js';
import { withDirectory } from '../support/temporary.js';

// ClickHouse reads everything that the product asks, over the tables that the migrations make. A name that does not exist there is found here.
let schema: Schema;
const store = { query: async (sql: string, { format }: { readonly format: string }) => Buffer.from(await schema.run(sql, format)) };
const DAY = 86_400_000;

beforeAll(async () => {
  schema = await Schema.open();
});
afterAll(() => schema.close());

describe('the check', () => {
  it.each([
    ['a column', 'SELECT count() FROM connections WHERE real_pi = 1', /real_pi/],
    ['a column that an inner query renames', 'SELECT node FROM (SELECT node AS director FROM batches)', /node/],
    ['a table', 'SELECT count() FROM connection', /connection/],
    ['a function', 'SELECT countif2(1) FROM batches', /countif2/],
    ['a word of an Enum', "SELECT countIf(kind IN ('create', 'expired')) FROM conn_events", /expired/],
    ['the only word of an Enum', "SELECT count() FROM connections WHERE reason = 'nodst'", /nodst/],
  ])('refuses %s that does not exist', async (_what, sql, named) => {
    await expect(schema.names(sql)).rejects.toThrow(named);
  });

  it('tells the columns of an answer', async () => {
    expect(
      await schema.columns("SELECT node, count() AS `n of it` FROM batches WHERE record = 'conn' GROUP BY node UNION ALL SELECT 'x', 1"),
    ).toEqual([
      { name: 'node', type: 'String' },
      { name: 'n of it', type: 'UInt64' },
    ]);
  });
});

describe.each(reports.map((report) => [report.name, report] as const))('report %s', (_name, report) => {
  it.each(variantsOf(report).map(({ title, values }) => [title, values] as const))('asks for its columns: %s', async (_title, values) => {
    const { sql, columns } = report.question(values);
    expect(await schema.names(sql)).toEqual(columns);
  });
});

describe('what the log says of knobs', () => {
  // Knobs of one kind are asked of alike, but for their names.
  const kinds = new Map(
    knobs
      .flatMap((knob) => [...questionsOf(knob), changesOf(knob, 5)].map((question) => ({ knob: knob.name, ...question })))
      .map((question) => [question.sql.replace(/name IN \([^)]*\)|(?<=\(\?:\^\| \))\w+/g, ''), question] as const),
  );
  it.each([...kinds.values()])('$title: $knob', async ({ sql, columns }) => {
    expect(await schema.names(sql)).toEqual(columns);
  });
});

describe('what drains ask', () => {
  const services = ['tcp 192.0.2.1:80', 'udp [2001:db8::1]:0', 'fwmark 7 ipv6'];
  it.each(services)('how long connections of %s lived', async (service) => {
    const [, ended, censored, ...more] = await schema.columns(lifetimesSql(parseServiceKey(service), '192.0.2.1'));
    expect([ended?.type, censored?.type, more]).toEqual(['UInt64', 'UInt64', []]);
  });

  it.each(services)('the weight from before, in %s', async (service) => {
    expect(await schema.names(weightBeforeSql(parseServiceKey(service), '192.0.2.1', '192.0.2.11', 8080))).toEqual(['old_value']);
  });
});

describe('what the command line and the page ask', () => {
  it('words for completion', async () => {
    expect((await schema.names(WORDS_SQL)).slice(0, 3)).toEqual(['kind', 'name', 'table']);
  });

  it('tables and their columns', async () => {
    expect(await schema.names(SIZES_SQL)).toEqual(['table', 'is', 'rows', 'on_disk']);
    const sizes = await schema.run(SIZES_SQL, 'TSV');
    expect(sizes).toMatch(/^connections\tview\t/m);
    expect(sizes).not.toContain('_feed');
    expect(await schema.run(columnsSql('connections'), 'TSV')).toMatch(/^conn_id\tUInt64\t0$/m);
  });

  it('what is open, for `vslog verify --source`', async () => {
    const ours = "node = 'lb1' AND epoch = 'e'";
    for (const sql of [openSql(ours), erasedSql(ours)]) expect(await schema.columns(sql)).toEqual([{ name: 'conn_id', type: 'UInt64' }]);
    expect(await schema.names(lackingSql(ours, 7n))).toHaveLength(1);
    expect(await schema.names(describeSql(ours, [1n, 2n]))).toEqual(['id', 'protocol', 'client', 'virtual', 'real']);
  });
});

describe('queries that people are shown', () => {
  const written = { documentation: documentedQueries(), help: helpQueries(), dashboards: dashboardQueries(), page: [pageQuery()] };
  it.each(Object.entries(written))('%s has some', (_where, queries) => expect(queries.length).toBeGreaterThan(0));
  it.each(Object.values(written).flat())('$where: $sql', async ({ sql }) => {
    expect(await schema.names(sql)).not.toEqual([]);
  });
});

describe('what the store does itself', () => {
  it('is as its migrations are read without an engine', async () => {
    expect(await schemaDrift(schema.database, loadMigrations())).toBeUndefined();
  });

  it('keeps rows as long as it is told', async () => {
    await applyRetention(schema.database, { ...DEFAULT_RETENTION, events: 2 * DAY, control: 3 * DAY }, Date.now());
    expect(await keptMs(store)).toEqual({ conn: 2 * DAY, control: 3 * DAY });
    await applyRetention(schema.database, DEFAULT_RETENTION, Date.now());
    expect(await keptMs(store)).toEqual({ conn: DEFAULT_RETENTION.events, control: DEFAULT_RETENTION.control });
  });

  it('tells losses, and takes rows that have expired for no loss', () =>
    withDirectory(async (dir) => {
      const { database } = schema;
      const writer = new SegmentWriter(database, DEFAULT_RETENTION.control, Date.now);
      const at = (days: number): bigint => BigInt(Date.now() - days * DAY) * 1_000_000n;
      // Of these two rows the older one has gone; the epoch began before both.
      const [kept, old] = [at(1), at(DEFAULT_RETENTION.control / DAY - 0.5)];
      const loss = (sequence: bigint, time: bigint) =>
        v1.ControlEvent.encodeDelimited({
          kind: v1.ControlKind.Value.loss,
          where: v1.LossPlace.Value.ring,
          lost: toLong(7n),
          sequence: toLong(sequence),
          time_ns: toLong(time),
        }).finish();
      await writer.deliver({ ...segmentOf(dir, 'control', [loss(2n, old), loss(3n, kept)], 2n), epoch: 'boot-1000' });
      await database.write(
        "INSERT INTO vslog.batches (node, epoch, record, segment, first, last, count, sha256) VALUES ('n', 'boot-1000', 'control', 1, 1, 1, 1, '')",
      );
      expect(await lossesInStore(store, undefined)).toEqual({
        judged: [{ where: 'ring', lost: 14, records: 2 }],
        before: [],
        spoolBefore: new Map(),
      });
      expect(await lossesInStore(store, Date.now() - 2 * DAY)).toMatchObject({
        judged: [{ where: 'ring', lost: 7, records: 1 }],
        before: [{ where: 'ring', lost: 7, records: 1 }],
      });
      const report = await compareStore(store, [], { judged: [], before: [], spoolBefore: new Map() });
      const epoch = report.epochs.find((one) => one.epoch === 'boot-1000');
      expect(epoch).toMatchObject({ first: 1, last: 3, ledger: 3, rows: 2, expired: 1, missing: 0, ok: true });
      // A segment that was open at the question, and has grown since.
      const due = { node: 'n', epoch: 'boot-1000', cut: 2, last: 2, events: 2, waiting: 0, spoolLast: 2 };
      const cut = await compareStore(store, [due], { judged: [], before: [], spoolBefore: new Map() });
      expect(cut.epochs).toContainEqual(
        expect.objectContaining({ epoch: 'boot-1000', last: 2, ledger: 2, rows: 1, expired: 1, due: 2, ok: true }),
      );
    }));

  it('takes a segment once, and makes what follows from its events', () =>
    withDirectory(async (dir) => {
      const { database } = schema;
      const writer = new SegmentWriter(database, DEFAULT_RETENTION.events, Date.now);
      const counts = () =>
        database.text(
          'SELECT (SELECT count() FROM vslog.connections), (SELECT count() FROM vslog.incidents), (SELECT sum(creates + ends) FROM vslog.rs_minute), (SELECT count() FROM vslog.conn_events)',
        );
      const now = BigInt(Date.now()) * 1_000_000n;
      const address = { protocol: 6, client_addr: v6(9), virtual_addr: v6(2), real_addr: v6(1) };
      const conn = segmentOf(dir, 'conn', [
        connEvent({ ...address, kind: v1.EventKind.Value.create, conn_id: toLong(1n), sequence: toLong(1n), time_ns: toLong(now) }),
        connEvent({ ...address, kind: v1.EventKind.Value.expire, conn_id: toLong(1n), sequence: toLong(2n), time_ns: toLong(now + 5n) }),
        connEvent({
          ...address,
          kind: v1.EventKind.Value.nodest_drop,
          sequence: toLong(3n),
          time_ns: toLong(now),
          drop_packets: toLong(4n),
        }),
      ]);
      expect(await writer.deliver(conn)).toBe(true);
      expect(await writer.deliver(conn)).toBe(false);
      expect(await counts()).toBe('1\t1\t2\t3');
      const spans = [{ node: 'n', epoch: 'e', first: 1n, last: 9n }];
      expect(await tally(database, spans)).toMatchObject([{ record: 'conn', events: 3 }]);
    }));

  it('removes and makes anew only what the tables have', async () => {
    const { database } = schema;
    const written: string[] = [];
    const recording = { ...database, write: async (sql: string) => written.push(sql) };
    const among = "node = 'n' AND epoch = 'e' AND sequence <= 3";
    await rebuildDerived(recording, 'n', among, 0);
    await sweepEnded(recording, 'n');
    await discardEvents(recording, 'n', among, 0);
    const tables: string[] = [];
    for (const sql of written) {
      // A removal takes the engine some tenths of a second; reading its condition does not.
      const [, from, which] = /^DELETE FROM vslog\.(\w+) WHERE (.*?)(?: SETTINGS lightweight_deletes_sync = 0)?$/s.exec(sql) ?? [];
      const [, into, names, select] = /^INSERT INTO vslog\.(\w+) \((.*?)\) (SELECT .*) SETTINGS async_insert = 0$/s.exec(sql) ?? [];
      const read = from === undefined ? select : `SELECT 1 FROM vslog.${from} WHERE ${which}`;
      expect(await schema.names(read ?? sql), sql).toHaveLength(names?.split(', ').length ?? 1);
      tables.push(from === undefined ? `+${into}` : `-${from}`);
    }
    const minutes = ['-rs_minute', '+rs_minute'];
    expect(tables).toEqual([
      ...['-connections_ended', '+connections_ended', '+connections_open', '-incidents', '+incidents', ...minutes],
      '-connections_open',
      ...['-connections_ended', '-connections_open', '-incidents', '-conn_events', ...minutes],
    ]);
  });
});

/** 16 bytes that end in this one. */
function v6(last: number): Uint8Array {
  return new Uint8Array(16).with(15, last);
}

function connEvent(fields: Parameters<typeof v1.ConnEvent.encodeDelimited>[0]): Uint8Array {
  return v1.ConnEvent.encodeDelimited(fields).finish();
}

/** A segment of events with sequences from `first`, whose file lies in `dir`. */
function segmentOf(dir: string, record: Segment['record'], events: readonly Uint8Array[], first = 1n): Segment {
  const body = Buffer.concat(events);
  const path = join(dir, `${record}.pb`);
  writeFileSync(path, body);
  const sha256 = createHash('sha256').update(body).digest('hex');
  const ranges = [{ first, last: first + BigInt(events.length) - 1n }];
  return { id: 1, record, node: 'n', epoch: 'e', ranges, count: events.length, bytes: body.length, sha256, chain: '', path };
}
