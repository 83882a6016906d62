import { describe, expect, it } from 'vitest';
import { valuesOf } from '../../../src/cli/report-values.js';
import { reports } from '../../../src/report/index.js';
import type { Report, Row, Values } from '../../../src/report/report.js';
import { variantsOf } from '../support/report-variants.js';

const TEN = Date.UTC(2026, 0, 30, 10);
const MINUTE = 60_000;
const HOUR: Values = { since: TEN, until: TEN + 60 * MINUTE };
const A = '10.0.0.11:8080';
const B = '10.0.0.12:8080';
const WEB = 'tcp 10.0.0.2:80';
const [AT_TEN, FIVE_PAST] = ['2026-01-30 10:00:00', '2026-01-30 10:05:00'];

interface Shown {
  readonly values?: Values;
  /** As the store answers. */
  readonly rows: readonly Row[];
  /** As people read them. */
  readonly cells: readonly (readonly string[])[];
  /** What there is to draw, in part. */
  readonly plot: object | undefined;
}

const SHOWN: Readonly<Record<string, Shown>> = {
  who: {
    rows: [
      {
        ...{ client: '10.0.0.101:1001', service: WEB, real_server: A, begin: TEN, finish: TEN + 5 * MINUTE, seconds: 300 },
        ...{ outcome: 'closed', state: 'TIME_WAIT', reason: 'timeout' },
        bytes: 1000,
      },
      {
        ...{ client: '10.0.0.102:1002', service: WEB, real_server: B, begin: TEN, finish: null, seconds: null },
        ...{ outcome: 'open', state: 'SYN_RECV', reason: 'none' },
        bytes: 0,
      },
    ],
    cells: [
      ['10.0.0.101:1001', WEB, A, AT_TEN, FIVE_PAST, '5 min', 'closed', '1000 B'],
      ['10.0.0.102:1002', WEB, B, AT_TEN, '', '', 'open, SYN_RECV', '0 B'],
    ],
    plot: {
      ...{ kind: 'spans', title: 'when they were there', begin: TEN, end: TEN + 60 * MINUTE },
      spans: [
        { label: '10.0.0.101:1001', begin: TEN, end: TEN + 5 * MINUTE, note: 'closed' },
        { label: '10.0.0.102:1002', begin: TEN, end: null, note: 'open, SYN_RECV' },
      ],
    },
  },
  rs: {
    rows: [
      { ...{ at: TEN, creates: 2, quiesced: 0, ends: 1, cut: 1 }, ...{ active: 1, drops: 0, bytes: 500, changes: '', step: 60 } },
      {
        ...{ at: TEN + 3 * MINUTE, creates: 1, quiesced: 1, ends: 0, cut: 0 },
        ...{ active: '2', drops: 6, bytes: 0, changes: '10:03 weight=1 → weight=0' },
      },
    ],
    cells: [
      [AT_TEN, '2', '0', '1', '1', '1', '0', '500 B', ''],
      ['2026-01-30 10:03:00', '1', '1', '0', '0', '2', '6', '0 B', '10:03 weight=1 → weight=0'],
    ],
    plot: {
      ...{ kind: 'lines', begin: TEN, step: MINUTE },
      lines: [
        { name: 'open', unit: 'count', values: [1, 1, 1, 2] },
        { name: 'new', unit: 'count', values: [2, 0, 0, 1] },
        { name: 'cut', unit: 'count', values: [1, 0, 0, 0] },
        { name: 'drops', unit: 'count', values: [0, 0, 0, 6] },
      ],
      marks: [{ at: TEN + 3 * MINUTE, text: 'weight=1 → weight=0' }],
    },
  },
  drain: {
    rows: [
      {
        ...{ began: TEN, real_server: A, service: WEB, held: 2, seconds: 1080, left: 0, cut: 1 },
        ...{ until: TEN + 5 * MINUTE, how: 'weight 1', command: 'ipvsadm -e' },
      },
      {
        ...{ began: TEN, real_server: B, service: WEB, held: 3, seconds: null, left: 3, cut: 0 },
        ...{ until: null, how: 'still quiesced', command: 'vslog' },
      },
    ],
    cells: [
      [AT_TEN, A, WEB, '2', '18 min', '0', '1', FIVE_PAST, 'weight 1', 'ipvsadm -e'],
      [AT_TEN, B, WEB, '3', '', '3', '0', '', 'still quiesced', 'vslog'],
    ],
    plot: { kind: 'bars', unit: 'seconds', bars: [{ label: A, parts: [{ name: 'seconds', value: 1080 }] }] },
  },
  nodest: {
    values: { ...HOUR, by: 'client' },
    rows: [
      {
        ...{ real_server: B, service: WEB, client: '10.0.0.103', packets: 5, bytes: 300, connections: 1, clients: 1 },
        first: TEN,
        last: TEN + 5 * MINUTE,
        removed: TEN,
        after: 300,
        spared: 4,
      },
    ],
    cells: [[B, WEB, '10.0.0.103', '5', '1', '1', AT_TEN, FIVE_PAST, AT_TEN, '5 min', '4']],
    plot: { kind: 'bars', bars: [{ label: `10.0.0.103 > ${B}`, parts: [{ name: 'packets', value: 5 }] }] },
  },
  affinity: {
    rows: [{ real_server: A, service: WEB, client: '10.0.0.102', connections: 7, templates: 1, first: TEN, last: TEN + 5 * MINUTE }],
    cells: [[A, WEB, '10.0.0.102', '7', '1', AT_TEN, FIVE_PAST]],
    plot: { kind: 'bars', bars: [{ label: `10.0.0.102 > ${A}`, parts: [{ name: 'connections', value: 7 }] }] },
  },
  reasons: {
    rows: [
      { what: A, outcome: 'closed', ends: 3, share: 0.75, median: 119.4 },
      { what: B, outcome: 'server_removed', ends: 1, share: 1, median: null },
      { what: A, outcome: 'never_established', ends: 1, share: 0.25, median: 60 },
    ],
    cells: [
      [A, 'closed', '3', '75.0 %', '1 min 59 s'],
      [B, 'server removed', '1', '100.0 %', ''],
      [A, 'never established', '1', '25.0 %', '1 min'],
    ],
    plot: {
      ...{ kind: 'bars', title: 'ends by outcome' },
      bars: [
        {
          label: A,
          parts: [
            { name: 'closed', value: 3 },
            { name: 'never established', value: 1 },
          ],
        },
        { label: B, parts: [{ name: 'server removed', value: 1 }] },
      ],
    },
  },
  churn: {
    rows: [
      { ...{ at: TEN, creates: 30, ends: 6, creates_per_minute: 30, ends_per_minute: 6, failed: 1 }, median: 1.5, p99: 90, step: 60 },
      {
        ...{ at: TEN + 2 * MINUTE, creates: 3, ends: 0, creates_per_minute: 3, ends_per_minute: 0, failed: 0 },
        median: null,
        p99: null,
        step: 60,
      },
    ],
    cells: [
      [AT_TEN, '30', '6', '30', '6', '1', '1.5 s', '1 min 30 s'],
      ['2026-01-30 10:02:00', '3', '0', '3', '0', '0', '', ''],
    ],
    plot: {
      ...{ kind: 'lines', begin: TEN, step: MINUTE },
      lines: [
        { name: 'new', unit: 'count', values: [30, 0, 3] },
        { name: 'ended', unit: 'count', values: [6, 0, 0] },
        { name: 'lifetime', unit: 'seconds', values: [1.5, 0, 0] },
      ],
    },
  },
  top: {
    values: { ...HOUR, by: 'client', of: 'bytes' },
    rows: [{ what: '10.0.0.102', value: '1030', share: 0.507, of: 'bytes' }],
    cells: [['10.0.0.102', '1.0 KiB', 'bytes', '50.7 %']],
    plot: { kind: 'bars', unit: 'bytes', title: 'bytes', bars: [{ label: '10.0.0.102', parts: [{ name: 'bytes', value: 1030 }] }] },
  },
  thresholds: {
    rows: [
      { real_server: A, service: WEB, begin: TEN, finish: TEN + 5 * MINUTE, seconds: 300, upper: 3, lower: 2, node: 'lb1' },
      { real_server: B, service: WEB, begin: TEN, finish: null, seconds: null, upper: 3, lower: 0, node: 'lb1' },
    ],
    cells: [
      [A, WEB, AT_TEN, FIVE_PAST, '5 min', '3', '2'],
      [B, WEB, AT_TEN, '', '', '3', '0'],
    ],
    plot: {
      ...{ kind: 'spans', begin: TEN, end: TEN + 60 * MINUTE },
      spans: [
        { label: A, begin: TEN, end: TEN + 5 * MINUTE, note: '' },
        { label: B, begin: TEN, end: null, note: '' },
      ],
    },
  },
  changes: {
    rows: [
      {
        ...{
          time: TEN,
          kind: 'real_changed',
          name: '',
          service: WEB,
          real_server: A,
          node: 'lb1',
          netns: 1,
          detail: '',
        },
        ...{ old_value: 'weight=1', new_value: 'weight=0', uid: 4_294_967_295, login_uid: 4_294_967_295 },
        ...{ pid: 12, command: 'ipvsadm', parent_pid: 0, parent_command: '', through: 'netlink' },
      },
    ],
    cells: [[AT_TEN, 'unknown user: ipvsadm (pid 12)', `real server ${A} of ${WEB}`, 'weight=1 → weight=0', 'netlink']],
    plot: undefined,
  },
  reuse: {
    rows: [{ service: WEB, real_server: B, reused: 5, ended_by_it: 4, elsewhere: 2, at_once: 1, clients: 1 }],
    cells: [[WEB, B, '5', '4', '2', '1', '1']],
    plot: {
      kind: 'bars',
      bars: [
        {
          label: B,
          parts: [
            { name: 'same server', value: 3 },
            { name: 'elsewhere', value: 2 },
          ],
        },
      ],
    },
  },
  loss: {
    rows: [
      { at: null, place: 'ledger', lost: 3, first: null, last: null, detail: 'sequences 5 to 7 of epoch e', node: 'lb1', epoch: 'e' },
      { at: TEN, place: 'ring', lost: '7', first: TEN, last: TEN + 5 * MINUTE, detail: 'The ring was full.', node: 'lb1', epoch: 'e' },
      { at: TEN, place: 'ring', lost: '1', first: TEN, last: TEN, detail: 'The ring was full.', node: 'lb1', epoch: 'e' },
    ],
    cells: [
      ['', 'ledger', '3', '', '', 'sequences 5 to 7 of epoch e', 'lb1'],
      [AT_TEN, 'ring', '7', AT_TEN, FIVE_PAST, 'The ring was full.', 'lb1'],
      [AT_TEN, 'ring', '1', AT_TEN, AT_TEN, 'The ring was full.', 'lb1'],
    ],
    plot: {
      kind: 'bars',
      bars: [
        { label: 'ledger', parts: [{ name: 'events', value: 3 }] },
        { label: 'ring', parts: [{ name: 'events', value: 8 }] },
      ],
    },
  },
  window: {
    rows: [
      { weekday: 1, hour: 3, creates: 0.5, most: 1, active: 0, weeks: 4 },
      { weekday: 7, hour: 23, creates: 12, most: 20, active: 3.3, weeks: 3 },
    ],
    cells: [
      ['Monday 03:00', '0.5', '1', '0', '4'],
      ['Sunday 23:00', '12', '20', '3.3', '3'],
    ],
    plot: { kind: 'heat', rows: expect.arrayContaining(['Monday', 'Sunday']), columns: expect.arrayContaining(['0', '23']) },
  },
};

