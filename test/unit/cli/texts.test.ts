import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../../src/cli/address.js';
import { exitCodeOf } from '../../../src/cli/failure.js';
import { type ListFormat, peopleText } from '../../../src/cli/listing.js';
import { machineRow, reportCsv, reportListing } from '../../../src/cli/report-text.js';
import { cutText, drainText, predictionText, restText } from '../../../src/cli/service/drain-text.js';
import { answerText, formatNames, formatOf, isBinary } from '../../../src/cli/sql-format.js';
import { answerTable } from '../../../src/cli/sql-table.js';
import { statusText } from '../../../src/cli/status.js';
import { parseTime } from '../../../src/cli/time.js';
import type { RestConnection } from '../../../src/drain/rest.js';
import { loss } from '../../../src/report/loss.js';
import { SINK, STATUS } from '../support/status.js';

const NOW = Date.UTC(2026, 0, 31, 12);

describe('a time that a flag names', () => {
  it.each([
    ['90s', NOW - 90_000],
    ['15m', NOW - 900_000],
    ['2h', NOW - 7_200_000],
    ['7d', NOW - 604_800_000],
    ['1w', NOW - 604_800_000],
    ['2h30m', NOW - 9_000_000],
    ['now', NOW],
    ['2026-01-30 10:05 +02:00', Date.UTC(2026, 0, 30, 8, 5)],
    ['1769767500', 1_769_767_500_000],
    ['@1769767500', 1_769_767_500_000],
    ['1769767500.25', 1_769_767_500_250],
    ['1769767500123', 1_769_767_500_123],
    ['1769767500123456789', 1_769_767_500_123],
    ['2026-01-30', Date.UTC(2026, 0, 30)],
    ['2026-01-30T10:05', Date.UTC(2026, 0, 30, 10, 5)],
    ['2026-01-30 10:05:07.25', Date.UTC(2026, 0, 30, 10, 5, 7, 250)],
    ['2026-01-30T10:05+02:00', Date.UTC(2026, 0, 30, 8, 5)],
    ['2026-01-30T10:05Z', Date.UTC(2026, 0, 30, 10, 5)],
  ])('%s', (text, at) => expect(parseTime('since', text, NOW)).toBe(at));

  it('is of today or yesterday', () => {
    const midnight = Date.UTC(2026, 0, 31);
    const at = (text: string): number => parseTime('since', text, midnight + 12 * 3_600_000);
    expect([at('today'), at('yesterday'), at('yesterday 10:05')]).toEqual([
      midnight,
      midnight - 86_400_000,
      midnight - 86_400_000 + 36_300_000,
    ]);
    expect([at('10:05'), at('10:05:30'), at('9:05')]).toEqual([midnight + 36_300_000, midnight + 36_330_000, midnight + 32_700_000]);
    // One that is still to come was yesterday's.
    expect(at('23:00')).toBe(midnight - 3_600_000);
  });

  it.each([
    '',
    'soon',
    '5',
    '5y',
    '-5m',
    '1.5h',
    '2026-02-30',
    '2026-02-30x',
    '2026-13-01',
    '2026-01-30T25:00',
    '25:00',
    '2026-01-30T10',
    '9999999999d',
  ])('%j is none', (text) => {
    try {
      parseTime('since', text, NOW);
      expect.unreachable();
    } catch (error) {
      expect(String(error)).toContain(`--since is ${JSON.stringify(text)}: it must be a time such as `);
      expect(exitCodeOf(error)).toBe(2);
    }
  });
});

