import { describe, expect, it } from 'vitest';
import { Failure } from '../../../src/cli/failure.js';
import { changelog } from '../../../src/console/changelog.js';
import { ConsoleError } from '../../../src/console/errors.js';
import { askStory } from '../../../src/console/story.js';
import { changes } from '../../../src/report/changes.js';
import { FakeSqlStore } from '../support/fake-sql-store.js';

const { signal } = new AbortController();
const story = (store: FakeSqlStore, said: string) => askStory(store, async (rows) => rows, new URLSearchParams(said), signal);

describe('a story that the page asks for', () => {
  it('is some short questions, each within its limits', async () => {
    const store = new FakeSqlStore();
    const answer = await story(store, 'client=10.0.0.1&since=2026-01-30T10:00&until=2026-01-30T11:00&node=lb1');
    expect(answer).toMatchObject({
      ...{ client: '10.0.0.1', since: Date.UTC(2026, 0, 30, 10), until: Date.UTC(2026, 0, 30, 11), connections: [], stays: [] },
      total: { connections: 0, first: null },
    });
    expect(store.asked.length).toBeGreaterThan(4);
    for (const { sql, options } of store.asked) {
      expect(options).toEqual({ format: 'JSONCompact', limits: { seconds: 15, rows: 1000 }, signal });
      expect(sql).toContain("node = 'lb1'");
      expect(sql).toContain('ffff:0a00:0001');
    }
  });

  it.each([
    ['', 400, 'Say whose story'],
    ['conn=abc', 400, 'conn is "abc": it must be the number of a connection'],
    ["conn=1'", 400, 'it must be the number of a connection'],
    ['conn=0', 400, 'it must be the number of a connection'],
    ['conn=7', 404, 'The log has no connection 7'],
    ['client=10.0.0.1&zone=Nowhere/Land', 400, 'zone is "Nowhere/Land"'],
  ])('of %j is refused with %d', async (said, status, sentence) => {
    const refused = await story(new FakeSqlStore(), said).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ConsoleError);
    expect(refused).toMatchObject({ status, message: expect.stringContaining(sentence) });
  });

  it.each(['client=nonsense!', 'client=10.0.0.1&since=soon', 'client=10.0.0.1&since=1h&until=2h'])(
    'of %j is refused as on the command line',
    async (said) => {
      await expect(story(new FakeSqlStore(), said)).rejects.toBeInstanceOf(Failure);
    },
  );
});

describe('the changes that the page lists', () => {
  it('are short, with the whole command line behind each, as many as the limit lets through', async () => {
    const store = new FakeSqlStore();
    const line = `for alice@console: vslog collect --data-dir /var/lib/vslog ${'x'.repeat(100)}`;
    const row: Record<string, unknown> = {
      time: 1,
      kind: 'knob_changed',
      name: 'drop_entry',
      old_value: '0',
      new_value: '1',
      uid: 0,
      command: line,
      pid: 12,
      through: 'vslog',
      node: 'lb1',
    };
    store.rows = () => [changes.question({}).columns.map((column) => row[column] ?? '')];
    const found = await changelog(store, new URLSearchParams('limit=1'), signal);
    expect(found).toMatchObject({ more: true, none: 'The log has no such change.', sql: store.asked[0]?.sql });
    expect(found.changes).toEqual([
      {
        at: 1,
        node: 'lb1',
        who: 'alice@console',
        whole: expect.stringContaining(line),
        what: 'drop_entry',
        change: '0 → 1',
        through: 'vslog',
      },
    ]);
  });

  it('are those of a week, 200 of them, where nothing is said', async () => {
    const store = new FakeSqlStore();
    await changelog(store, new URLSearchParams(), signal);
    expect(store.asked[0]?.sql).toMatch(/ LIMIT 200$/);
    expect(store.asked[0]?.sql).toContain('time_ns >=');
  });
});
