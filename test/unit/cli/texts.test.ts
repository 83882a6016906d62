import { describe, expect, it } from 'vitest';
import type { Verification } from '../../../src/api/verification.js';
import { parseAddress } from '../../../src/cli/address.js';
import { exitCodeOf } from '../../../src/cli/failure.js';
import { machineText, reportText } from '../../../src/cli/report-text.js';
import { cutText, drainText, predictionText, restText } from '../../../src/cli/service/drain-text.js';
import { answerTable, formatNames, formatOf, isBinary } from '../../../src/cli/sql-format.js';
import { statusText } from '../../../src/cli/status.js';
import { parseTime } from '../../../src/cli/time.js';
import { verificationText } from '../../../src/cli/verify.js';
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
    ['now', NOW],
    ['2026-01-30', Date.UTC(2026, 0, 30)],
    ['2026-01-30T10:05', Date.UTC(2026, 0, 30, 10, 5)],
    ['2026-01-30 10:05:07.25', Date.UTC(2026, 0, 30, 10, 5, 7, 250)],
    ['2026-01-30T10:05+02:00', Date.UTC(2026, 0, 30, 8, 5)],
    ['2026-01-30T10:05Z', Date.UTC(2026, 0, 30, 10, 5)],
  ])('%s', (text, at) => expect(parseTime('since', text, NOW)).toBe(at));

  it.each(['', 'soon', '5', '5w', '-5m', '1.5h', '2026-02-30x', '2026-13-01', '2026-01-30T25:00', '10:05', '2026-01-30T10', '9999999999d'])(
    '%j is none',
    (text) => {
      try {
        parseTime('since', text, NOW);
        expect.unreachable();
      } catch (error) {
        expect(String(error)).toContain(`--since is ${JSON.stringify(text)}: it must be so long ago`);
        expect(exitCodeOf(error)).toBe(2);
      }
    },
  );
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
    expect(text).toMatch(/│ reason +│ +n +│/);
    expect(text).toMatch(/│ timeout │ +12 │/);
    expect(text).toMatch(/│ nodest +│ NULL │/);
    expect(text).toMatch(/\n2 rows\n$/);
    expect(answer({ meta, data: [['timeout', 1]], rows: 1 })).toMatch(/\n1 row\n$/);
    expect(answer({ meta, data: [[['a', 'b'], 1]], rows: 1 })).toContain('["a","b"]');
  });

  it('is what it is where the statement chose a format itself', () => {
    for (const text of ['a\tb\n', '{"data":[{"a":1}],"meta":[]}', '[1]', 'null']) expect(answer(text)).toBe(text);
    expect(answer('')).toBe('');
  });

  it('has formats by short names, and by those of ClickHouse', () => {
    expect(formatNames).toEqual(['table', 'vertical', 'json', 'jsonl', 'csv', 'tsv', 'markdown', 'parquet', 'arrow']);
    expect(['JSONL', 'csv', 'RowBinary', 'PrettyCompact'].map(formatOf)).toEqual([
      'JSONEachRow',
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
  const question = loss.question({});

  it('is a table without columns in which nothing stands, or a block a row', () => {
    const table = reportText(loss, question, [row], 'table');
    expect(table).toMatch(/│ time +│ where │ missing │ what +│ node │/);
    expect(table).not.toContain('first');
    expect(table).toMatch(/\n1 row\n$/);
    expect(reportText(loss, question, [row], 'vertical')).toMatch(/^time +2026-01-31 12:00:00\nwhere +ring\nmissing +7\nwhat /);
    expect(reportText(loss, question, [], 'vertical')).toBe('Nothing is missing: no loss record, and no gap in the ledger.\n');
  });

  it('is all that the store told, for machines', () => {
    expect(JSON.parse(machineText(loss, question, [row], 'json'))).toEqual([row]);
    expect(machineText(loss, question, [row, row], 'jsonl')).toBe(`${JSON.stringify(row)}\n`.repeat(2));
    expect(machineText(loss, question, [row], 'csv')).toBe(
      `at,place,lost,first,last,detail,node,epoch\r\n${NOW},ring,7,,,"It was ""full"",\nonce.",lb1,e\r\n`,
    );
    expect(machineText(loss, question, [], 'csv')).toBe('at,place,lost,first,last,detail,node,epoch\r\n');
  });
});

describe('a drain', () => {
  const one = (client: string, age: number | undefined, template = false) =>
    ({ client: parseAddress(client), port: 1000, protocol: 6, state: 1, template, age }) as unknown as RestConnection;
  const rest = {
    active: 2,
    inactive: 1,
    templates: 1,
    connections: [one('10.1.0.1', 5), one('10.1.0.1', 90_000), one('10.1.0.2', undefined), one('10.1.0.9', 1, true)],
  };

  it('is told as it goes on', () => {
    const text = drainText(rest, 6, { live: 3, unknown: 1, half: 60, most: undefined, all: undefined });
    expect(text.split('\n')).toEqual([
      `${'█'.repeat(20)}${'░'.repeat(20)} 50 %  3 connections left (2 active, 1 inactive)`,
      'expected to be gone: 50 % in 1 min; the history is too thin for 1 of them, which live longer than those that it knows',
      'by age: below 10 s: 1, older: 1',
      'by client: 10.1.0.1 2, 10.1.0.2 1',
      'oldest:',
      '  tcp 10.1.0.1:1000, ESTABLISHED, 1.04 d old',
      '  tcp 10.1.0.1:1000, ESTABLISHED, 5 s old',
      'persistence still sends 10.1.0.9 here; `vslog knob expire-quiescent-template 1` ends that',
      '',
    ]);
  });

  it('is told when it is over, and where nobody lists connections', () => {
    const none = { active: 0, inactive: 0, templates: 0, connections: undefined };
    expect(drainText(none, 0, undefined)).toBe(`${'█'.repeat(40)} 100 %  0 connections left (0 active, 0 inactive)\n`);
    expect(drainText({ ...none, templates: 2 }, 0, undefined)).toContain('persistence still sends 2 clients here');
    expect(restText({ ...none, active: 1 })).toBe('1 connection left (1 active, 0 inactive)');
    expect([cutText(none), cutText(rest)]).toEqual(['', '  10.1.0.1: 2 connections\n  10.1.0.2: 1 connection\n']);
  });

  it('has no prediction where nothing like it was seen', () => {
    expect(predictionText({ live: 3, unknown: 3, half: undefined, most: undefined, all: undefined })).toBe(
      'the history is too thin for a prediction',
    );
    expect(predictionText({ live: 3, unknown: 0, half: 1, most: 10, all: 100 })).toBe(
      'expected to be gone: 50 % in 1 s, 95 % in 10 s, 100 % in 1.67 min',
    );
  });
});

describe('the status', () => {
  const lines = (status: typeof STATUS, at = NOW): string => statusText(status, at);

  it('is told for people', () => {
    const text = lines({ ...STATUS, started_ms: NOW - 3_600_000 });
    expect(text).toMatch(/^collector +vslog 1\.2\.3, process 1, up 1 h, 1000 B$/m);
    expect(text).toMatch(/^capture +connected: x on lb1, source ipvs$/m);
    expect(text).toMatch(/^log +epoch e, sequence 100$/m);
    expect(text).toMatch(/^lag +5 events between capture and spool$/m);
    expect(text).toMatch(/^journal +2 % of 64 B$/m);
    expect(text).toMatch(/^sink embedded +running: 70 events delivered, 0 to go$/m);
    expect(text).toMatch(/^ +Nobody listens\.$/m);
    expect(text).toMatch(/^ +9 failed tries, circuit open, trying now$/m);
    expect(text).toMatch(/^store +embedded in d$/m);
    expect(text).toMatch(/^losses +3 in ring$/m);
  });

  it('says what is wrong', () => {
    const away = { ...STATUS, capture: { ...STATUS.capture, connected: false, account: null, error: 'There is no capture.' } };
    const text = lines({
      ...away,
      sinks: [{ ...SINK, failures: 1, retry_ms: NOW + 5000, circuit: 'half_open', refused: 2 }],
      counters: { ...STATUS.counters, lost: 4 },
    });
    expect(text).toMatch(/^capture +not connected$/m);
    expect(text).toMatch(/^ +There is no capture\.$/m);
    expect(text).not.toMatch(/^journal/m);
    expect(text).toMatch(/, 2 segments refused$/m);
    expect(text).toMatch(/^ +1 failed try, circuit half-open, next try in 5 s$/m);
    expect(text).toMatch(/^losses +4 never came from the capture$/m);
    expect(lines({ ...STATUS, store: { kind: 'none', dir: null } })).toMatch(/^store +none$/m);
  });
});

describe('a verification', () => {
  const epoch = { node: 'lb1', epoch: 'e', local: false, first: 1n, last: 100n, count: 100, gaps: [], duplicates: [] };
  const inStore = {
    node: 'lb1',
    epoch: 'e',
    first: 1,
    last: 100,
    ledger: 100,
    rows: 100,
    missing: 0,
    excused: 0,
    expired: 0,
    spool_last: 100,
    ok: true,
  };
  const sink = {
    ...{ name: 'file', checked: true, reason: null, segments: 2, events: 100, missing: 0, duplicates: 0, expired: 0, taken: 0 },
    ...{ differences: [], refused: [], waiting: 0, ok: true },
  };
  const whole: Verification = {
    spool: {
      ...{
        directory: 'd',
        segments: 2,
        active: 1,
        events: 100,
        bytes: 2048,
        damaged: [],
        quarantined: [],
        chainBreaks: [],
        complete: true,
      },
      epochs: [epoch],
    },
    losses: [],
    before: null,
    store: { checked: true, reason: null, epochs: [inStore], ok: true },
    sinks: [sink],
    complete: true,
  };
  /** Its lines, and which of them fail. */
  const told = (report: Parameters<typeof verificationText>[0]) => {
    const lines = verificationText(report).trimEnd().split('\n');
    return {
      last: lines.at(-1),
      failed: lines.filter((line) => line.startsWith('FAIL ')).map((line) => line.slice(5)),
      ok: lines.filter((line) => line.startsWith('ok   ')).map((line) => line.slice(5)),
    };
  };

  it('says what was proven', () => {
    expect(told(whole)).toEqual({
      last: 'complete',
      failed: [],
      ok: [
        'spool: checksums of 2 sealed segments and 1 open ones, 100 events, 2.0 KiB',
        'spool: chain over the sealed segments',
        'spool: lb1 e: sequences 1 to 100 without a gap',
        'losses: none recorded',
        'store: lb1 e: sequences 1 to 100, 100 events in the ledger and as many rows',
        'sink file: the same counts per node, epoch and hour, 100 events of the 2 segments that the spool still has',
      ],
    });
  });

  it('says what is missing, and where', () => {
    const { last, failed } = told({
      ...whole,
      complete: false,
      spool: {
        ...whole.spool,
        damaged: [{ id: 2, record: 'conn', reason: 'Segment 2: its checksum is wrong.' }],
        chainBreaks: [{ id: 3, record: 'conn', reason: 'Segment 3 does not follow.' }],
        quarantined: [2, 7],
        epochs: [{ ...epoch, gaps: [{ first: 5n, last: 7n }], duplicates: [{ first: 9n, last: 9n }] }],
      },
      losses: [
        { where: 'ring', lost: 7, records: 1 },
        { where: 'sink', lost: 10, records: 1 },
      ],
      store: { checked: true, reason: null, ok: false, epochs: [{ ...inStore, last: 90, missing: 3, rows: 99, ok: false }] },
      sinks: [
        {
          ...sink,
          differences: Array.from({ length: 12 }, (_, i) => ({
            node: 'lb1',
            epoch: 'e',
            record: 'conn' as const,
            hour: i * 3600,
            expected: 9,
            found: 8,
            distinct: 7,
          })),
          missing: 24,
          duplicates: 12,
          waiting: 5,
          refused: [{ id: 2, reason: 'No.' }],
          ok: false,
        },
        { ...sink, name: 'kafka', checked: false, reason: 'Nobody listens.', ok: false },
      ],
    });
    expect(last).toBe('not complete');
    expect(failed).toEqual([
      expect.stringMatching(/^spool: checksums of /),
      'Segment 2: its checksum is wrong.',
      'spool: chain over the sealed segments',
      'Segment 3 does not follow.',
      'spool: 2 damaged segments are in quarantine (2, 7)',
      'spool: lb1 e: sequences 1 to 100 but missing 5 to 7, twice 9 to 9',
      'losses: 7 events were lost in ring, by 1 loss records',
      'store: lb1 e: sequences 1 to 90, 100 events in the ledger, but 3 missing, 99 rows, the spool goes to 100: a running collector delivers the rest, see vslog status',
      'sink file: of 100 events of the 2 segments that the spool still has 24 are missing and 12 are there too often',
      ...Array.from(
        { length: 10 },
        (_, i) => `sink file: lb1 e conn 1970-01-01T0${i}h: 7 of 9 events, 8 copies (vslog replay --sink file brings what is missing)`,
      ),
      'sink file: 2 more hours differ',
      'sink file: segment 2 was refused and is set aside (vslog replay --sink file --refused): No.',
      'sink file: 5 events wait to be delivered',
      'sink kafka: not counted. Nobody listens.',
    ]);
  });

  it('excuses what was lost before the time from which on it judges, and says so', () => {
    const { failed, ok } = told({
      ...whole,
      spool: { ...whole.spool, quarantined: [2], epochs: [{ ...epoch, gaps: [{ first: 5n, last: 7n }] }] },
      before: { since: 1, losses: [{ where: 'spool', lost: 3, records: 1 }], quarantined: [2], epochs: [{ node: 'lb1', epoch: 'e' }] },
      store: { ...whole.store, epochs: [{ ...inStore, missing: 3, excused: 3, rows: 80, expired: 20 }] },
    });
    expect(failed).toEqual([]);
    expect(ok).toEqual(
      expect.arrayContaining([
        'spool: lb1 e: sequences 1 to 100 but missing 5 to 7, which was lost before --since',
        'losses: none recorded from --since on',
        'before --since: 3 events lost in spool (1 loss record), 1 segment in quarantine (2)',
        'store: lb1 e: sequences 1 to 100, 100 events in the ledger, 80 rows, 20 expired, no longer provable, 3 were lost before --since',
      ]),
    );
  });

  it('compares with the source where that was asked', () => {
    const source = { checked: true, reason: null, listed: 5, open_in_log: 6, only_source: 0, only_log: 0, examples: [], ok: true };
    expect(told({ ...whole, source }).ok).toContain('source: 5 connections there now, and the log agrees');
    const example = { only: 'log' as const, conn_id: '7', protocol: 'TCP', client: 'c', virtual: 'v', real: 'r' };
    const differing = {
      ...source,
      only_source: 1,
      only_log: 2,
      examples: [example, { ...example, only: 'source' as const, conn_id: '0' }],
      ok: false,
    };
    expect(told({ ...whole, source: differing }).failed).toEqual([
      'source: 5 connections there now and 6 open in the log: 1 of the source are not open in the log; 2 are open in the log and not there',
      'source: only in the log: TCP c > v > r, conn_id 7',
      'source: only in the source: TCP c > v > r, without a number',
    ]);
    expect(told({ ...whole, source: { ...source, checked: false, reason: 'It cannot list.', ok: false } }).failed).toEqual([
      'source: not compared. It cannot list.',
    ]);
  });
});
