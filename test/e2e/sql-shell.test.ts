import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ApiError } from '../../src/api/errors.js';
import type { QueryLimits } from '../../src/store/store.js';
import { until } from '../support/patience.js';
import { collectorOf, delivered } from './collector-api.js';
import { Vslog } from './support/vslog.js';

const vslog = new Vslog();
const api = collectorOf(vslog);
/** In a folder where the collector may write. */
const OUT = join(vslog.dir, 'outfile');

beforeAll(async () => {
  const up = vslog.up('--source', 'scripted', '--scripted-events', '2000', '--scripted-rate', '0');
  await up.says(/ready: /);
  await delivered(api, 2000);
});
afterAll(() => vslog.clean());

/** How many of the endless queries run. */
async function running(): Promise<number> {
  const sql = "SELECT count() FROM system.processes WHERE query LIKE '%10000000000000%' AND query NOT LIKE '%processes%'";
  return Number((await api.sql(sql, 'TSV')).toString('utf8'));
}

const PROMPT = /vslog> $/;
const CTRL_C = '\u0003';
const CTRL_D = '\u0004';

test('a person asks, completes, cancels and leaves', async () => {
  const shell = vslog.terminal('sql');
  await shell.shows(PROMPT);
  // Over several lines, until the semicolon.
  await shell.types('SELECT 1 + 1\n', /-> $/);
  expect(await shell.types('AS two;\n', /ms\s+vslog> $/)).toMatch(/two\s+2\s+1 row/);
  // A tab goes on with the one table that begins so, and with a column of it.
  await shell.types('SELECT count() FROM conn_ev\t', /conn_events/);
  await shell.types(' WHERE sequ\t', /sequence/);
  expect(await shell.types(' > 5;\n', PROMPT)).toMatch(/1 row/);
  // Blocks, tables, a table's columns.
  await shell.types('\\x\n', /written as vertical/);
  expect(await shell.types('SELECT 7 AS seven;\n', PROMPT)).toMatch(/Row 1:[\s\S]*seven: 7/);
  await shell.types('\\x\n', /written as table/);
  expect(await shell.types('\\d\n', PROMPT)).toMatch(/connections\r?\n[\s\S]*rs_minute/);
  // More than the terminal has lines for is shown by a pager.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the pager's prompt has one.
  expect(await shell.types('\\d rs_minute\n', /:(?:\u001b\[\w*)*$/)).toMatch(/minute[\s\S]*creates/);
  await shell.types('q', PROMPT);
  // A command within a statement leaves that as it is; \\G answers with blocks.
  await shell.types('SELECT 5\n', /-> $/);
  await shell.types('\\timing\n', /timing is off[\s\S]*-> $/);
  expect(await shell.types('AS five\\G\n', PROMPT)).toMatch(/Row 1:[\s\S]*five: 5/);
  await shell.types('\\timing\n', /timing is on/);
  expect(await shell.types('SHOW TABLES;\n', PROMPT)).not.toMatch(/_feed/);
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
  await until('the query runs', async () => (await running()) > 0);
  expect(await shell.types(CTRL_C, PROMPT)).toMatch(/cancelled/);
  await until('the engine has ended it', async () => (await running()) === 0);
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

test('limits are told in a sentence, with what to do', async () => {
  const nonsense = [
    ['--max-time', 'soon'],
    ['--max-memory', '-1'],
    ['--max-rows', '0'],
  ] as const;
  const [slow, large, long, few, ...refused] = await Promise.all([
    vslog.ran('sql', '--max-time', '1s', 'SELECT count() FROM numbers(10000000000000) WHERE sipHash64(number) = 1'),
    vslog.ran('sql', '--max-memory', '50MB', 'SELECT uniqExact(number) FROM numbers(100000000)'),
    vslog.ran('sql', '--max-rows', '10', 'SELECT number FROM numbers(100000)'),
    vslog.ran('sql', '--max-rows', '10', 'SELECT number FROM numbers(10)'),
    ...nonsense.map(([flag, value]) => vslog.ran('sql', flag, value, 'SELECT 1')),
  ]);
  expect(slow.code).not.toBe(0);
  expect(slow.err).toMatch(/It took too long: .*--max-time/);
  expect(large.err).toMatch(/too much memory: .*--max-memory/);
  expect(long.err).toMatch(/The answer is too large: .*--max-rows/);
  expect(few.code, few.err).toBe(0);
  expect(refused).toMatchObject(
    nonsense.map(([flag, value]) => ({ code: 2, err: expect.stringMatching(`${flag} is "${value}"`) as string })),
  );
});

test('binary answers go into a file, and not onto a terminal', async () => {
  const [parquet, arrow] = ['events.parquet', 'events.arrow'].map((name) => join(vslog.dir, name)) as [string, string];
  const [first, second] = await Promise.all([
    vslog.ran('sql', '-f', 'parquet', '-o', parquet, 'SELECT sequence, kind FROM conn_events LIMIT 10'),
    vslog.ran('sql', '-f', 'arrow', '-o', arrow, 'SELECT sequence FROM conn_events LIMIT 10'),
  ]);
  expect([first, second].map(({ code, err }) => [code, err])).toEqual([
    [0, ''],
    [0, ''],
  ]);
  expect(readFileSync(parquet).subarray(0, 4).toString()).toBe('PAR1');
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
  ["SELECT 1 INTO OUTFILE 'OUT'", /INTO OUTFILE/],
  ["SELECT 1 AS `x'`, file('/etc/passwd')", /not allowed/],
  ["SELECT 1 AS `x'` INTO OUTFILE 'OUT'", /INTO OUTFILE/],
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
async function refusal(sql: string, limits: QueryLimits = {}): Promise<string> {
  try {
    await api.sql(sql, 'TSV', limits);
    return '';
  } catch (error) {
    return error instanceof ApiError ? error.message : `no answer: ${String(error)}`;
  }
}

test.each(REFUSED)('SQL only reads: %s', async (sql, why) => {
  const sentence = await refusal(sql.replace("'OUT'", () => `'${OUT}'`));
  expect(sentence).toMatch(why);
  expect(sentence).toMatch(/^[^\n]{15,}$/);
  expect(sentence).not.toMatch(/^no answer/);
});

test('no file was written', () => {
  expect(existsSync(OUT)).toBe(false);
});

test.each(EXHAUSTING)('SQL exhausts nothing: %s', async (sql) => {
  expect(await refusal(sql, { seconds: 2, memory: 500_000_000 })).toMatch(/ClickHouse (159|241|306|396), [A-Z_]+\)\.$/m);
  expect(await refusal('SELECT count() FROM conn_events')).toBe('');
});

test('the collector goes on', () => {
  const status = JSON.parse(vslog.run('status', '--json').out) as { sinks: { error: string | null }[] };
  expect(status.sinks[0]?.error).toBeNull();
});