describe('an answer of SQL', () => {
  const answer = (document: unknown): string =>
    answerTable(Buffer.from(typeof document === 'string' ? document : JSON.stringify(document)));
  const meta = [
    { name: 'reason', type: 'String' },
    { name: 'n', type: 'Nullable(UInt64)' },
  ];

  it('is a table, numbers at the right', () => {
    const text = answer({
      meta,
      data: [
        ['timeout', 12],
        ['nodest', null],
      ],
      rows: 2,
    });
    expect(text).toMatch(/^reason +n\n/);
    expect(text).toMatch(/\ntimeout +12\n/);
    expect(text).toMatch(/\nnodest +NULL\n/);
    expect(text).toMatch(/\n2 rows\n$/);
    expect(answer({ meta, data: [['timeout', 1]], rows: 1 })).toMatch(/\n1 row\n$/);
    expect(answer({ meta, data: [[['a', 'b'], 1]], rows: 1 })).toContain('["a","b"]');
  });

  it('shows what a terminal would obey, in old records too', () => {
    const text = answer({ meta, data: [['\x1b[2J\u202e\u009b31m', 1]], rows: 1 });
    expect(text).toContain('\n\\x1b[2J\\u202e\\u009b31m  1\n');
    expect(answer({ meta, data: [['two\nlines', 1]], rows: 1 })).toContain('\ntwo\\nlines  1\n');
  });

  it('is CSV without formulas, and other formats as they came', async () => {
    const csv = Buffer.from('"a"\n"=1"\n');
    expect((await answerText(csv, 'CSV')).toString()).toBe('"a"\n"\'=1"\n');
    expect(await answerText(csv, 'CSVWithNames')).toBe(csv);
    expect(await answerText(Buffer.from(''), 'table')).toBe('');
  });

  it('is what it is where the statement chose a format itself', () => {
    for (const text of ['a\tb\n', '{"data":[{"a":1}],"meta":[]}', '[1]', 'null']) expect(answer(text)).toBe(text);
    expect(answer('')).toBe('');
  });

  it('has formats by short names, and by those of ClickHouse', () => {
    expect(formatNames).toEqual(['table', 'vertical', 'json', 'jsonl', 'csv', 'tsv', 'markdown', 'parquet', 'arrow']);
    expect(['JSONL', 'csv', 'RowBinary', 'PrettyCompact'].map(formatOf)).toEqual([
      'JSONCompactEachRowWithNamesAndTypes',
      'CSVWithNames',
      'RowBinary',
      'PrettyCompact',
    ]);
    expect(['', 'a b', "x'; --", 'x'.repeat(65)].map(formatOf)).toEqual([undefined, undefined, undefined, undefined]);
    expect(['Parquet', 'rowbinary', 'ProtobufList', 'CSV', 'JSON'].map(isBinary)).toEqual([true, true, true, false, false]);
  });
});

describe('a report', () => {
  const row = { at: NOW, place: 'ring', lost: 7, first: null, last: null, detail: 'It was "full",\nonce.', node: 'lb1', epoch: 'e' };
  const { none, columns } = loss.question({});
  const text = (rows: readonly object[], output: ListFormat): string =>
    peopleText(reportListing(loss, rows as never, none, 'UTC'), rows as never, { output });

  it('is a table without columns in which nothing stands, or a block a row', () => {
    const table = text([row], 'table');
    expect(table).toMatch(/^time \(UTC\) +where +missing +what +director\n/);
    expect(table).not.toContain('first');
    expect(table).toMatch(/\n1 row\n$/);
    expect(text([row], 'vertical')).toMatch(/^time \(UTC\) +2026-01-31 12:00:00\nwhere +ring\nmissing +7\nwhat /);
    expect(text([], 'vertical')).toBe('Nothing is missing: no loss record, and no gap in the ledger.\n');
  });

  it('shows what a terminal would obey, and hands a spreadsheet no formula', () => {
    const bad = { ...row, detail: '=cmd()\x1b]0;x\x07\u202e', node: '@lb' };
    for (const format of ['table', 'vertical'] as const) expect(text([bad], format)).toContain('=cmd()\\x1b]0;x\\x07\\u202e');
    expect(reportCsv(loss, [bad], columns)).toContain(`,'=cmd()\\x1b]0;x\\x07\\u202e,'@lb,e\r\n`);
  });

  it('is all that the store told, for machines, times as RFC 3339', () => {
    const at = '2026-01-31T12:00:00.000Z';
    const { at: _at, place, ...rest } = row;
    expect(machineRow(loss, row)).toEqual({ ...rest, time: at, where: place });
    expect(reportCsv(loss, [row], columns)).toBe(
      `time,where,lost,first,last,detail,node,epoch\r\n${at},ring,7,,,"It was ""full"",\nonce.",lb1,e\r\n`,
    );
    expect(reportCsv(loss, [], columns)).toBe('time,where,lost,first,last,detail,node,epoch\r\n');
  });
});

