import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { peopleText } from '../../src/cli/listing.js';
import { machineRow, reportListing } from '../../src/cli/report-text.js';
import { valuesOf } from '../../src/cli/report-values.js';
import { drawPlot } from '../../src/plot/terminal.js';
import { reports } from '../../src/report/index.js';
import type { Report, Row, Values } from '../../src/report/report.js';
import { createEmbeddedStore, type Store } from '../../src/store/index.js';
import { expectDocument } from '../support/documents.js';
import { expectPictured, picturesOf } from '../unit/support/pictures.js';
import { NEXT_DAY, TEN, tellStory } from './report-story.js';

/** The hour that the story is of. */
const HOUR = { since: '2026-01-30T10:00', until: '2026-01-30T11:00' };
const NOW = TEN + 3_600_000;
const A = '10.0.0.11:8080';
const B = '10.0.0.12:8080';
const WEB = 'tcp 10.0.0.2:80';
/** The hour of lb2's story. */
const LATER = { since: '2026-01-31T10:00', until: '2026-01-31T11:00', node: 'lb2' };
const LONG = 18_250 * 86_400_000;

let dir = '';
let store: Store;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'vslog-report-'));
  const retention = { events: LONG, connections: LONG, minutes: LONG, control: LONG };
  store = createEmbeddedStore({ dir: join(dir, 'ch'), retention });
  await tellStory(store, dir);
});

