import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { tallySegment } from '../../src/sink/comparison.js';
import type { HourTally } from '../../src/sink/sink.js';
import type { Segment } from '../../src/spool/segment.js';
import { SegmentWriter } from '../../src/store/deliver.js';
import { embeddedDatabase } from '../../src/store/embedded/database.js';
import { Engine } from '../../src/store/embedded/engine.js';
import { expireRows } from '../../src/store/expire.js';
import { newestMs } from '../../src/store/kept-days.js';
import { loadMigrations, migrate } from '../../src/store/migrate.js';
import { applyRetention, DEFAULT_RETENTION } from '../../src/store/retention.js';
import { tally } from '../../src/store/tally.js';
import { toLong, v1 } from '../../src/wire/proto.js';
import { connEvent, segmentOf } from './store-segments.js';

// Times that no clock should show, in a store that takes them: the wall clock of the collector is the test's.
const DAY = 86_400_000;
const NOW = Date.UTC(2026, 10, 1, 12);
const ns = (ms: number): bigint => BigInt(ms) * 1_000_000n;
const year = (y: number): bigint => ns(Date.UTC(y, 5, 1, 3, 4, 5)) + 6n;
/** Over all of 64 bits. The last days of Date, DateTime and DateTime64(9) lie between. */
const TIMES = [
  0n,
  1n,
  year(1971),
  year(2015),
  ns(NOW),
  year(2035),
  4_294_967_296_000_000_000n,
  year(2150),
  9_223_372_036_854_775_807n,
].concat([9_223_372_036_854_775_808n, 10_000_000_000_000_000_000n, 18_446_744_073_709_551_615n]);

let dir = '';
let now = NOW;
let engine: Engine;
let writer: SegmentWriter;

/** Begins, or begins again. */
async function start(): Promise<void> {
  await (engine as Engine | undefined)?.close();
  engine = new Engine({
    dir: join(dir, 'ch'),
    prepare: async (ready) => {
      await migrate(ready, loadMigrations());
      await applyRetention(embeddedDatabase(ready), DEFAULT_RETENTION, now);
    },
    sessions: {},
  });
  await engine.start();
  writer = writing();
}
const writing = () => new SegmentWriter(database(), DEFAULT_RETENTION.events, () => now);
const database = () => embeddedDatabase(engine);
const ask = (sql: string): Promise<string> => database().text(sql);

const TABLES = ['conn_events', 'connections_ended', 'connections_open', 'incidents', 'rs_minute', 'control_events'];

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'vslog-clock-'));
  await start();
});
beforeEach(async () => {
  now = NOW;
  for (const table of [...TABLES, 'batches', 'kept_days']) await database().write(`TRUNCATE TABLE vslog.${table}`);
  writer = writing();
});
afterAll(async () => {
  await engine.close();
  rmSync(dir, { recursive: true, force: true });
});

/** A connection a time: it begins and ends then. And a change of a knob. */
function segments(times: readonly bigint[], first = 1n, id = 1): [conn: Segment, control: Segment] {
  const last = first + BigInt(times.length) * 2n - 1n;
  const conn = times.flatMap((time, i) => {
    const sequence = first + BigInt(i) * 2n;
    return (['create', 'expire'] as const).map((kind, k) => connEvent({ kind, sequence: sequence + BigInt(k), conn: sequence, time }));
  });
  const control = times.map((time, i) =>
    v1.ControlEvent.encodeDelimited({
      kind: v1.ControlKind.Value.knob_changed,
      sequence: toLong(last + 1n + BigInt(i)),
      time_ns: toLong(time),
    }).finish(),
  );
  return [
    segmentOf(dir, conn, [{ first, last }], { id }),
    segmentOf(dir, control, [{ first: last + 1n, last: last + BigInt(times.length) }], { id: id + 1, record: 'control' }),
  ];
}

const sorted = (tallies: readonly HourTally[]): HourTally[] =>
  [...tallies].sort((a, b) => a.record.localeCompare(b.record) || a.hour - b.hour);
const counts = () =>
  ask(
    'SELECT (SELECT count() FROM vslog.conn_events), (SELECT count() FROM vslog.connections_ended), (SELECT sum(ends) FROM vslog.rs_minute), (SELECT count() FROM vslog.control_events)',
  );
/** What the engine would ever remove by itself it removes now, at the machine's time. */
async function merge(): Promise<void> {
  for (const table of TABLES) await database().write(`OPTIMIZE TABLE vslog.${table} FINAL`);
}

