import { expect, it } from 'vitest';
import { sqlErrorText } from '../../../src/cli/sql-error.js';

// As ClickHouse says them, after src/store/errors.ts.
it.each([
  [
    'SELECT clent_addr FROM connections',
    "Unknown expression identifier `clent_addr` in scope SELECT clent_addr FROM connections. Maybe you meant: ['client_addr'] (ClickHouse 47, UNKNOWN_IDENTIFIER).",
    [
      'There is no column clent_addr: do you mean client_addr? (ClickHouse 47, UNKNOWN_IDENTIFIER)',
      '  SELECT clent_addr FROM connections',
      '         ^',
    ],
  ],
  [
    'SELECT * FORM connections',
    'Syntax error: failed at position 15 (connections): connections. Expected alias cannot be here (ClickHouse 62, SYNTAX_ERROR).',
    [
      'Syntax error in line 1, column 15: "connections" is not expected here; do you mean FROM before it? (ClickHouse 62, SYNTAX_ERROR)',
      '  SELECT * FORM connections',
      '                ^',
    ],
  ],
  [
    'SELECT count() FROM conections',
    "Unknown table expression identifier 'conections' in scope SELECT count() FROM conections. Maybe you meant vslog.connections? (ClickHouse 60, UNKNOWN_TABLE).",
    [
      'There is no table conections: do you mean connections? (ClickHouse 60, UNKNOWN_TABLE)',
      '  SELECT count() FROM conections',
      '                      ^',
    ],
  ],
  [
    'SELECT coun() FROM connections',
    "Function with name `coun` does not exist. In scope SELECT coun() FROM connections. Maybe you meant: ['count','cosh'] (ClickHouse 46, UNKNOWN_FUNCTION).",
    [
      'There is no function coun: do you mean count or cosh? (ClickHouse 46, UNKNOWN_FUNCTION)',
      '  SELECT coun() FROM connections',
      '         ^',
    ],
  ],
  [
    "SELECT * FROM connections WHERE real_addr = '10.0.0.1",
    "Single quoted string is not closed: Syntax error: failed at position 45 ('10.0.0.1): '10.0.0.1 (ClickHouse 62, SYNTAX_ERROR).",
    [
      'Syntax error in line 1, column 45: Single quoted string is not closed. (ClickHouse 62, SYNTAX_ERROR)',
      "  SELECT * FROM connections WHERE real_addr = '10.0.0.1",
      `  ${' '.repeat(44)}^`,
    ],
  ],
  [
    'SELECT *\nFROM connections\nWHERE real_addr == = 1',
    'Syntax error: failed at position 46 (=) (line 3, col 20): = 1. Expected one of: CAST operator, ANY, SOME, ALL, NOT, INTERVAL, CASE (ClickHouse 62, SYNTAX_ERROR).',
    [
      'Syntax error in line 3, column 20: "=" is not expected here. (ClickHouse 62, SYNTAX_ERROR)',
      '  WHERE real_addr == = 1',
      `  ${' '.repeat(19)}^`,
    ],
  ],
  [
    'SELECT',
    'Syntax error: failed at position 7 (end of query): . Expected one of: ALL, DISTINCT ON, DISTINCT, TOP (ClickHouse 62, SYNTAX_ERROR).',
    ['Syntax error in line 1, column 7: The query is not complete. (ClickHouse 62, SYNTAX_ERROR)', '  SELECT', '        ^'],
  ],
  [
    "SELECT * FROM connections WHERE start > 'x'",
    "Cannot read DateTime: unexpected alphabetical character: while converting 'x' to DateTime64(9, 'UTC'): while executing function greater on arguments __table1.start (ClickHouse 41, CANNOT_PARSE_DATETIME).",
    ['Cannot read DateTime: unexpected alphabetical character. (ClickHouse 41, CANNOT_PARSE_DATETIME)'],
  ],
  ['SELECT 1', 'The store is away.', ['The store is away.']],
])('%s', (sql, message, lines) => {
  expect(sqlErrorText(sql, message).split('\n')).toEqual(lines);
});

it('a long line is cut around the place', () => {
  const sql = `SELECT ${'a, '.repeat(60)}clent_addr${', b'.repeat(60)} FROM connections`;
  const [, line = '', caret = ''] = sqlErrorText(
    sql,
    "Unknown expression identifier `clent_addr` in scope x. Maybe you meant: ['client_addr'] (ClickHouse 47).",
  ).split('\n');
  expect(line.slice(caret.indexOf('^'))).toMatch(/^clent_addr/);
  expect(line.length).toBeLessThan(90);
  expect(line).toMatch(/^ {2}….*…$/);
});
