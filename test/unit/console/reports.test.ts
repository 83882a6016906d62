import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../../src/cli/failure.js';
import { ConsoleError } from '../../../src/console/errors.js';
import { LIMITS } from '../../../src/console/limits.js';
import { askReport, changeMarks, reportCsv, reportList } from '../../../src/console/reports.js';
import { changes } from '../../../src/report/changes.js';
import { reports } from '../../../src/report/index.js';
import type { Row } from '../../../src/report/report.js';
import { FakeSqlStore } from '../support/fake-sql-store.js';
import { fieldsOfPage } from '../support/page-types.js';

const { signal } = new AbortController();
const said = (text = ''): URLSearchParams => new URLSearchParams(text);

/** Rows of a report as the store answers them: cells in the order of its columns. */
const cells = (name: string, rows: readonly Row[]): unknown[][] => {
  const columns = reports.find((one) => one.name === name)?.question({}).columns ?? [];
  return rows.map((row) => columns.map((column) => row[column]));
};

const DROP = {
  ...{ real_server: '10.0.0.12:8080', service: 'tcp 10.0.0.2:80', client: '', packets: 1234, bytes: 99, connections: 2, clients: 1 },
  ...{ first: Date.UTC(2026, 0, 30, 10), last: Date.UTC(2026, 0, 30, 10, 1), removed: null, after: 55, spared: 4 },
};

describe('the list of reports', () => {
  it('is every report, with what the page shows of it', () => {
    const list = reportList() as Record<string, unknown>[];
    expect(list.map(({ name }) => name)).toEqual(reports.map(({ name }) => name));
    for (const one of list) expect(Object.keys(one).sort()).toEqual(fieldsOfPage('ReportInfo'));
    const { parameters } = list.find(({ name }) => name === 'top') as { parameters: unknown[] };
    expect(parameters[2]).toEqual({
      flag: 'by',
      argument: 'WHAT',
      doc: 'client, vs (virtual service) or rs (real server)',
      fallback: 'rs',
      required: false,
      words: ['client', 'vs', 'rs'],
    });
    for (const { flag, required } of (list.find(({ name }) => name === 'rs') as { parameters: { flag: string; required: boolean }[] })
      .parameters)
      expect(required, flag).toBe(flag === 'rs');
  });

  it('leaves the examples of the command line out', () => {
    for (const { more } of reportList() as { more: string }[]) {
      expect(more).not.toContain('vslog report');
      expect(more).toBe(more.trimEnd());
    }
  });
});

describe('what the page asks by itself', () => {
  const texts = readdirSync('web', { recursive: true, encoding: 'utf8' }).flatMap((name) =>
    /\.tsx?$/.test(name) ? [readFileSync(join('web', name), 'utf8')] : [],
  );
  const asked = texts.flatMap((text) =>
    [...text.matchAll(/askReport\('(\w+)', \{([^}]*)\}/g)].map(([, name = '', said = '']) => ({ name, said })),
  );
  const named = texts.flatMap((text) => [...text.matchAll(/report\.name === '(\w+)'/g)].map(([, name = '']) => name));

  it('is something', () => {
    expect(asked.map(({ name }) => name)).toEqual(expect.arrayContaining(['reasons', 'nodest', 'drain', 'loss']));
    expect(named).toEqual(expect.arrayContaining(['who', 'changes']));
  });

  it.each(asked)('is $name with $said', ({ name, said: flags }) => {
    const report = reports.find((one) => one.name === name);
    const known = report?.parameters.map(({ flag }) => flag);
    for (const [, flag] of flags.matchAll(/(\w+):/g)) expect(known).toContain(flag);
  });

  it.each(named)('is %s', (name) => expect(reports.map((one) => one.name)).toContain(name));
});

