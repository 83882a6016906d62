import { describe, expect, it } from 'vitest';
import { ConsoleError } from '../../../src/console/errors.js';
import { askHistory, stepFor } from '../../../src/console/history.js';
import { FakeSqlStore } from '../support/fake-sql-store.js';
import { fieldsOfPage } from '../support/page-types.js';

const { signal } = new AbortController();
const NOW = Date.UTC(2026, 0, 31, 12, 0, 30);
const MINUTE = 60_000;
const said = (text: string): URLSearchParams => new URLSearchParams(text);

/** A store that knows these servers, with what was open when the time began, and these moves: name, minutes before NOW's minute, new, seen, ended, forgotten. */
function storeOf(
  servers: readonly (readonly [name: string, before: number])[],
  moves: readonly (readonly [string, number, number, number, number, number])[] = [],
): FakeSqlStore {
  const store = new FakeSqlStore();
  const minute = Date.UTC(2026, 0, 31, 12);
  store.rows = (sql) =>
    sql.includes('AS busy') ? servers : moves.map(([name, ago, ...counts]) => [name, String(minute - ago * MINUTE), ...counts.map(String)]);
  return store;
}

describe('how long a piece of a time is', () => {
  it.each([
    [60, 1],
    [15 * 60, 10],
    [3600, 60],
    [86_400, 900],
    [7 * 86_400, 7200],
    [30 * 86_400, 43_200],
    [365 * 86_400, 604_800],
  ])('of %d s: %d s', (span, step) => expect(stepFor(span * 1000)).toBe(step));
});

describe('the history of a time', () => {
  it('is what came and went, and what was open, to the piece that still runs', async () => {
    const store = storeOf(
      [
        ['10.0.0.1:80', 5],
        ['10.0.0.2:80', 1],
      ],
      [
        ['10.0.0.1:80', 59, 10, 0, 2, 0],
        ['10.0.0.2:80', 59, 0, 3, 0, 4],
        ['10.0.0.1:80', 0, 1, 0, 0, 0],
      ],
    );
    const history = await askHistory(store, said('since=1h'), NOW, signal);
    expect(Object.keys(history).sort()).toEqual(fieldsOfPage('History'));
    expect(history).toMatchObject({ begin: Date.UTC(2026, 0, 31, 11), step: MINUTE, until: NOW, running: true, others: null });
    expect(history.new).toHaveLength(61);
    expect([history.new[1], history.ended[1], history.new[60]]).toEqual([10, 2, 1]);
    expect([history.open[0], history.open[1], history.open[59], history.open[60]]).toEqual([6, 13, 13, 14]);
    expect(history.servers.map(({ name, open }) => [name, open[0], open[60]])).toEqual([
      ['10.0.0.1:80', 5, 14],
      ['10.0.0.2:80', 1, 0],
    ]);
  });

  it('has lines of the ten real servers with most to do, and one of all others', async () => {
    const names = Array.from({ length: 12 }, (_, i) => [`10.0.0.${i}:80`, 1] as const);
    const store = storeOf(names, [['', 30, 7, 0, 0, 0]]);
    const { servers, others, open } = await askHistory(store, said('since=1h'), NOW, signal);
    expect(servers.map(({ name }) => name)).toEqual(names.slice(0, 10).map(([name]) => name));
    expect([others?.[0], others?.at(-1), open.at(-1)]).toEqual([2, 9, 19]);
    expect(store.asked[1]?.sql).toContain("'10.0.0.9:80'), ");
    expect(store.asked[1]?.sql).not.toContain('10.0.0.10:80');
  });

  it('is counted from minutes, or from events where pieces are shorter', async () => {
    const store = storeOf([]);
    await askHistory(store, said('since=6h&vs=tcp+192.0.2.1:80&node=lb1'), NOW, signal);
    await askHistory(store, said('since=10m'), NOW, signal);
    const [, minutes = '', , events = ''] = store.asked.map(({ sql }) => sql);
    expect(minutes).toContain('FROM rs_minute');
    expect(minutes).toContain("node = 'lb1'");
    expect(minutes).toContain('virtual_port = 80');
    expect(events).toContain('FROM conn_events');
    expect(events).not.toContain('FROM rs_minute');
  });

  it("begins days at the reader's midnight", async () => {
    const { begin, step } = await askHistory(storeOf([]), said('since=2025-11-01&zone=Asia/Kolkata'), NOW, signal);
    expect([step, new Date(begin).toISOString()]).toEqual([86_400_000, '2025-10-31T18:30:00.000Z']);
  });

  it('is that of a time that is over, too', async () => {
    const { until, running } = await askHistory(storeOf([]), said('since=2026-01-30T10:00&until=2026-01-30T10:30'), NOW, signal);
    expect([until, running]).toEqual([Date.UTC(2026, 0, 30, 10, 30), false]);
  });

  it('ends where the store does while events wait on their way to it', async () => {
    const store = storeOf([]);
    const { rows } = store;
    store.rows = (sql) => (sql.includes('AS newest') ? [[String(NOW - 65_000)]] : rows(sql));
    const late = await askHistory(store, said('since=1h'), NOW, signal, async () => true);
    expect(late).toMatchObject({ known: NOW - 65_000, until: NOW, running: true });
    expect(late.new).toHaveLength(60);
    expect(await askHistory(storeOf([]), said('since=1h'), NOW, signal, async () => true)).toMatchObject({ known: NOW, running: true });
    const past = await askHistory(store, said('since=2h&until=1h'), NOW, signal, async () => true);
    expect(past.known).toBe(Date.UTC(2026, 0, 31, 11, 1));
  });

  it('is cut where the time ends within a piece, and says so', async () => {
    expect(await askHistory(storeOf([]), said('since=2026-01-29T10:00&until=2026-01-30T10:10'), NOW, signal)).toMatchObject({
      ...{ step: 900_000, known: Date.UTC(2026, 0, 30, 10, 10), running: true },
    });
  });

  it.each(['since=1h&until=2h', 'since=2001-01-01', 'zone=Mars'])('%s is refused', async (text) => {
    await expect(askHistory(storeOf([]), said(text), NOW, signal)).rejects.toBeInstanceOf(ConsoleError);
  });
});