afterAll(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

const named = (name: string): Report => {
  const report = reports.find((one) => one.name === name);
  if (report === undefined) throw new Error(`There is no report ${name}.`);
  return report;
};

async function asked(report: Report, said: Readonly<Record<string, string>>): Promise<{ rows: Row[]; values: Values }> {
  const values = valuesOf(report, { ...HOUR, ...said }, NOW);
  const question = report.question(values);
  const answer = await store.query(question.sql, { format: 'JSONCompact' });
  const { data } = JSON.parse(Buffer.from(answer).toString('utf8')) as { data: readonly (readonly unknown[])[] };
  return { values, rows: data.map((cells) => Object.fromEntries(question.columns.map((name, i) => [name, cells[i]]))) };
}

/** Chosen columns of a report's rows. Times are seconds after ten; counts are numbers. */
async function told(name: string, columns: readonly string[], said: Readonly<Record<string, string>> = {}): Promise<unknown[][]> {
  const { rows } = await asked(named(name), said);
  const times = new Set(['at', 'begin', 'finish', 'began', 'until', 'first', 'last', 'removed']);
  return rows.map((row) =>
    columns.map((column) => {
      const value = row[column];
      if (value === null || value === undefined) return null;
      if (times.has(column)) return (Number(value) - TEN) / 1000;
      return /^-?\d+(\.\d+)?$/.test(String(value)) ? Number(value) : value;
    }),
  );
}

test('who: everybody who was on A from 10:00 to 10:02, the newest first, whether they have left or not', async () => {
  const columns = ['client', 'real_server', 'begin', 'finish', 'seconds', 'outcome', 'bytes'];
  expect(await told('who', columns, { rs: A, until: '2026-01-30T10:02' })).toEqual([
    ['10.0.0.102:1002', A, 60, 1260, 1200, 'idle', 1000],
    ['10.0.0.101:1001', A, 0, 300, 300, 'closed', 1000],
  ]);
  // c3 is open; the one that ended at 10:05 was there when 10:05 began.
  expect(await told('who', columns, { client: '10.0.0.101', since: '2026-01-30T10:05' })).toEqual([
    ['10.0.0.101:1003', B, 120, null, null, 'open', 0],
    ['10.0.0.101:1001', A, 0, 300, 300, 'closed', 1000],
  ]);
  expect(await told('who', ['client'], { client: '10.0.0.102/31', vs: WEB })).toEqual([
    ['10.0.0.103:2000'],
    ['10.0.0.103:2000'],
    ['10.0.0.103:2000'],
    ['10.0.0.102:1004'],
    ['10.0.0.102:1002'],
  ]);
});

test('rs: A got four connections, one while quiesced; none was cut, one of B was; it changed at 10:03 and 10:30 and was overloaded twice', async () => {
  const rows = await told('rs', ['at', 'creates', 'quiesced', 'ends', 'cut', 'active', 'bytes'], { rs: A });
  const sum = (at: number): number => rows.reduce((all, row) => all + Number(row[at]), 0);
  expect([sum(1), sum(2), sum(3), sum(4), sum(6)]).toEqual([4, 1, 4, 0, 1000 + 1000 + 30 + 3]);
  expect(
    (await told('rs', ['cut'], { rs: B }))
      .flat()
      .map(Number)
      .reduce((a, b) => a + b),
  ).toBe(1);
  // Open at the end of each minute: c1; and c2; and c5; c1 and c5 leave; c2 leaves; c6 comes and goes.
  expect(rows.map((row) => [row[0], row[5]])).toEqual([
    [0, 1],
    [60, 2],
    [180, 2],
    [240, 3],
    [300, 2],
    [360, 1],
    [1260, 0],
    [1800, 0],
    [2400, 1],
    [2460, 0],
    [3000, 0],
    [3300, 0],
    [3480, 0],
  ]);
  const changes = (await told('rs', ['changes'], { rs: A })).flat().filter((text) => text !== '');
  expect(changes).toEqual([
    '10:03 weight=1 → weight=0',
    '10:30 weight=0 → weight=1',
    '10:50 overloaded',
    '10:55 no longer overloaded',
    '10:58 overloaded',
  ]);
  // From 10:05 on: c2 and c5 are there before, and c1, which ends in that minute.
  expect((await told('rs', ['at', 'active'], { rs: A, since: '2026-01-30T10:05' }))[0]).toEqual([300, 2]);
});

test('drain: A had two connections when it was quiesced, the last of which ended after eighteen minutes', async () => {
  const columns = ['began', 'real_server', 'service', 'held', 'seconds', 'left', 'cut', 'until', 'how', 'command'];
  expect(await told('drain', columns)).toEqual([[180, A, WEB, 2, 1080, 0, 0, 1800, 'weight 1', 'ipvsadm -e']]);
  expect(await told('drain', columns, { since: '2026-01-30T10:10' })).toEqual([]);
});

test('nodest: six packets of two connections to B, the last of them 55 s after its removal', async () => {
  const columns = ['real_server', 'service', 'client', 'packets', 'connections', 'clients', 'first', 'last', 'removed', 'after', 'spared'];
  expect(await told('nodest', columns)).toEqual([[B, WEB, '', 6, 2, 2, 2586, 2640, 2585, 55, 4]]);
  expect(await told('nodest', ['client', 'packets', 'connections'], { by: 'client' })).toEqual([
    ['10.0.0.103', 5, 1],
    ['10.0.0.101', 1, 1],
  ]);
});

test('nodest: each removal has a row of its own, by service, whatever the ports of services and servers; a server that was never removed has none', async () => {
  const columns = ['real_server', 'service', 'packets', 'spared', 'first', 'last', 'removed', 'after'];
  const C = '10.0.0.21:8080';
  const after = (n: number): number => NEXT_DAY + n * 60;
  expect(await told('nodest', columns, LATER)).toEqual([
    [C, WEB, 5, 4, after(6), after(7), after(5), 120],
    [C, 'tcp 10.0.0.3:443', 4, 3, after(21), after(21), after(20), 60],
    ['10.0.0.22:443', 'fwmark 7', 2, 1, after(41), after(41), after(40), 60],
    ['10.0.0.21:8080', WEB, 1, 0, after(31), after(31), after(30), 60],
    ['10.0.0.22:0', 'icmp 10.0.0.2:2048', 1, 0, after(42), after(42), null, null],
    ['[2001:db8::7]:443', 'fwmark 7 ipv6', 1, 0, after(43), after(43), null, null],
  ]);
});

test('rs and window: what was open when a capture started that remembers nothing is open no longer', async () => {
  const E = '10.0.0.23:8080';
  const after = (n: number): number => NEXT_DAY + n * 60;
  // c31, c32, c33; c33 ends; c35; then three are forgotten and one is found; c36 comes and goes.
  const open = [
    [after(0), 1],
    [after(45), 2],
    [after(46), 3],
    [after(48), 2],
    [after(49), 3],
    [after(50), 1],
    [after(55), 2],
    [after(58), 1],
  ];
  expect(await told('rs', ['at', 'active'], { ...LATER, rs: E })).toEqual(open);
  expect(await told('rs', ['at', 'active'], { ...LATER, since: '2026-01-31T10:47', rs: E })).toEqual(open.slice(3));
  const hours = { rs: E, since: '2026-01-31T10:00', until: '2026-01-31T12:00' };
  expect(await told('window', ['hour', 'creates', 'active'], hours)).toEqual([
    [11, 0, 1],
    [10, 5, 0],
  ]);
});

test('affinity: one client came back to A while that was quiesced', async () => {
  const columns = ['real_server', 'service', 'client', 'connections', 'templates', 'first'];
  expect(await told('affinity', columns)).toEqual([[A, WEB, '10.0.0.102', 1, 1, 240]]);
  expect(await told('affinity', columns, { rs: B })).toEqual([]);
});

test('reasons: of six ends two were clean, and each of the others another', async () => {
  expect(await told('reasons', ['what', 'outcome', 'ends'])).toEqual([
    ['all', 'closed', 2],
    ['all', 'idle', 1],
    ['all', 'never_established', 1],
    ['all', 'replaced', 1],
    ['all', 'server_removed', 1],
  ]);
  expect((await told('reasons', ['share'])).flat().map((share) => Math.round(Number(share) * 600))).toEqual([200, 100, 100, 100, 100]);
  const rows = await told('reasons', ['what', 'outcome', 'ends', 'median'], { by: 'rs' });
  expect(rows.map((row) => row.slice(0, 3))).toEqual([
    [A, 'closed', 1],
    [A, 'idle', 1],
    [A, 'never_established', 1],
    [A, 'replaced', 1],
    [B, 'closed', 1],
    [B, 'server_removed', 1],
  ]);
  // Lifetimes are of the row, within 10 %, not of the server.
  for (const [i, lived] of [300, 1200, 60, 120, 59.5, 10].entries()) {
    expect(Number(rows[i]?.[3])).toBeGreaterThan(lived * 0.9);
    expect(Number(rows[i]?.[3])).toBeLessThan(lived * 1.1);
  }
});

test('reasons by lifetime: of ends after 10, 59.5, 60, 120, 300 and 1200 s two are in one class; classes between stay', async () => {
  const classes = await told('reasons', ['what', 'outcome', 'ends'], { by: 'lifetime' });
  expect(classes).toEqual([
    ['8.2 s - 16.4 s', '', 1],
    ['16.4 s - 32.8 s', '', 0],
    ['32.8 s - 1.1 m', '', 2],
    ['1.1 m - 2.2 m', '', 1],
    ['2.2 m - 4.4 m', '', 0],
    ['4.4 m - 8.7 m', '', 1],
    ['8.7 m - 17.5 m', '', 0],
    ['17.5 m - 35 m', '', 1],
  ]);
  const { rows, values } = await asked(named('reasons'), { by: 'lifetime' });
  expect(named('reasons').plot?.(rows, values)).toMatchObject({
    kind: 'bars',
    bars: classes.map(([label, , value]) => ({ label, parts: [{ value }] })),
  });
});

test('churn: seven connections came and six went; templates are none', async () => {
  const rows = await told('churn', ['at', 'creates', 'ends', 'failed', 'creates_per_minute']);
  const sum = (at: number): number => rows.reduce((all, row) => all + Number(row[at]), 0);
  expect([sum(1), sum(2), sum(3)]).toEqual([7, 6, 1]);
  expect(rows.find(([at]) => at === 2460)).toEqual([2460, 1, 1, 0, 1]);
  const lifetimes = await told('churn', ['at', 'median'], { rs: A });
  const [, lived] = lifetimes.find(([at]) => at === 1260) ?? [];
  expect(Math.abs(Number(lived) / 1200 - 1)).toBeLessThan(0.1);
});

test('top: of servers A has most connections, of clients the one that came three times, of drops B all', async () => {
  expect(await told('top', ['what', 'value'])).toEqual([
    [A, 4],
    [B, 3],
  ]);
  expect(await told('top', ['what', 'value'], { by: 'client' })).toEqual([
    ['10.0.0.103', 3],
    ['10.0.0.101', 2],
    ['10.0.0.102', 2],
  ]);
  expect(await told('top', ['what', 'value', 'share'], { by: 'vs', of: 'bytes' })).toEqual([[WEB, 1000 + 1000 + 30 + 3 + 7 + 11, 1]]);
  expect(await told('top', ['what', 'value'], { by: 'client', of: 'bytes', limit: '2' })).toEqual([
    ['10.0.0.102', 1030],
    ['10.0.0.101', 1000],
  ]);
  expect(await told('top', ['what', 'value'], { of: 'drops' })).toEqual([[B, 6]]);
  expect(await told('top', ['what', 'value'], { of: 'drops', by: 'client' })).toEqual([
    ['10.0.0.103', 5],
    ['10.0.0.101', 1],
  ]);
  expect(await told('top', ['what', 'value'], { of: 'packets', client: '10.0.0.103' })).toEqual([
    [B, 10],
    [A, 5],
  ]);
});

test('thresholds: A was over its threshold of 3 for five minutes, and is again', async () => {
  expect(await told('thresholds', ['real_server', 'service', 'begin', 'finish', 'seconds', 'upper'])).toEqual([
    [A, WEB, 3480, null, null, 3],
    [A, WEB, 3000, 3300, 300, 3],
  ]);
});

test('changes: newest first', async () => {
  expect(await told('changes', ['kind', 'real_server', 'command'])).toEqual([
    ['real_removed', B, 'ipvsadm -e'],
    ['real_changed', A, 'ipvsadm -e'],
    ['real_changed', A, 'ipvsadm -e'],
  ]);
});

test('reuse: a client used its port twice more, once at once and elsewhere', async () => {
  const columns = ['service', 'real_server', 'reused', 'ended_by_it', 'elsewhere', 'at_once', 'clients'];
  expect(await told('reuse', columns)).toEqual([[WEB, B, 2, 0, 1, 1, 1]]);
  expect(await told('reuse', columns, { within: '30' })).toEqual([[WEB, B, 1, 0, 1, 1, 1]]);
  // The one before the last ended half a minute before the time asked for, and counts for nothing else.
  expect(await told('reuse', columns, { since: '2026-01-30T10:42:30' })).toEqual([[WEB, B, 1, 0, 0, 0, 1]]);
  expect(await told('reuse', columns, { since: '2026-01-30T10:42:30', within: '30' })).toEqual([]);
});

test('loss: seven events that the ring had no room for, and three sequences that the ledger lacks', async () => {
  expect(await told('loss', ['at', 'place', 'lost', 'first', 'last', 'node'])).toEqual([
    [null, 'ledger', 3, null, null, 'lb1'],
    [3570, 'ring', 7, 3550, 3560, 'lb1'],
  ]);
});

test('window: one whole hour, a Friday from ten on, with nothing open at its begin', async () => {
  expect(await told('window', ['weekday', 'hour', 'creates', 'most', 'active', 'weeks'])).toEqual([[5, 10, 7, 7, 0, 1]]);
  // From nine to noon: an hour before anything, and one that begins with c3, which is open still.
  const wide = { since: '2026-01-30T09:00', until: '2026-01-30T12:00' };
  expect(await told('window', ['hour', 'creates', 'active'], wide)).toEqual([
    [11, 0, 1],
    [10, 7, 0],
  ]);
});

test('docs/sql.md, lifetimes a day: six ends, of which one after 20 m, then two, after 2 m and 3 m', async () => {
  const docs = readFileSync(new URL('../../docs/sql.md', import.meta.url), 'utf8');
  const [, sql = ''] = /\n## rs_minute\n[\s\S]*?```sql\n([^`]*)```/.exec(docs) ?? [];
  const answer = Buffer.from(await store.query(sql, { format: 'TSV' })).toString('utf8');
  const days = answer
    .trim()
    .split('\n')
    .map((line) => line.split('\t'));
  expect(days.map(([day, ends]) => [day, ends])).toEqual([
    ['2026-01-30', '6'],
    ['2026-01-31', '2'],
  ]);
  // Medians: of 10, 59.5, 60, 120, 300, 1200 s either one in the middle; of 120, 180 s too.
  for (const [i, [low, high, most]] of [
    [60, 120, 1200],
    [120, 180, 180],
  ].entries()) {
    const [, , median, longest] = (days[i] ?? []).map(Number);
    expect(median).toBeGreaterThan((low ?? 0) / 1.1);
    expect(median).toBeLessThan((high ?? 0) * 1.1);
    expect(Math.abs((longest ?? 0) / (most ?? 0) - 1)).toBeLessThan(0.1);
  }
});

test('for machines every row of every report is what docs/json says', async () => {
  const more: Readonly<Record<string, readonly Readonly<Record<string, string>>[]>> = {
    ...{ rs: [{ rs: A }], nodest: [{}, { by: 'client' }], reasons: [{}, { by: 'rs' }, { by: 'lifetime' }] },
    ...{ top: [{}, { by: 'client', of: 'bytes' }, { of: 'drops' }], window: [{ since: '2026-01-30T09:00', until: '2026-01-30T12:00' }] },
  };
  for (const report of reports)
    for (const said of more[report.name] ?? [{}]) {
      const { rows } = await asked(report, said);
      expect(rows.length, report.name).toBeGreaterThan(0);
      for (const row of rows) expectDocument(`report-${report.name}`, machineRow(report, row));
    }
});

test('a time without anything is told in a sentence', async () => {
  const empty = { since: '2026-01-29T10:00', until: '2026-01-29T11:00' };
  expect(reports.length).toBeGreaterThan(10);
  for (const report of reports) {
    const more = report.name === 'rs' ? { rs: A } : {};
    const { rows, values } = await asked(report, { ...empty, ...more });
    // A gap in the ledger has no time.
    if (report.name === 'loss') continue;
    expect(rows, report.name).toEqual([]);
    expect(peopleText(reportListing(report, rows, report.question(values).none, 'UTC'), rows, { output: 'table' })).toMatch(
      /^[A-Z].*\.\n$/,
    );
    expect(report.plot?.(rows, values), report.name).toBeUndefined();
  }
});

/** What the documents show of each report: as `vslog report` prints it of the story's hour. */
const SHOWN: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  who: { rs: A },
  rs: { rs: A },
  reasons: { by: 'rs' },
  top: { by: 'client' },
  window: { since: '2026-01-30T09:00', until: '2026-01-30T12:00' },
};