/** A row whose columns are those that the report names: to read another one is an error. */
function strict(report: Report, row: Row): Row {
  const columns = new Set<PropertyKey>(report.question({}).columns);
  return new Proxy(row, {
    get(target, name) {
      if (typeof name === 'string' && !columns.has(name)) throw new Error(`${report.name} reads ${name}, which its question does not ask.`);
      return Reflect.get(target, name) as unknown;
    },
  });
}

describe.each(reports.map((report) => [report.name, report] as const))('report %s', (name, report) => {
  const { rows, cells, plot, values = HOUR } = SHOWN[name] ?? { rows: [], cells: [], plot: undefined };
  const read = rows.map((row) => strict(report, row));

  it('shows rows as people read them', () => {
    expect(read.map((row) => report.columns.filter(({ wide }) => wide !== true).map((column) => column.cell(row, 'UTC')))).toEqual(cells);
    expect(rows.length).toBeGreaterThan(0);
  });

  it('draws what there is to draw', () => {
    const drawn = report.plot?.(read, values);
    if (plot === undefined) expect(drawn).toBeUndefined();
    else expect(drawn).toMatchObject(plot);
    expect(report.plot?.([], values)).toBeUndefined();
  });

  it('has columns that its answer has, each by a name of its own', () => {
    const { columns } = report.question(values);
    for (const { name: column } of report.columns) expect(columns).toContain(column);
    expect(new Set(report.columns.map((one) => one.name)).size).toBe(report.columns.length);
  });

  it('has samples of what its question asks, and of nothing else', () => {
    const { columns } = report.question(values);
    for (const row of rows) expect(Object.keys(row).filter((column) => !columns.includes(column))).toEqual([]);
    expect(new Set(columns).size).toBe(columns.length);
  });

  it('asks for the same columns, in one statement, whatever is said', () => {
    for (const { title, values: said } of variantsOf(report)) {
      const { sql, columns, none } = report.question(said);
      expect(columns, title).toEqual(report.question(values).columns);
      expect(sql, title).toMatch(/^SELECT .*[^;]$/);
      expect(sql, title).not.toMatch(/undefined|NaN|\[object/);
      expect(none, title).toMatch(/^[A-Z].*\.$/);
    }
  });

  it('has a limit where people may set one', () => {
    const { parameters } = report;
    const of = (limit: number): string => report.question({ ...values, limit }).sql;
    if (parameters.some(({ sets }) => sets === 'limit')) expect(of(7)).toMatch(/ LIMIT 7\b/);
    else expect(of(7)).toBe(of(8));
  });

  it('explains itself, and each flag once', () => {
    expect(report.doc).toMatch(/^[A-Z].*\.$/);
    expect(report.more).toContain(`\n  vslog report ${name}`);
    const flags = report.parameters.map(({ flag }) => flag);
    expect(new Set(flags).size).toBe(flags.length);
    for (const { words, fallback } of report.parameters)
      if (words !== undefined && fallback !== undefined) expect(words).toContain(fallback);
  });
});

it('every report has samples, and its name once', () => {
  expect(reports.map(({ name }) => name)).toEqual(Object.keys(SHOWN));
});

const named = (name: string): Report => reports.find((one) => one.name === name) as Report;

it('who is there with an outcome, or without an end, where that is asked for', () => {
  const sqlOf = (outcome?: 'open' | 'reset'): string => named('who').question(outcome === undefined ? {} : { outcome }).sql;
  expect(sqlOf('reset')).toMatch(/ AND NOT is_open AND outcome = 'reset' ORDER BY/);
  expect(sqlOf('open')).toMatch(/ NOT is_template AND is_open ORDER BY/);
  expect(sqlOf()).toMatch(/ NOT is_template ORDER BY/);
});

describe('pictures', () => {
  it('of a long list show its first lines', () => {
    const many = (row: Row | undefined) => Array.from({ length: 30 }, () => row ?? {});
    expect(named('who').plot?.(many(SHOWN.who?.rows[0]), HOUR)).toMatchObject({ title: 'newest 24 connections', spans: { length: 24 } });
    expect(named('thresholds').plot?.(many(SHOWN.thresholds?.rows[0]), HOUR)).toMatchObject({ spans: { length: 24 } });
    for (const name of ['nodest', 'affinity', 'reuse'])
      expect(named(name).plot?.(many(SHOWN[name]?.rows[0]), HOUR)).toMatchObject({ bars: { length: 20 } });
  });

  it('of lifetimes are a bar a class', () => {
    const rows = [
      { what: '1 s - 2 s', reason: '', ends: 3, share: 0.75, median: null },
      { what: '2 s - 4.1 s', reason: '', ends: 1, share: 0.25, median: null },
    ];
    expect(named('reasons').plot?.(rows, { by: 'lifetime' })).toMatchObject({
      title: 'ends by lifetime',
      bars: [
        { label: '1 s - 2 s', parts: [{ name: 'ends', value: 3 }] },
        { label: '2 s - 4.1 s', parts: [{ name: 'ends', value: 1 }] },
      ],
    });
  });

  it('of drains that all go on are none', () => {
    expect(named('drain').plot?.((SHOWN.drain?.rows ?? []).slice(1), HOUR)).toBeUndefined();
  });

  it('of a week have a cell for each hour; what the log does not have is not known', () => {
    const plot = named('window').plot?.(SHOWN.window?.rows ?? [], HOUR);
    if (plot?.kind !== 'heat') throw new Error('It is no heat map.');
    expect(plot.cells.map((row) => row.length)).toEqual(Array(7).fill(24));
    expect([plot.cells[0]?.[3], plot.cells[6]?.[23], plot.cells[6]?.[22]]).toEqual([0.5, 12, null]);
  });
});

describe('what a report asks', () => {
  const sql = (name: string, said: Readonly<Record<string, string>> = {}): string =>
    named(name).question(valuesOf(named(name), said, TEN)).sql;

  it('is of counts a minute where these can tell, else of connections', () => {
    expect(sql('top')).toContain('FROM rs_minute');
    expect(sql('top', { by: 'vs', of: 'drops' })).toContain('FROM rs_minute');
    expect(sql('top', { by: 'client' })).not.toContain('rs_minute');
    expect(sql('top', { client: '10.0.0.1' })).toContain('FROM connections');
    expect(sql('top', { by: 'client', of: 'drops' })).toContain("FROM incidents WHERE kind = 'nodest_drop'");
  });

  it('is of time before the time asked for, where something there counts', () => {
    expect(sql('reuse', { since: '1h', within: '600' })).toContain(`toInt64(${TEN - 70 * MINUTE})`);
    expect(sql('reuse', { since: '1h', within: '600' })).toContain(
      `start >= fromUnixTimestamp64Milli(toInt64(${TEN - 60 * MINUTE}), 'UTC')`,
    );
  });

  it('is of whole hours, for windows of the week', () => {
    const asked = sql('window', { since: '2026-01-29T10:20', until: '2026-01-30T09:40' });
    // The first whole hour begins within an hour of the beginning, in the zone of who asks.
    const hour = (ms: number): string => `toStartOfHour(fromUnixTimestamp64Milli(toInt64(${ms}), 'UTC'), 'UTC')`;
    const [first, end] = [Date.UTC(2026, 0, 29, 10, 20) + 3_599_999, Date.UTC(2026, 0, 30, 9, 40)];
    expect(asked).toContain(`HAVING at >= ${hour(first)} AND at < ${hour(end)} ORDER BY at`);
  });

  it('leaves clients out where a table has none', () => {
    const client = [{ address: new Uint8Array(16), prefix: 128, port: undefined }];
    for (const name of ['drain', 'thresholds']) expect(named(name).question({ ...HOUR, client }).sql).not.toContain('client');
  });
});
