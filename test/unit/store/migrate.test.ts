import { expect, test } from 'vitest';
import { loadMigrations, type Migration, migrate, type StatementRunner } from '../../../src/store/migrate.js';

function runner(applied: string): StatementRunner & { ran: string[] } {
  const ran: string[] = [];
  return { ran, write: async (sql) => void ran.push(sql), text: async () => applied };
}

const one: Migration = { version: 1, name: '001_a.sql', sha256: 'aa', statements: ['A'] };
const two: Migration = { version: 2, name: '002_b.sql', sha256: 'bb', statements: ['B', 'C'] };

test('only what is new runs, in order, and each statement is remembered, the migration after all of its statements', async () => {
  const engine = runner('1\taa');
  await migrate(engine, [one, two]);
  expect(engine.ran.slice(2)).toEqual([
    expect.stringContaining('CREATE TABLE IF NOT EXISTS vslog.schema_steps'),
    'B',
    expect.stringMatching(/^INSERT INTO vslog.schema_steps .*\(2, 'bb', 1\)$/),
    'C',
    expect.stringMatching(/^INSERT INTO vslog.schema_steps .*\(2, 'bb', 2\)$/),
    expect.stringContaining("(2, '002_b.sql', 'bb')"),
    'DROP TABLE IF EXISTS vslog.schema_steps',
  ]);
});

test('a changed migration and a newer store are refused in a sentence', async () => {
  await expect(migrate(runner('1\tzz'), [one, two])).rejects.toThrow('Migration 001_a.sql is not the one that made');
  await expect(migrate(runner('1\taa\n7\txx'), [one])).rejects.toThrow('made by a newer vslog (migration 7, this one knows 1)');
});

test('the migrations are numbered from 1 without gaps, and each statement is one', () => {
  const all = loadMigrations();
  expect(all.length).toBeGreaterThan(0);
  expect(all.map(({ version }) => version)).toEqual(all.map((_, index) => index + 1));
  for (const { statements } of all) for (const sql of statements) expect(sql).toMatch(/^(CREATE|ALTER|DROP|INSERT) /);
});
