import { expect, test } from 'vitest';
import { contentType, encodingFor } from '../../../src/clickhouse-http/answer.js';
import { formParts } from '../../../src/clickhouse-http/body.js';
import { exceptionOf, exceptionText, statusOf } from '../../../src/clickhouse-http/exception.js';
import { harmlessSettings } from '../../../src/clickhouse-http/read-only-settings.js';
import { readRequest } from '../../../src/clickhouse-http/request.js';
import { intoFile, sessionStatements } from '../../../src/clickhouse-http/session.js';
import { isLoopback } from '../../../src/listen/loopback.js';

test('parameters, settings and the rest are told apart', () => {
  const parts = readRequest(
    new URLSearchParams('query=SELECT+1&param_a=x&max_threads=2&database=d&session_id=s&enable_http_compression=1'),
    { 'x-clickhouse-format': 'CSV' },
  );
  expect(parts).toMatchObject({ query: 'SELECT 1', database: 'd', format: 'CSV', compress: true, revision: 0, user: undefined });
  expect([...parts.parameters]).toEqual([['a', 'x']]);
  expect([...parts.settings]).toEqual([['max_threads', '2']]);
});

test.each([
  ['br', 'gzip, deflate, br'],
  ['gzip', 'gzip;q=0.5, br;q=0'],
  ['deflate', 'zstd, deflate'],
  [undefined, 'zstd, *'],
  [undefined, undefined],
])('%s for Accept-Encoding %s', (encoding, accept) => expect(encodingFor(accept)).toBe(encoding));

test.each([
  ['JSON', 'application/json; charset=UTF-8'],
  ['JSONCompact', 'application/json; charset=UTF-8'],
  ['JSONEachRow', 'application/x-ndjson; charset=UTF-8'],
  ['JSONCompactEachRow', 'application/x-ndjson; charset=UTF-8'],
  ['CSVWithNames', 'text/csv; charset=UTF-8; header=present'],
  ['TSVWithNames', 'text/tab-separated-values; charset=UTF-8'],
  ['Parquet', 'application/octet-stream'],
  ['PrettyCompact', 'text/plain; charset=UTF-8'],
])('format %s is %s', (format, type) => expect(contentType(format)).toBe(type));

test('a form’s parts', () => {
  const body = Buffer.from(
    '--b\r\nContent-Disposition: form-data; name="query"\r\n\r\nSELECT {x:String}\r\n--b\r\nContent-Disposition: form-data; name="param_x"\r\n\r\na\r\n--x\r\n\r\n--b--\r\n',
  );
  expect([...formParts(body, 'multipart/form-data; boundary=b')]).toEqual([
    ['query', 'SELECT {x:String}'],
    ['param_x', 'a\r\n--x\r\n'],
  ]);
  expect(() => formParts(body, 'multipart/form-data')).toThrow('without a boundary');
});

test('limits can be lowered and not raised, and nothing that names a file is harmless', () => {
  const limits = { max_execution_time: 60 };
  const kept = (name: string, value: string) => harmlessSettings(new Map([[name, value]]), limits).get(name);
  expect(['1', '60', '61', '0', '0.5'].map((value) => kept('max_execution_time', value))).toEqual(['1', '60', '60', '60', '0.5']);
  expect(() => kept('max_execution_time', 'long')).toThrow('must be a number');
  expect(kept('readonly', '2')).toBeUndefined();
  for (const name of [
    'readonly',
    'format_schema',
    'format_schema_source',
    'output_format_schema',
    'format_template_row',
    'format_avro_schema_registry_url',
    'allow_ddl',
    'log_comment',
    'workload',
    'max_execution_time_leaf',
  ])
    expect(() => kept(name, '0'), name).toThrow(`Cannot modify '${name}' setting in readonly mode`);
});

test('what a client says is quoted wherever it becomes SQL', () => {
  const statements = sessionStatements({
    id: "it's",
    database: 'a`b',
    settings: new Map([['s`', "v'"]]),
    parameters: new Map([['p', "x'; DROP"]]),
  });
  expect(statements).toEqual(['USE `a\\`b`', "SET log_comment = 'it\\'s'", "SET `s\\`` = 'v\\''", "SET `param_p` = 'x\\'; DROP'"]);
});

test('an answer goes into a file in the statement’s own format, or in the client’s', () => {
  expect(intoFile('SELECT 1 FORMAT JSON', 'TSV', '/x')).toEqual({
    sql: "SELECT 1 INTO OUTFILE '/x' TRUNCATE COMPRESSION 'none' FORMAT JSON",
    format: 'JSON',
  });
  expect(intoFile('SELECT 1', 'TSV', '/x')).toEqual({
    sql: "SELECT 1 INTO OUTFILE '/x' TRUNCATE COMPRESSION 'none' FORMAT TSV",
    format: 'TSV',
  });
});

test('an error is told as ClickHouse tells it', () => {
  const exception = exceptionOf(
    'Code: 73. DB::Exception: Code: 73. DB::Exception: Unknown format Nope. (UNKNOWN_FORMAT) (version 26.7.2.1). (UNKNOWN_FORMAT)',
  );
  expect([exception.code, exception.label, exception.message, statusOf(exception)]).toEqual([
    73,
    'UNKNOWN_FORMAT',
    'Unknown format Nope',
    404,
  ]);
  expect(exceptionText(exception, '1.2')).toBe('Code: 73. DB::Exception: Unknown format Nope. (UNKNOWN_FORMAT) (version 1.2 (vslog))\n');
  expect(statusOf(exceptionOf('something else'))).toBe(500);
});

test.each([
  ['localhost', true],
  ['127.0.0.1', true],
  ['127.1.2.3', true],
  ['[::1]', true],
  ['localhost.evil.example', false],
  ['127.0.0.1.evil.example', false],
  ['0.0.0.0', false],
  ['10.0.0.1', false],
])('%s is of loopback: %s', (host, is) => expect(isLoopback(host)).toBe(is));
