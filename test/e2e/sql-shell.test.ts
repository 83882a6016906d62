import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ApiClient } from '../../src/api/client.js';
import { ApiError } from '../../src/api/errors.js';
import { until, Vslog } from './support/vslog.js';

const vslog = new Vslog();

beforeAll(async () => {
  const up = vslog.up('--source', 'scripted', '--scripted-rate', '2000', '--clickhouse-http-listen', '', '--metrics-listen', '');
  await up.says(/ready: /);
  await until('events can be asked for', () =>
    Number(vslog.run('sql', 'SELECT count() FROM conn_events').out.split('\n')[1]) > 1000 ? true : undefined,
  );
});
afterAll(() => vslog.clean());

const PROMPT = /vslog> $/;
const CTRL_C = '\u0003';
const CTRL_D = '\u0004';

test('a person asks, completes, cancels and leaves', async () => {
  const shell = vslog.terminal('sql');
  await shell.shows(PROMPT);
  // Over several lines, until the semicolon.
  await shell.types('SELECT 1 + 1\n', /-> $/);
  expect(await shell.types('AS two;\n', /ms\s+vslog> $/)).toMatch(/│ two │[\s\S]*│ {3}2 │[\s\S]*1 row/);
  // A tab goes on with the one table that begins so, and with a column of it.
  await shell.types('SELECT count() FROM conn_ev\t', /conn_events/);
  await shell.types(' WHERE sequ\t', /sequence/);
  expect(await shell.types(' > 5;\n', PROMPT)).toMatch(/1 row/);
  // Blocks, tables, a table's columns.
  await shell.types('\\x\n', /written as vertical/);
  expect(await shell.types('SELECT 7 AS seven;\n', PROMPT)).toMatch(/Row 1:[\s\S]*seven: 7/);
  await shell.types('\\x\n', /written as table/);
  expect(await shell.types('\\d\n', PROMPT)).toMatch(/connections\r?\n[\s\S]*rs_minute/);
  expect(await shell.types('\\d rs_minute\n', PROMPT)).toMatch(/minute[\s\S]*creates/);
  expect(await shell.types('\\l\n', PROMPT)).toMatch(/conn_events/);
  // Wrong words get sentences, and the shell goes on.
  expect(await shell.types('SELECT nothing FROM conn_events;\n', PROMPT)).toMatch(/nothing/);
  expect(await shell.types('\\nonsense\n', PROMPT)).toMatch(/There is no \\nonsense/);
  expect(await shell.types('\\f parquet\n', PROMPT)).toMatch(/nothing for a terminal/);
  expect(await shell.types('\\f csv\n', PROMPT)).not.toMatch(/no format/);
  expect(await shell.types("SELECT 'a', 2;\n", PROMPT)).toMatch(/"a",2/);
  // What is typed is cleared; what runs is cancelled.
  await shell.types('SELECT nonsen', /nonsen/);
  await shell.types(CTRL_C, PROMPT);
  await shell.types('SELECT count() FROM numbers(10000000000000) WHERE sipHash64(number) = 1;\n', /= 1;/);
  await until('the query runs', () =>
    /[1-9]/.test(
      vslog
        .run('sql', "SELECT count() FROM system.processes WHERE query LIKE '%10000000000000%' AND query NOT LIKE '%processes%'")
        .out.split('\n')[1] ?? '',
    )
      ? true
      : undefined,
  );
  expect(await shell.types(CTRL_C, PROMPT)).toMatch(/cancelled/);
  await until('the engine has ended it', () =>
    vslog
      .run('sql', "SELECT count() FROM system.processes WHERE query LIKE '%10000000000000%' AND query NOT LIKE '%processes%'")
      .out.split('\n')[1] === '0'
      ? true
      : undefined,
  );
  expect(await shell.types('SELECT 3;\n', PROMPT)).toMatch(/3/);
  await shell.types(CTRL_D, /$/);
  expect(await shell.ended).toBe(0);

  const history = join(vslog.dir, '.local/state/vslog/sql_history');
  expect(statSync(history).mode & 0o777).toBe(0o600);
  expect(readFileSync(history, 'utf8')).toMatch(/^SELECT 1 \+ 1 AS two;\n/);
  // The next one knows what was asked before.
  const again = vslog.terminal('sql');
  await again.shows(PROMPT);
  await again.types('\u001b[A', /SELECT 3;/);
  await again.types('\n', /3[\s\S]*vslog> $/);
  await again.types('\\q\n', /$/);
  expect(await again.ended).toBe(0);
});

test('limits are told in a sentence, with what to do', () => {
  const slow = vslog.run('sql', '--max-time', '1s', 'SELECT count() FROM numbers(10000000000000) WHERE sipHash64(number) = 1');
  expect(slow.code).not.toBe(0);
  expect(slow.err).toMatch(/It took too long: .*--max-time/);
  const large = vslog.run('sql', '--max-memory', '50MB', 'SELECT uniqExact(number) FROM numbers(100000000)');
  expect(large.err).toMatch(/too much memory: .*--max-memory/);
  const long = vslog.run('sql', '--max-rows', '10', 'SELECT number FROM numbers(100000)');
  expect(long.err).toMatch(/The answer is too large: .*--max-rows/);
  expect(vslog.run('sql', '--max-rows', '10', 'SELECT number FROM numbers(10)').code).toBe(0);
  for (const [flag, value] of [
    ['--max-time', 'soon'],
    ['--max-memory', '-1'],
    ['--max-rows', '0'],
  ] as const)
    expect(vslog.run('sql', flag, value, 'SELECT 1')).toMatchObject({ code: 2, err: expect.stringMatching(`${flag} is "${value}"`) });
});

