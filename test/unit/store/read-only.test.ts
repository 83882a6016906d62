import { expect, test } from 'vitest';
import { engineError } from '../../../src/store/errors.js';
import { readingStatement } from '../../../src/store/read-only.js';

/** Stands for an engine that would write the statement as it is. */
const check = (sql: string): Promise<string> => readingStatement({ text: async () => JSON.stringify([sql]) }, sql);

test.each([
  "SELECT count() FROM conn_events WHERE real_addr = '10.0.0.1'",
  "SELECT 'INTO OUTFILE file(x) url(y)'",
  "SELECT 'it\\'s', 'file('",
  'WITH 1 AS x SELECT x',
  'SHOW TABLES',
  'DESCRIBE TABLE connections',
  'DESCRIBE TABLE vslog.`connections` FORMAT JSON',
  'EXPLAIN SELECT 1',
  'EXISTS TABLE connections',
  'SELECT name FROM system.remote_data_paths',
  "SELECT 1 AS `it's`, 2 AS `a b`",
])('%s is allowed', async (sql) => {
  expect(await check(sql)).toBe(sql);
});

test.each([
  ['DROP TABLE conn_events', 'Only SELECT'],
  ['INSERT INTO conn_events SELECT 1', 'Only SELECT'],
  ['SET readonly = 0', 'Only SELECT'],
  ['KILL QUERY WHERE 1', 'Only SELECT'],
  ["SELECT 1 INTO OUTFILE '/tmp/x'", 'INTO OUTFILE is not allowed'],
  ["SELECT file('/etc/passwd')", '"file" is not allowed'],
  ["SELECT arrayMap(file, ['/etc/passwd'])", '"file" is not allowed'],
  ["SELECT * FROM url('http://a')", '"url" is not allowed'],
  ["SELECT * FROM s3('http://a')", '"s3" is not allowed'],
  ["SELECT * FROM remote('a', 'b')", '"remote" is not allowed'],
  ["DESCRIBE TABLE file('/etc/passwd')", 'only the name of a table'],
  // A quote within a name hides nothing.
  ["SELECT 1 AS `x'`, file('/etc/passwd')", '"file" is not allowed'],
  ["SELECT 1 AS `x'` INTO OUTFILE '/tmp/x'", 'INTO OUTFILE is not allowed'],
  ["SELECT 1 AS `x'`, (SELECT 2 SETTINGS max_execution_time = 0)", 'SETTINGS are not allowed'],
  ["SELECT 1 AS `x\\`'`, file('/etc/passwd')", '"file" is not allowed'],
  ["SELECT '`', file('/etc/passwd'), '`'", '"file" is not allowed'],
  ["SELECT `file`('/etc/passwd')", '"file" is not allowed'],
  ["SELECT * FROM `url`('http://a')", '"url" is not allowed'],
  ["SELECT 1 AS `x, file('/etc/passwd')", 'A quote is not closed'],
  [
    "SELECT 1 FROM c WHERE isIPAddressInRange(c.client_ip, '10.0.0.0/8')",
    "is never true, since c.client_ip is an IPv6 address, in which 10.0.0.1 is ::ffff:10.0.0.1: write inNetwork(c.client_ip, '10.0.0.0/8').",
  ],
])('%s is refused', async (sql, sentence) => {
  await expect(check(sql)).rejects.toThrow(sentence);
});

test('an error of the engine becomes one sentence with its code', () => {
  const said =
    "Code: 60. DB::Exception: Unknown table expression identifier 't' in scope SELECT count() FROM t. Maybe you meant vslog.t?. (UNKNOWN_TABLE)";
  const error = engineError(said);
  expect(error.code).toBe(60);
  expect(error.message).toMatch(/^Unknown table expression identifier 't' .*\(ClickHouse 60, UNKNOWN_TABLE\)\.$/);
  expect(engineError('Code: 164. DB::Exception: default: Cannot execute query in readonly mode. (READONLY)').message).toBe(
    'Cannot execute query in readonly mode (ClickHouse 164, READONLY).',
  );
});
