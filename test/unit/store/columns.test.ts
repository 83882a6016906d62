import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { columnsOf } from '../../../src/store/columns.js';
import { loadMigrations } from '../../../src/store/migrate.js';
import { fieldOf, protobufColumns } from '../../../src/store/protobuf-columns.js';
import { protobufSchema } from '../../../src/store/protobuf-schema.js';

/** Names of a message's fields, in the order of the file. */
function fieldsOf(message: string): { type: string; name: string }[] {
  const body = protobufSchema(message).split(`message ${message} {`)[1]?.split('\n}')[0] ?? '';
  return [...body.matchAll(/^ {2}([\w.]+) (\w+) = \d+;/gm)].map(([, type = '', name = '']) => ({ type, name }));
}

const TYPES: Record<string, RegExp> = {
  fixed64: /^(UInt64|DateTime64\(9, 'UTC'\))$/,
  uint64: /^UInt64$/,
  uint32: /^UInt32$/,
  sint32: /^Int32$/,
  bool: /^Bool$/,
  bytes: /^(IPv6|UInt128)$/,
  string: /^String$/,
};

test.each([
  ['ConnEvent', 'conn_events'],
  ['ControlEvent', 'control_events'],
])('every field of %s is a column of %s, and no other column comes from the file', (message, table) => {
  const fields = fieldsOf(message);
  const all = columnsOf(loadMigrations(), table);
  const columns = new Map(all.map(({ name, type }) => [name, type]));
  expect(fields.length).toBeGreaterThan(20);
  const filled = all.filter(({ name, computed }) => !computed && name !== 'node' && name !== 'epoch');
  expect(filled.map(({ name }) => fieldOf(name)).sort()).toEqual(fields.map(({ name }) => name).sort());
  for (const { type, name } of fields) {
    const enumeration = /^(\w+)\.Value$/.exec(type)?.[1];
    if (enumeration === undefined) expect(columns.get(name), name).toMatch(TYPES[type] ?? /no such type/);
    else expect(columns.get(name), name).toBe(`Enum8(${valuesOf(enumeration)})`);
    if (name.endsWith('time_ns') || /_ns$/.test(name))
      expect(columns.get(name), name).toMatch(name === 'duration_ns' ? /UInt64/ : /DateTime64/);
  }
});

function valuesOf(enumeration: string): string {
  const body = protobufSchema(enumeration).split(`message ${enumeration} {`)[1]?.split('}')[0] ?? '';
  return [...body.matchAll(/^ {4}(\w+) = (\d+);/gm)].map(([, name, number]) => `'${name}' = ${number}`).join(', ');
}

test('the schema for ClickHouse is the file itself without its package', () => {
  const file = readFileSync(new URL('../../../proto/vslog/v1/socket.proto', import.meta.url), 'utf8');
  expect(protobufSchema('Hello')).toBe(file.replace('package vslog.v1;', ''));
  expect(() => protobufSchema('Nothing')).toThrow('There is no message Nothing');
});

test('a column that holds a field in another form is made of the field', () => {
  const { names, structure, values } = protobufColumns([['created_skew', 'Int64']], 'k');
  expect([names, structure]).toEqual(['`created_skew`', '`created_ns` UInt64']);
  expect(values).toBe(
    'if(k.`created_ns` = 0, toInt64(-9223372036854775808), toInt64(k.`created_ns`) - toInt64(k.`time_ns`) + toInt64(k.`duration_ns`))',
  );
});

test.each([
  ['kind', 'EventKind'],
  ['reason', 'EndReason'],
  ['scheduled_by', 'ScheduledBy'],
  ['forward', 'ForwardMethod'],
  ['control kind', 'ControlKind'],
  ['through', 'Through'],
  ['loss', 'LossPlace'],
])('view names has every %s', (what, enumeration) => {
  const view =
    loadMigrations()
      .flatMap(({ statements }) => statements)
      .findLast((sql) => sql.startsWith('CREATE VIEW IF NOT EXISTS vslog.names ')) ?? '';
  const found = [...view.matchAll(/\('([\w ]+)', (\d+), '(\w+)', '[^']+'\)/g)].filter((match) => match[1] === what);
  expect(found.length).toBeGreaterThan(1);
  expect(found.map(([, , number, name]) => `'${name}' = ${number}`).join(', ')).toBe(valuesOf(enumeration));
});