describe('the embedded store', () => {
  it('takes every time that an event can have, and changes none', async () => {
    const [conn, control] = segments(TIMES);
    for (const segment of [conn, control]) await writer.deliver(segment);
    await merge();
    const wanted = TIMES.map((time) => `${time}\t2`).join('\n');
    expect(await ask('SELECT toUInt64(toUnixTimestamp64Nano(time_ns)) AS t, count() FROM vslog.conn_events GROUP BY t ORDER BY t')).toBe(
      wanted,
    );
    const spans = [{ node: 'n', epoch: 'e', first: 1n, last: 1000n }];
    const expected = [...(await tallySegment(conn)), ...(await tallySegment(control))];
    const text = (tallies: readonly HourTally[]) => sorted(tallies).map(({ record, hour, events }) => `${record} ${hour} ${events}`);
    expect(text(await tally(database(), spans))).toEqual(text(expected));
    expect(await counts()).toBe('24\t12\t12\t12');
    // What cannot be a minute of 32 bit is counted in their last.
    const late = "SELECT sum(ends) FROM vslog.rs_minute WHERE minute = toDateTime('2106-02-07 06:28:00', 'UTC')";
    expect(await ask(late)).toBe('6');
    // The first delivery after a start is in doubt: what follows from the events is made anew, and is the same.
    await start();
    const [more] = segments(TIMES, 101n, 3);
    await writer.deliver(more);
    expect(await counts()).toBe('48\t24\t24\t12');
    expect(await ask(late)).toBe('12');
  });

  it('keeps what is old, or of the future, whatever the engine thinks of the time', async () => {
    for (const [i, y] of [1971, 2015, 2150].entries())
      for (const segment of segments([year(y)], BigInt(100 * i + 1), 10 * i + 1)) await writer.deliver(segment);
    await merge();
    expect(await counts()).toBe('6\t3\t3\t3');
  });

  it('keeps 600 good rows when the machine shows a time that is nine years later', async () => {
    // The machine's clock cannot be set here: so rows and collector are of nine years before.
    now = NOW - 9 * 365 * DAY;
    await start();
    const [conn] = segments(Array.from({ length: 300 }, (_, i) => ns(now - i * 1000)));
    await writer.deliver(conn);
    await merge();
    expect(await counts()).toBe('600\t300\t300\t0');
  });

  it('removes what is too old by the time that it is told, counted from the arrival', async () => {
    for (const segment of segments([ns(NOW), year(1971), year(2015), year(2035), year(2150), TIMES.at(-1) ?? 0n]))
      await writer.deliver(segment);
    // An end whose beginning nobody told.
    await writer.deliver(
      segmentOf(dir, [connEvent({ kind: 'expire', sequence: 900n, conn: 900n, time: year(2015) })], [{ first: 900n, last: 900n }], {
        id: 9,
      }),
    );
    const open = () => ask('SELECT count() FROM vslog.connections_open FINAL WHERE begun = 0');
    await expireRows(database(), DEFAULT_RETENTION, NOW + 89 * DAY);
    expect(await counts()).toBe('13\t7\t7\t6');
    expect(await open()).toBe('1');
    expect(await expireRows(database(), DEFAULT_RETENTION, NOW + 92 * DAY)).toMatchObject({ days: 6 });
    expect(await counts()).toBe('0\t0\t7\t6');
    expect(await open()).toBe('0');
    await expireRows(database(), DEFAULT_RETENTION, NOW + 3700 * DAY);
    expect(await counts()).toBe('0\t0\t0\t0');
  });

  it('makes minutes anew only of days of which every event is there', async () => {
    const days = [2014, 2015].map(year);
    for (const [i, time] of days.entries())
      for (const segment of segments([time], BigInt(100 * i + 1), 10 * i + 1).slice(0, 1)) await writer.deliver(segment);
    // Those of 2014 were removed; late ones come.
    await database().write("INSERT INTO vslog.kept_days (day, what, at) VALUES ('2014-06-01', 'conn_expired', now64(3))");
    await database().write("ALTER TABLE vslog.conn_events DROP PARTITION ID '20140601'");
    await start();
    await writer.deliver(segments(days, 501n, 50)[0]);
    expect(await ask('SELECT toYear(minute) AS y, sum(ends) FROM vslog.rs_minute GROUP BY y ORDER BY y')).toBe('2014\t2\n2015\t2');
  });

  it('takes nothing away that came before the clock was ever set, and counts it from then on', async () => {
    now = 5000;
    for (const segment of segments([ns(now), ns(NOW)])) await writer.deliver(segment);
    await expireRows(database(), DEFAULT_RETENTION, NOW);
    await expireRows(database(), DEFAULT_RETENTION, NOW + 89 * DAY);
    expect(await counts()).toBe('4\t2\t2\t2');
    await expireRows(database(), DEFAULT_RETENTION, NOW + 92 * DAY);
    expect(await counts()).toBe('0\t0\t2\t2');
    expect(await newestMs(database())).toBe(NOW);
  });

  it('of an earlier version loses its TTL, and what is in it is kept as before', async () => {
    await writer.deliver(segments([ns(NOW - 80 * DAY)])[0]);
    await database().write('TRUNCATE TABLE vslog.kept_days');
    await database().write('ALTER TABLE vslog.conn_events MODIFY TTL toDateTime(time_ns) + toIntervalSecond(315360000)');
    await start();
    expect(await ask("SELECT countIf(engine_full LIKE '% TTL %') FROM system.tables WHERE database = 'vslog'")).toBe('0');
    await expireRows(database(), DEFAULT_RETENTION, NOW + 9 * DAY);
    expect(await counts()).toBe('2\t1\t1\t0');
    await expireRows(database(), DEFAULT_RETENTION, NOW + 12 * DAY);
    expect(await counts()).toBe('0\t0\t1\t0');
  });
});