test('binary answers go into a file, and not onto a terminal', async () => {
  const file = join(vslog.dir, 'events.parquet');
  expect(vslog.run('sql', '-f', 'parquet', '-o', file, 'SELECT sequence, kind FROM conn_events LIMIT 10').code).toBe(0);
  expect(readFileSync(file).subarray(0, 4).toString()).toBe('PAR1');
  const arrow = join(vslog.dir, 'events.arrow');
  expect(vslog.run('sql', '-f', 'arrow', '-o', arrow, 'SELECT sequence FROM conn_events LIMIT 10').code).toBe(0);
  expect(readFileSync(arrow).subarray(0, 6).toString()).toBe('ARROW1');
  const terminal = vslog.terminal('sql', '-f', 'parquet', 'SELECT 1');
  await terminal.says(/nothing for a terminal: write it into a file by --output FILE/);
  expect(await terminal.ended).toBe(2);
});

/** Ways out of reading, each with a part of the sentence that refuses it. */
const REFUSED: readonly (readonly [string, RegExp])[] = [
  ["SELECT * FROM file('/etc/passwd', 'LineAsString')", /not allowed/],
  ["SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')", /not allowed/],
  ["SELECT * FROM s3('http://127.0.0.1:1/b/k', 'LineAsString')", /not allowed/],
  ["SELECT * FROM remote('127.0.0.1', system.one)", /not allowed/],
  ["SELECT * FROM executable('id', 'LineAsString', 'x String')", /not allowed/],
  ["SELECT * FROM mysql('127.0.0.1:1', 'd', 't', 'u', 'p')", /not allowed/],
  ["SELECT file('/etc/passwd')", /not allowed/],
  ["SELECT 1 INTO OUTFILE '/tmp/vslog-outfile'", /INTO OUTFILE/],
  ["SELECT 1 AS `x'`, file('/etc/passwd')", /not allowed/],
  ["SELECT 1 AS `x'` INTO OUTFILE '/tmp/vslog-outfile'", /INTO OUTFILE/],
  ['INSERT INTO conn_events SELECT * FROM conn_events', /Only SELECT/],
  ['ALTER TABLE conn_events DELETE WHERE 1', /Only SELECT/],
  ['DROP TABLE conn_events', /Only SELECT/],
  ['TRUNCATE TABLE conn_events', /Only SELECT/],
  ['CREATE TABLE x (a UInt8) ENGINE = Memory', /Only SELECT/],
  ['SET readonly = 0', /Only SELECT/],
  ['SYSTEM SHUTDOWN', /Only SELECT/],
  ['ATTACH TABLE x', /Only SELECT/],
  ['KILL QUERY WHERE 1', /Only SELECT/],
  ['SELECT 1 SETTINGS readonly = 0', /SETTINGS/],
  ['SELECT * FROM (SELECT 1 SETTINGS max_memory_usage = 0)', /SETTINGS/],
  ['SELECT 1; DROP TABLE conn_events', /./],
  ["DESCRIBE url('http://127.0.0.1:1/')", /DESCRIBE takes only/],
  ["SELECT * FROM merge('vslog', 'no_such_table_here')", /./],
];

/** Ways to take everything, each ended by a limit. */
const EXHAUSTING = [
  'SELECT count() FROM numbers(10000000000) AS a CROSS JOIN numbers(10000000000) AS b WHERE sipHash64(a.number, b.number) = 1',
  'SELECT length(arrayJoin(arrayMap(x -> range(100000000), range(1000))))',
  "SELECT length(groupArray(repeat('x', 1000000))) FROM numbers(1000000)",
  'WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT count() FROM r',
  'SELECT uniqExact(number) FROM numbers(100000000000)',
];

/** What the collector says to a statement; empty when it answers. */
async function refusal(sql: string): Promise<string> {
  const api = new ApiClient(join(vslog.dir, 'collector.sock'));
  try {
    await api.sql(sql, 'TSV', { seconds: 3, memory: 500_000_000 });
    return '';
  } catch (error) {
    return error instanceof ApiError ? error.message : `no answer: ${String(error)}`;
  }
}

test.each(REFUSED)('SQL only reads: %s', async (sql, why) => {
  const sentence = await refusal(sql);
  expect(sentence).toMatch(why);
  expect(sentence).toMatch(/^[^\n]{15,}$/);
  expect(sentence).not.toMatch(/^no answer/);
});

test('no file was written', () => {
  expect(() => statSync('/tmp/vslog-outfile')).toThrow();
});

test.each(EXHAUSTING)('SQL exhausts nothing: %s', async (sql) => {
  expect(await refusal(sql)).toMatch(/ClickHouse (159|241|306|396), [A-Z_]+\)\.$/m);
  expect(await refusal('SELECT count() FROM conn_events')).toBe('');
});

test('the collector goes on', () => {
  const status = JSON.parse(vslog.run('status', '--json').out) as { sinks: { error: string | null }[] };
  expect(status.sinks[0]?.error).toBeNull();
});