test('docs/reports.md shows what the reports print, docs/terminal.md on which terminal', async () => {
  const path = new URL('../../docs/reports.md', import.meta.url);
  let docs = readFileSync(path, 'utf8');
  for (const report of reports) {
    const said = SHOWN[report.name] ?? {};
    const { rows, values } = await asked(report, said);
    const plot = report.plot?.(rows, values);
    const flags = Object.entries({ ...HOUR, ...said }).map(([name, value]) => ` --${name} ${value}`);
    const printed = [
      `$ vslog report ${report.name}${flags.join('')}\n`,
      peopleText(reportListing(report, rows, report.question(values).none, 'UTC'), rows, { output: 'table' }),
      ...(plot === undefined ? [] : ['\n', drawPlot(plot, { width: 110, ascii: false, colours: false, zone: 'UTC' })]),
    ].join('');
    expectPictured(
      `report ${report.name}`,
      picturesOf(`report ${report.name}${flags.join('')}`, reportListing(report, rows, '', 'UTC'), rows),
    );
    const block = new RegExp(`(## ${report.name}\\n[\\s\\S]*?\`\`\`text\\n)([\\s\\S]*?)(\`\`\`)`);
    expect(docs, report.name).toMatch(block);
    docs = docs.replace(block, (_all, head: string, _old: string, tail: string) => `${head}${printed}${tail}`);
  }
  if (process.env.VSLOG_UPDATE_DOCS === '1') writeFileSync(path, docs);
  expect(readFileSync(path, 'utf8')).toBe(docs);
});