describe('a report of the page', () => {
  it('is cells as people read them, and what there is to draw', async () => {
    const store = new FakeSqlStore();
    store.rows = () => cells('nodest', [DROP]);
    const answer = (await askReport(store, 'nodest', said('since=2h&by=server&rs=10.0.0.12:8080&client='), signal)) as Record<
      string,
      unknown
    >;
    expect(Object.keys(answer).sort()).toEqual(['name', ...fieldsOfPage('ReportAnswer')].sort());
    expect(answer.name).toBe('nodest');
    expect(answer.sql).toBe(store.asked[0]?.sql);
    expect(answer.none).toBe('No packets were dropped for this reason in this period.');
    expect(answer.columns).toEqual(
      expect.arrayContaining([
        { title: 'real server', right: false },
        { title: 'packets dropped', right: true },
      ]),
    );
    expect(answer.cells).toEqual([
      ['10.0.0.12:8080', 'tcp 10.0.0.2:80', '', '1,234', '2', '1', '2026-01-30 10:00:00', '2026-01-30 10:01:00', '', '55 s', '4'],
    ]);
    expect(answer.more).toBe(false);
    expect(answer.values).toEqual([[...['10.0.0.12:8080', 'tcp 10.0.0.2:80', '', 1234, 2, 1], DROP.first, DROP.last, null, 55, 4]]);
    const behind = 'rs=10.0.0.12%3A8080&since=2h';
    const counted = `/connections?${behind}&vs=tcp+10.0.0.2%3A80`;
    expect(answer.links).toEqual([[`/connections?${behind}`, counted, null, counted, counted, counted, null, null, null, null, null]]);
    expect(answer.plot_links).toEqual([[counted]]);
    expect(answer.plot).toMatchObject({ kind: 'bars', bars: [{ label: '10.0.0.12:8080', parts: [{ name: 'packets', value: 1234 }] }] });
    expect(store.asked[0]?.options).toEqual({ format: 'JSONCompact', limits: LIMITS, signal });
    expect(store.asked[0]?.sql).toContain("real_addr = toIPv6('0000:0000:0000:0000:0000:ffff:0a00:000c') AND real_port = 8080");
  });

  it('without rows has no picture', async () => {
    expect(await askReport(new FakeSqlStore(), 'who', said(), signal)).toMatchObject({ cells: [], plot: null, more: false });
  });

  it('may have more where it has as many rows as it may', async () => {
    const store = new FakeSqlStore();
    store.rows = () => cells('nodest', [DROP, DROP]);
    expect(await askReport(store, 'nodest', said('limit=2'), signal)).toMatchObject({ more: true });
    expect(await askReport(store, 'nodest', said('limit=3'), signal)).toMatchObject({ more: false });
  });

  it.each([
    ['nothing', '', 404, /^There is no report "nothing": there are who, rs, drain, /],
    ['top', 'by=nobody', 400, /^by is "nobody": it must be one of client, vs, rs\.$/],
    ['who', 'outcome=gone', 400, /^outcome is "gone": it must be one of open, closed, reset, /],
    ['who', `limit=${LIMITS.rows + 1}`, 400, /^limit is 10001: it may be 10000 at most here; vslog report takes more\.$/],
  ])('%s?%s is refused', async (name, text, status, sentence) => {
    const store = new FakeSqlStore();
    const refused = await askReport(store, name, said(text), signal).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ConsoleError);
    expect(refused).toMatchObject({ status, message: expect.stringMatching(sentence) });
    expect(store.asked).toEqual([]);
  });

  it.each(['since=soon', 'rs=nowhere', 'since=1h&until=2h', 'limit=0'])('who?%s is refused as on the command line', async (text) => {
    await expect(askReport(new FakeSqlStore(), 'who', said(text), signal)).rejects.toBeInstanceOf(Failure);
  });

  it('asks nothing of the form that the report does not have', async () => {
    const store = new FakeSqlStore();
    await askReport(store, 'churn', said("client=10.0.0.1&x=' OR 1"), signal);
    expect(store.asked[0]?.sql).not.toMatch(/client|OR 1/);
  });

  it('is a file, too, with all that the store told', async () => {
    const store = new FakeSqlStore();
    store.rows = () => cells('nodest', [{ ...DROP, client: 'a "b"' }]);
    const [head, line] = (await reportCsv(store, 'nodest', said(), signal)).split('\r\n');
    expect(head).toBe('real_server,service,client,packets,bytes,connections,clients,first,last,removed,after,spared');
    expect(line).toBe(
      `10.0.0.12:8080,tcp 10.0.0.2:80,"a ""b""",1234,99,2,1,${new Date(DROP.first).toISOString()},${new Date(DROP.last).toISOString()},,55,4`,
    );
  });
});

describe('marks of changes on charts', () => {
  it('are what was changed when, and by whom', async () => {
    const store = new FakeSqlStore();
    const change = { kind: 'knob_changed', name: 'expire_nodest_conn', old_value: '0', new_value: '1', command: 'sysctl -w x' };
    store.rows = () => cells('changes', [{ ...change, time: Date.UTC(2026, 0, 30, 10, 0, 1, 234) }]);
    const marks = await changeMarks(store, said('since=1h&name=drop_entry&limit=1'), signal);
    expect(marks).toEqual([{ at: Date.UTC(2026, 0, 30, 10, 0, 1, 234), text: 'expire_nodest_conn: 0 → 1', who: 'sysctl -w x' }]);
    expect(store.asked[0]?.sql).toMatch(/ LIMIT 200$/);
    expect(store.asked[0]?.sql).toContain('service_added');
    expect(changes.question({}).columns[0]).toBe('time');
  });
});
