import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { loadMigrations } from '../../../src/store/embedded/migrate.js';
import { protobufSchema } from '../../../src/store/protobuf-schema.js';

/** Names of a message's fields, in the order of the file. */
function fieldsOf(message: string): { type: string; name: string }[] {
  const body = protobufSchema(message).split(`message ${message} {`)[1]?.split('\n}')[0] ?? '';
  return [...body.matchAll(/^ {2}([\w.]+) (\w+) = \d+;/gm)].map(([, type = '', name = '']) => ({ type, name }));
}

/** A table's columns from its CREATE statement and those that were added later; in quotes are the ones of a record. */
function columnsOf(table: string): Map<string, string> {
  const statements = loadMigrations().flatMap((migration) => migration.statements);
  const created = statements.find((sql) => sql.includes(`TABLE IF NOT EXISTS ${table} (`)) ?? '';
  const added = statements.filter((sql) => sql.startsWith(`ALTER TABLE ${table} ADD COLUMN`)).join('\n');
  const columns = [...created.matchAll(/^ {2}`(\w+)` (.*?)(?: CODEC.*)?,?$/gm), ...added.matchAll(/EXISTS `(\w+)` (.*?)(?: CODEC.*)?$/gm)];
  const changed = statements.flatMap((sql) => {
    const [, name = '', type = ''] = new RegExp(`^ALTER TABLE ${table.replace('.', '\\.')} MODIFY COLUMN \`(\\w+)\` (.*)$`).exec(sql) ?? [];
    return name === '' ? [] : [[name, type] as const];
  });
  return new Map([...columns.map(([, name = '', type = '']) => [name, type] as const), ...changed]);
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
  ['ConnEvent', 'vslog.conn_events'],
  ['ControlEvent', 'vslog.control_events'],
])('every field of %s is a column of %s, and no other column comes from the file', (message, table) => {
  const fields = fieldsOf(message);
  const columns = columnsOf(table);
  expect(fields.length).toBeGreaterThan(20);
  expect([...columns.keys()]).toEqual(fields.map(({ name }) => name));
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
  return [...body.matchAll(/^ {4}(\w+) = (\d+);/gm)].map(([, name, number]) => `'${name}'=${number}`).join(',');
}

test('the schema for ClickHouse is the file itself without its package', () => {
  const file = readFileSync(new URL('../../../proto/vslog/v1/socket.proto', import.meta.url), 'utf8');
  expect(protobufSchema('Hello')).toBe(file.replace('package vslog.v1;', ''));
  expect(() => protobufSchema('Nothing')).toThrow('There is no message Nothing');
});