describe('a drain', () => {
  const one = (client: string, age: number | undefined, template = false) =>
    ({
      ...{ client: parseAddress(client), port: 1000, protocol: 6, state: 1, age },
      kind: template ? 'template' : 'established',
    }) as unknown as RestConnection;
  const rest = {
    established: 3,
    others: 2,
    templates: 1,
    connections: [one('10.1.0.1', 5), one('10.1.0.1', 90_000), one('10.1.0.2', undefined), one('10.1.0.9', 1, true)],
  };

  it('is told as it goes on', () => {
    const text = drainText(rest, 6, { live: 3, unknown: 1, half: 60, most: undefined, all: undefined });
    expect(text.split('\n')).toEqual([
      `${'█'.repeat(20)}${'░'.repeat(20)} 50 %  3 established connections left, 2 others are closing or half open`,
      'expected: half gone in 1 min; too little history for 1 of them, which are older than those that ended',
      'by age: below 10 s: 1, older: 1',
      'by client: 10.1.0.1 2, 10.1.0.2 1',
      'oldest:',
      '  tcp 10.1.0.1:1000, ESTABLISHED, 1 d 1 h old',
      '  tcp 10.1.0.1:1000, ESTABLISHED, 5 s old',
      'persistence still sends 10.1.0.9 here; `vslog knob expire-quiescent-template 1` ends that',
      '',
    ]);
  });

  it('is told when it is over, and where nobody lists connections', () => {
    const none = { established: 0, others: 0, templates: 0, connections: undefined };
    expect(drainText(none, 0, undefined)).toBe(`${'█'.repeat(40)} 100 %  no established connections left\n`);
    expect(drainText({ ...none, templates: 2 }, 0, undefined)).toContain('persistence still sends 2 clients here');
    expect(restText({ ...none, established: 1, others: 1 })).toBe('1 established connection left, 1 other is closing or half open');
    expect([cutText(none), cutText(rest)]).toEqual(['', '  10.1.0.1: 2 connections\n  10.1.0.2: 1 connection\n']);
  });

  it('names ten clients that would be cut, and counts the rest', () => {
    const connections = Array.from({ length: 50 }, (_, i) => one(`10.1.0.${i + 1}`, 5));
    const lines = cutText({ ...rest, established: 50, connections })
      .trimEnd()
      .split('\n');
    expect([lines.length, lines.at(-1)]).toEqual([11, '  and 40 more clients']);
  });

  it('has no forecast where nothing like it was seen', () => {
    expect(predictionText({ live: 3, unknown: 3, half: undefined, most: undefined, all: undefined })).toBe(
      'no forecast: too little history of connections as old as these',
    );
    expect(predictionText({ live: 3, unknown: 0, half: 1, most: 10, all: 100 })).toBe(
      'expected: half gone in 1 s, 95 % in 10 s, all in 1 min 40 s (with a probability of 95 %)',
    );
  });
});

