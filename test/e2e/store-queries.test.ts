import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createEmbeddedStore, type Store } from '../../src/store/index.js';
import { toLong, v1 } from '../../src/wire/proto.js';
import { ask, connEvent, MIDNIGHT, segmentOf, v4 } from './store-segments.js';

const dir = mkdtempSync(join(tmpdir(), 'vslog-store-'));
let store: Store;
const SECOND = 1_000_000_000n;
const V6 = Uint8Array.from([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);

beforeAll(async () => {
  store = createEmbeddedStore({ dir: join(dir, 'ch') });
  const at = (seconds: bigint): bigint => MIDNIGHT + seconds * SECOND;
  const events = [
    // 1: lost by a restart; 2: seen again after it; 3: ended; 4: an IPv6 one that is open; 5: a template
    connEvent({ kind: 'create', sequence: 1n, conn: 1n, time: at(1n), state: 1 }),
    connEvent({ kind: 'create', sequence: 2n, conn: 2n, time: at(2n), real_addr: v4(3) }),
    connEvent({ kind: 'create', sequence: 3n, conn: 3n, time: at(3n), weight: -1 }),
    connEvent({
      kind: 'expire',
      sequence: 4n,
      conn: 3n,
      time: at(4n),
      duration_ns: toLong(SECOND),
      reason: v1.EndReason.Value.nodest,
      bytes_in: toLong(700n),
      scheduled_by: v1.ScheduledBy.Value.persistence,
      template_id: toLong(5n),
      quiesced: true,
      state: 5,
      zone: 9,
      mark: 4294967295,
      labels: Uint8Array.from([5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80]),
    }),
    connEvent({ kind: 'snapshot', sequence: 6n, conn: 2n, time: at(11n), created_ns: toLong(at(2n)), real_addr: v4(3) }),
    connEvent({ kind: 'create', sequence: 7n, conn: 4n, time: at(12n), family: 6, protocol: 17, client_addr: V6, real_addr: V6 }),
    connEvent({ kind: 'create', sequence: 8n, conn: 5n, time: at(12n), is_template: true, state: 1 }),
    connEvent({ kind: 'sched_fail', sequence: 9n, time: at(13n), real_addr: new Uint8Array(16) }),
  ];
  const conn = [
    { first: 1n, last: 4n },
    { first: 6n, last: 9n },
  ];
  const started = v1.ControlEvent.encodeDelimited({
    kind: v1.ControlKind.Value.capture_started,
    time_ns: toLong(at(10n)),
    sequence: toLong(5n),
    fresh: true,
    boot_id: 'b',
    command: "it's",
    virtual_addr: v4(2),
    where: v1.LossPlace.Value.ring,
    login_uid: 4294967295,
  }).finish();
  await store.deliver(segmentOf(dir, events, conn));
  await store.deliver(segmentOf(dir, [started], [{ first: 5n, last: 5n }], { id: 2, record: 'control' }));
});

afterAll(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

test('addresses are searched for and shown as people write them', async () => {
  expect(await ask(store, "SELECT conn_id, real_addr, client_addr FROM connections WHERE real_addr = '10.0.0.3'")).toBe(
    '2\t10.0.0.3\t10.0.0.9',
  );
  expect(await ask(store, "SELECT conn_id, client_addr, virtual_addr FROM connections WHERE client_addr = '2001:db8::7'")).toBe(
    '4\t2001:db8::7\t10.0.0.2',
  );
  expect(await ask(store, "SELECT count() FROM conn_events WHERE real_addr = '10.0.0.3'")).toBe('2');
});

test('a network is one of IPv4 or IPv6, whatever a column is of', async () => {
  const found = (where: string, from = 'conn_events', what = 'count()'): Promise<string> =>
    ask(store, `SELECT ${what} FROM ${from} WHERE ${where}`);
  const clients = "arrayStringConcat(arraySort(groupUniqArray(toString(conn_id))), ',')";
  for (const column of ['client_ip', 'client_addr']) {
    expect(await found(`inNetwork(${column}, '10.0.0.0/8')`, 'connections', clients)).toBe('1,2,3,5');
    expect(await found(`inNetwork(${column}, '10.0.0.9')`, 'connections', clients)).toBe('1,2,3,5');
    expect(await found(`inNetwork(${column}, '10.0.0.8/32')`, 'connections')).toBe('0');
    expect(await found(`inNetwork(${column}, '0.0.0.0/0')`, 'connections', clients)).toBe('1,2,3,5');
    expect(await found(`inNetwork(${column}, '2001:db8::/32')`, 'connections', clients)).toBe('4');
    expect(await found(`inNetwork(${column}, '2001:db8::7')`, 'connections', clients)).toBe('4');
    expect(await found(`inNetwork(${column}, '::ffff:10.0.0.0/104')`, 'connections', clients)).toBe('1,2,3,5');
    expect(await found(`inNetwork(${column}, '::/0')`, 'connections')).toBe('5');
  }
  expect(await found("inNetwork(client_addr, '10.0.0.0/30')")).toBe('0');
  expect(await found("inNetwork(real_addr, '10.0.0.0/30') AND sequence <= 4")).toBe('4');
  // No address at all is in no network of IPv4.
  expect(await found("kind = 'sched_fail' AND inNetwork(real_addr, '0.0.0.0/0')")).toBe('0');
  for (const wrong of ['10.0.0.0/33', '10.0.0.0/x', '10.0.0/8', 'web', '2001:db8::/129'])
    await expect(found(`inNetwork(client_ip, '${wrong}')`, 'connections'), wrong).rejects.toThrow();
});

test('a network that could match nothing is not asked for in silence', async () => {
  await expect(ask(store, "SELECT count() FROM connections WHERE isIPAddressInRange(client_ip, '10.0.0.0/8')")).rejects.toThrow(
    "isIPAddressInRange(client_ip, '10.0.0.0/8') is never true, since client_ip is an IPv6 address, in which 10.0.0.1 is ::ffff:10.0.0.1: write inNetwork(client_ip, '10.0.0.0/8').",
  );
  expect(await ask(store, "SELECT count() FROM connections WHERE isIPAddressInRange(client_ip, '2001:db8::/32')")).toBe('1');
  expect(await ask(store, "SELECT count() FROM connections WHERE isIPAddressInRange(client_addr, '10.0.0.0/8')")).toBe('4');
});

test('zone, mark and labels are there, and a label is a bit of a number', async () => {
  const bit = (label: number): string => `bitAnd(labels, bitShiftLeft(toUInt128(1), ${label})) != 0`;
  for (const table of ['connections', 'conn_events']) {
    const columns = `zone, mark, ${[0, 1, 2, 126, 127].map(bit).join(', ')}`;
    expect(await ask(store, `SELECT ${columns} FROM ${table} WHERE conn_id = 3 AND zone != 0`)).toBe('9\t4294967295\t1\t0\t1\t0\t1');
    expect(await ask(store, `SELECT DISTINCT zone, mark, labels FROM ${table} WHERE conn_id != 3`)).toBe('0\t0\t0');
  }
});

test('a connection is open, ended, or missed by a capture that remembered nothing', async () => {
  expect(
    await ask(store, "SELECT conn_id, is_open, reason, isNull(end), dateDiff('second', start, end) FROM connections ORDER BY conn_id"),
  ).toBe(
    ['1\tfalse\tmissed\t0\t9', '2\ttrue\tnone\t1\t\\N', '3\tfalse\tnodest\t0\t1', '4\ttrue\tnone\t1\t\\N', '5\ttrue\tnone\t1\t\\N'].join(
      '\n',
    ),
  );
  expect(
    await ask(
      store,
      'SELECT duration_s, bytes_in, scheduled_by, template_id, quiesced, protocol_name, state_name FROM connections WHERE conn_id = 3',
    ),
  ).toBe('1\t700\tpersistence\t5\ttrue\tTCP\tTIME_WAIT');
  expect(await ask(store, 'SELECT protocol_name, state_name FROM connections WHERE conn_id >= 4 ORDER BY conn_id')).toBe(
    'UDP\tNORMAL\nTCP\tASSURED',
  );
});

test('every field arrives, in its unit', async () => {
  expect(
    await ask(store, 'SELECT toUnixTimestamp64Nano(time_ns), time = time_ns, weight, node, epoch FROM conn_events WHERE sequence = 3'),
  ).toBe(`${MIDNIGHT + 3n * SECOND}\ttrue\t-1\tn\te`.replace('true', '1'));
  expect(await ask(store, 'SELECT kind, `where`, fresh, boot_id, command, login_uid FROM control_events')).toBe(
    "capture_started\tring\ttrue\tb\tit\\'s\t4294967295",
  );
  expect(await ask(store, 'SELECT record, segment, first, last, count FROM batches FINAL ORDER BY first')).toBe(
    'conn\t1\t1\t4\t4\ncontrol\t2\t5\t5\t1\nconn\t1\t6\t9\t4',
  );
});

const out = join(dir, 'outfile');
test.each([
  'INSERT INTO conn_events (node) VALUES (1)',
  'DROP TABLE conn_events',
  'TRUNCATE TABLE conn_events',
  'ALTER TABLE conn_events DELETE WHERE 1',
  'CREATE TABLE x (a Int8) ENGINE = Memory',
  'CREATE TEMPORARY TABLE x (a Int8)',
  'SET readonly = 0',
  'SELECT 1 SETTINGS readonly = 0',
  'SELECT * FROM (SELECT 1 SETTINGS readonly = 0)',
  'SELECT * FROM (SELECT 1 SETTINGS `readonly` = 0)',
  'WITH x AS (SELECT 1 SETTINGS max_execution_time = 0) SELECT * FROM x',
  'SELECT (SELECT 1 settings/**/max_execution_time=0)',
  'SELECT 1; DROP TABLE conn_events',
  'SELECT 1 /* ; */; DROP TABLE conn_events',
  'EXPLAIN SELECT 1; DROP TABLE conn_events',
  "SELECT formatQuery('x'), file('/etc/passwd')",
  "SELECT `file`('/etc/passwd')",
  "SELECT `\\x66ile`('/etc/passwd')",
  "SELECT arrayMap(file, ['/etc/passwd'])",
  "SELECT /* x */ FILE /* y */ ('/etc/passwd')",
  "SELECT * FROM file('/etc/passwd', 'LineAsString')",
  "SELECT * FROM view(SELECT file('/etc/passwd'))",
  'SELECT * FROM default.`/etc/passwd`',
  "DESCRIBE file('/etc/passwd')",
  "DESCRIBE (SELECT * FROM file('/etc/passwd'))",
  "EXPLAIN SELECT * FROM file('/etc/passwd', 'LineAsString')",
  "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
  "SELECT * FROM s3('http://127.0.0.1:1/a/b', 'CSV')",
  "SELECT * FROM remote('127.0.0.1:1', 'a.b')",
  "SELECT * FROM executable('id', 'TSV', 'a String')",
  "SELECT 1 INTO OUTFILE 'OUT'",
  "SELECT 1 INTO/**/OUTFILE 'OUT'",
  "SELECT 1 AS `x'`, file('/etc/passwd')",
  "SELECT 1 AS `x\\`'`, file('/etc/passwd')",
  "SELECT 1 AS \"x'\", file('/etc/passwd')",
  "SELECT $a$'$a$, file('/etc/passwd')",
  "SELECT 1 AS `x'` INTO OUTFILE 'OUT'",
  "SELECT 1 AS `x'`, (SELECT 2 SETTINGS max_execution_time = 0)",
  'SYSTEM SHUTDOWN',
  'KILL QUERY WHERE 1',
  'USE system',
  'SELECT',
  '',
])('refused: %s', async (sql) => {
  const asked = sql.replace("'OUT'", () => `'${out}'`);
  const error = await store.query(asked, { format: 'TSV' }).then(
    (bytes) => `answered: ${Buffer.from(bytes).toString()}`,
    (reason: unknown) => (reason as Error).message,
  );
  expect(error).not.toMatch(/^answered|DB::Exception|root:/);
  expect(error).toMatch(/^[^\n]+\.$/);
  expect(existsSync(out)).toBe(false);
  expect(await ask(store, 'SELECT count() FROM conn_events')).toBe('8');
});

test.each([
  "SELECT 'a;b' AS x -- a comment\n;",
  'WITH 1 AS x SELECT x',
  'SHOW TABLES',
  'DESCRIBE connections',
  'EXPLAIN SELECT * FROM connections',
  'EXISTS TABLE connections',
  'SHOW CREATE TABLE conn_events',
  'SELECT 1 FORMAT JSON',
  "SELECT 'file(x)' UNION ALL SELECT 'INTO OUTFILE'",
])('answered: %s', async (sql) => {
  expect(await ask(store, sql)).not.toBe('');
});

test('a query that takes too long is ended with a sentence', async () => {
  const endless = 'SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1';
  await expect(store.query(endless, { format: 'TSV', limits: { seconds: 1 } })).rejects.toThrow(/ClickHouse 159, TIMEOUT_EXCEEDED/);
});

const documented = [
  ...readFileSync(new URL('../../docs/sql.md', import.meta.url), 'utf8').matchAll(/```sql\n([^`]*(?:`where`[^`]*)*)```/g),
].map(([, sql = '']) => sql);

test('the documented queries are ten, two of rs_minute and one of networks', () => expect(documented).toHaveLength(13));

test.each(documented)('documented: %s', async (sql) => {
  expect((await store.query(sql, { format: 'TSVWithNames' })).length).toBeGreaterThan(0);
});

test.each(['connections', 'conn_events', 'rs_minute', 'incidents', 'control_events', 'names', 'batches'])(
  'every column of %s is documented',
  async (table) => {
    const section =
      readFileSync(new URL('../../docs/sql.md', import.meta.url), 'utf8')
        .split(`\n## ${table}\n`)[1]
        ?.split('\n## ')[0] ?? '';
    const columns = (await ask(store, `DESCRIBE ${table}`)).split('\n').map((line) => line.split('\t')[0] ?? '');
    expect(columns.filter((column) => !section.includes(`\`${column}\``))).toEqual([]);
  },
);

// The last one: it closes the store, and opens it again as one that gives less time.
test('no query gets more time than the store gives', async () => {
  await store.close();
  store = createEmbeddedStore({ dir: join(dir, 'ch'), maxQuerySeconds: 1 });
  const endless = 'SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1';
  for (const limits of [{}, { seconds: 3600 }])
    await expect(store.query(endless, { format: 'TSV', limits })).rejects.toThrow(/ClickHouse 159, TIMEOUT_EXCEEDED/);
});