describe('the status', () => {
  const lines = (status: typeof STATUS, at = NOW): string => statusText(status, at);

  it('is told for people', () => {
    const text = lines({ ...STATUS, started: new Date(NOW - 3_600_000).toISOString() });
    expect(text).toMatch(/^collector +vslog 1\.2\.3, process 1, up 1 h, 1000 B$/m);
    expect(text).toMatch(/^capture +connected: x on lb1, source ipvs$/m);
    expect(text).toMatch(/^log +epoch e, sequence 100$/m);
    expect(text).toMatch(/^lag +5 events between capture and spool$/m);
    expect(text).toMatch(/^journal +2 % of 64 B$/m);
    expect(text).toMatch(/^sink embedded +running: 70 events delivered, 0 to go$/m);
    expect(text).toMatch(/^ +Nobody listens\.$/m);
    expect(text).toMatch(/^ +It looks\.$/m);
    expect(text).toMatch(/^ +9 failed tries, circuit open, trying now$/m);
    expect(text).toMatch(/^store +embedded in d$/m);
    expect(text).toMatch(/^losses +3 in ring, 20 were removed from the spool or damaged in it$/m);
  });

  it('says what is wrong', () => {
    const away = { ...STATUS, capture: { ...STATUS.capture, connected: false, account: null, error: 'There is no capture.' } };
    const text = lines({
      ...away,
      sinks: [{ ...SINK, failures: 1, next_try: new Date(NOW + 5000).toISOString(), circuit: 'half_open', refused: 2 }],
      spool: {
        ...STATUS.spool,
        losses: [
          { where: 'journal', lost: 4, unknown: false },
          { where: 'sink', lost: 70, unknown: false },
          { where: 'spool', lost: 0, unknown: true },
        ],
      },
    });
    expect(text).toMatch(/^capture +not connected$/m);
    expect(text).toMatch(/^ +There is no capture\.$/m);
    expect(text).not.toMatch(/^journal/m);
    expect(text).toMatch(/, 2 segments refused$/m);
    expect(text).toMatch(/^ +1 failed try, circuit half-open, next try in 5 s$/m);
    expect(text).toMatch(
      /^losses +4 never came from the capture, 70 were refused by a sink, nobody knows how many were removed from the spool or damaged in it$/m,
    );
    expect(lines({ ...STATUS, store: { kind: 'none', dir: null, disk: null, set_aside: [] } })).toMatch(/^store +none$/m);
  });

  it('says what is held back for whom, what a sink lacks, and which cursor is not believed', () => {
    const lacks = { first_segment: 2, last_segment: 3, events: null, found: '2026-01-01T00:00:00.000Z', new: false, accepted: false };
    const text = lines({
      ...STATUS,
      sinks: [{ ...SINK, lacks, doubt: 'Its cursor is gone. Each segment is looked for.' }],
      idle_sinks: [{ name: 'kafka', delivered_segment: 1, lag_segments: 2, lag_events: 1200, lag_bytes: 2048, error: null }],
    });
    expect(text).toMatch(/^sink kafka +not configured: 1,200 events, \S+ \S+, are held back for it$/m);
    expect(text).toMatch(/^ +Configure it again, or let go of them: vslog sink forget kafka$/m);
    expect(text).toMatch(
      /^ +It lacks segments 2 to 3 \(nobody knows how many events\): .* "vslog sink accept embedded" says that this is all right\.$/m,
    );
    expect(text).toMatch(/^ +Its cursor is gone\. Each segment is looked for\.$/m);
  });

  it('says who has no series of their own in the metrics, when there is somebody', () => {
    const metrics = { limit: 200, services: { own: 10, other: 0 }, servers: { own: 200, other: 2800 } };
    expect(lines({ ...STATUS, metrics })).toMatch(
      /^metrics +2,800 real servers have no series of their own and are counted as "other": metrics\.series is 200\.$/m,
    );
    expect(lines({ ...STATUS, metrics: { ...metrics, servers: { own: 200, other: 0 } } })).not.toMatch(/^metrics/m);
    expect(lines(STATUS)).not.toMatch(/^metrics/m);
  });
});
