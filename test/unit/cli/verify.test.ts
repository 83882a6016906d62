import { describe, expect, it } from 'vitest';
import { proofOf } from '../../../src/api/proof.js';
import type { Verification } from '../../../src/api/verification.js';
import { verificationText } from '../../../src/cli/verify.js';
import type { SinkReport } from '../../../src/sink/comparison.js';
import { type ContentReport, notCompared } from '../../../src/sink/content.js';

const EPOCH = { node: 'lb1', epoch: 'e', local: false, first: 1n, last: 100n, count: 100, gaps: [], duplicates: [] };
const IN_STORE = {
  ...{ node: 'lb1', epoch: 'e', first: 1, last: 100, ledger: 100, rows: 100, missing: 0, excused: 0, expired: 0 },
  ...{ spool_last: 100, due: 100, waiting: 0, ok: true },
};
const SINK = {
  ...{ name: 'file', checked: true, reason: null, segments: 2, events: 100, missing: 0, duplicates: 0, expired: 0, taken: 0 },
  ...{ differences: [], refused: [], waiting: 0, away: null, lacks: null, doubt: null, content: null, ok: true },
};
const NOT_ERASED = { spool: 0, store: 0, recorded: 0, records: 0, orders: 0, ok: true };
const WHOLE: Verification = {
  spool: {
    ...{
      directory: 'd',
      segments: 2,
      active: 1,
      events: 100,
      erased: 0,
      bytes: 2048,
      damaged: [],
      quarantined: [],
      chainBreaks: [],
      complete: true,
    },
    epochs: [EPOCH],
  },
  state: { checked: true, reason: null, newest: 2, forgotten: 0, missing: [], gone: [], ok: true },
  losses: [],
  before: null,
  store: { checked: true, reason: null, epochs: [IN_STORE], ok: true },
  sinks: [SINK],
  erased: NOT_ERASED,
  proof: { against: 'accident', content: [], counts: ['file'], nothing: [] },
  waiting: 0,
  verdict: 'complete',
  complete: true,
};
const SOURCE = { checked: true, reason: null, listed: 5, open_in_log: 6, only_source: 0, only_log: 0, behind: 0, examples: [], ok: true };

/** The lines of a report by their mark, and the last one, which has none. */
function told(report: Parameters<typeof verificationText>[0]) {
  const lines = verificationText(report).trimEnd().split('\n');
  const proof = lines.splice(-2, 1)[0];
  expect(proof).toMatch(/^This proves against accidents, not against somebody who edits both the log and what it is compared with\./);
  const marked = (mark: string): string[] => lines.slice(0, -1).flatMap((line) => (line.startsWith(mark.padEnd(5)) ? [line.slice(5)] : []));
  const found = { ok: marked('ok'), failed: marked('FAIL'), wait: marked('wait'), last: lines.at(-1) };
  expect(found.ok.length + found.failed.length + found.wait.length).toBe(lines.length - 1);
  return found;
}

describe('a verification', () => {
  it('says what was proven', () => {
    expect(told(WHOLE)).toEqual({
      last: 'complete',
      failed: [],
      wait: [],
      ok: [
        'spool: checksums of 2 sealed segments and 1 open ones, 100 events, 2.0 KiB',
        'spool: chain over the sealed segments',
        'spool: lb1 e: sequences 1 to 100 without a gap',
        'spool: everything that it ever sealed, 2 segments, is there or was removed in order',
        'losses: none recorded',
        'store: lb1 e: sequences 1 to 100, 100 events in the ledger and as many rows',
        'sink file: the same counts per node, epoch and hour, 100 events of the 2 segments that the spool still has',
      ],
    });
  });

  it('says what is missing, and where', () => {
    const difference = (hour: number) => ({
      ...{ node: 'lb1', epoch: 'e', record: 'conn' as const, expected: 9, found: 8, distinct: 7 },
      hour,
    });
    const { last, failed } = told({
      ...WHOLE,
      verdict: 'incomplete',
      complete: false,
      spool: {
        ...WHOLE.spool,
        damaged: [{ id: 2, record: 'conn', reason: 'Segment 2: its checksum is wrong.' }],
        chainBreaks: [{ id: 3, record: 'conn', reason: 'Segment 3 does not follow.' }],
        quarantined: [2, 7],
        epochs: [{ ...EPOCH, gaps: [{ first: 5n, last: 7n }], duplicates: [{ first: 9n, last: 9n }] }],
      },
      losses: [
        { where: 'ring', lost: 7, records: 1 },
        { where: 'sink', lost: 10, records: 1 },
      ],
      store: { checked: true, reason: null, ok: false, epochs: [{ ...IN_STORE, last: 90, missing: 3, rows: 99, ok: false }] },
      sinks: [
        {
          ...SINK,
          ...{ missing: 24, duplicates: 12, refused: [{ id: 2, reason: 'No.' }], ok: false },
          differences: Array.from({ length: 12 }, (_, i) => difference(i * 3600)),
        },
        { ...SINK, name: 'kafka', checked: false, reason: 'Nobody listens.', ok: false },
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
      'store: lb1 e: sequences 1 to 90, 100 events in the ledger, but 3 missing, 99 rows, it was given everything up to 100',
      'sink file: of 100 events of the 2 segments that the spool still has 24 are missing and 12 are there too often',
      ...Array.from(
        { length: 10 },
        (_, i) => `sink file: lb1 e conn 1970-01-01T0${i}h: 7 of 9 events, 8 copies (vslog replay --sink file brings what is missing)`,
      ),
      'sink file: 2 more hours differ',
      'sink file: segment 2 was refused and is set aside (vslog replay --sink file --refused): No.',
      'sink kafka: not counted. Nobody listens.',
    ]);
  });

  it('fails for what a sink lacks until that is accepted, or older than what is judged', () => {
    const lacks = { first_segment: 2, last_segment: 3, events: 200, found: '2026-01-01T00:00:00.000Z', new: false, accepted: false };
    const sentence = 'sink file: It lacks segments 2 to 3 (200 events): they were gone before it had them.';
    const advice = ' "vslog sink accept file" says that this is all right.';
    const with_ = (more: object) => ({ ...WHOLE, sinks: [{ ...SINK, lacks: { ...lacks, ...more }, ok: false }] });
    expect(told({ ...with_({}), verdict: 'incomplete' }).failed).toEqual([sentence + advice]);
    expect(told(with_({ accepted: true })).ok).toContain(`${sentence} That was accepted.`);
    const before = { since: Date.parse('2026-01-02'), losses: [], quarantined: [], epochs: [] };
    expect(told({ ...with_({}), before }).ok).toContain(sentence + advice);
    expect(told({ ...with_({ new: true }), verdict: 'incomplete' }).failed).toEqual([
      `sink file: It came when segments 2 to 3 had gone from the spool, or some of them: what those held it will not have.${advice}`,
    ]);
  });

  it('tells what is on the way from what is missing', () => {
    const nothing = { ...IN_STORE, first: 0, last: 0, ledger: 0, rows: 0, due: 0, waiting: 100 };
    const { last, failed, wait, ok } = told({
      ...WHOLE,
      verdict: 'on_the_way',
      complete: false,
      waiting: 100,
      store: { ...WHOLE.store, epochs: [nothing] },
      sinks: [
        { ...SINK, waiting: 1 },
        { ...SINK, name: 'kafka', waiting: 100, away: 'Nobody listens.' },
      ],
      source: { ...SOURCE, only_log: 2, behind: 9, ok: false },
    });
    expect(failed).toEqual([]);
    expect(wait).toEqual([
      'sink file: 1 event in the spool, not delivered yet',
      'sink kafka: 100 events in the spool, not delivered yet. It takes nothing now: Nobody listens.',
      'source: cannot be compared yet: 9 events of the capture are on the way to the store',
    ]);
    expect(ok.some((line) => line.startsWith('store:'))).toBe(false);
    expect(last).toBe('nothing is missing, but not everything is delivered yet');
  });

  it('excuses what was lost before the time from which on it judges, and says so', () => {
    const { failed, ok } = told({
      ...WHOLE,
      spool: { ...WHOLE.spool, quarantined: [2], epochs: [{ ...EPOCH, gaps: [{ first: 5n, last: 7n }] }] },
      before: { since: 1, losses: [{ where: 'spool', lost: 3, records: 1 }], quarantined: [2], epochs: [{ node: 'lb1', epoch: 'e' }] },
      store: { ...WHOLE.store, epochs: [{ ...IN_STORE, missing: 3, excused: 3, rows: 80, expired: 20 }] },
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
    expect(told({ ...WHOLE, source: SOURCE }).ok).toContain('source: 5 connections there now, and the log agrees');
    const example = { only: 'log' as const, conn_id: '7', protocol: 'TCP', client: 'c', virtual: 'v', real: 'r' };
    const examples = [example, { ...example, only: 'source' as const, conn_id: '0' }];
    const differing = { ...SOURCE, only_source: 1, only_log: 2, examples, ok: false };
    expect(told({ ...WHOLE, verdict: 'incomplete', source: differing }).failed).toEqual([
      'source: 5 connections there now and 6 open in the log: 1 of the source are not open in the log; 2 are open in the log and not there',
      'source: only in the log: TCP c > v > r, conn_id 7',
      'source: only in the source: TCP c > v > r, without a number',
    ]);
    const notCompared = { ...SOURCE, checked: false, reason: 'It cannot list.', ok: false };
    expect(told({ ...WHOLE, verdict: 'incomplete', source: notCompared }).failed).toEqual(['source: not compared. It cannot list.']);
  });

  it('says what the rows of a sink say, and where they say something else', () => {
    const where = { node: 'lb1', epoch: 'e', hour: 7200, segment: null, first: null, last: null };
    const content: ContentReport = {
      ...{ checked: true, reason: null, events: 90, unknown: 5, erasing: 0, expired: 3, derived: 40, more: 0, ok: true },
      differences: [],
    };
    const of = (sink: Partial<SinkReport>) => told({ ...WHOLE, sinks: [{ ...SINK, name: 'embedded', content, ...sink }] });
    expect(of({}).ok.slice(-4)).toEqual([
      'sink embedded: the same counts per node, epoch and hour, 100 events of the 2 segments that the spool still has',
      'sink embedded: 90 events with the content that was delivered, by hash, and 40 rows made of them',
      'sink embedded: the content of 5 events is not compared: an earlier vslog kept no hash of it, or it came again in other segments',
      'sink embedded: the content of 3 events expired, no longer provable',
    ]);
    const differences = [
      { ...where, table: 'conn_events', expected: 9, found: 9, segment: 2, first: 11, last: 19 },
      { ...where, table: 'connections_ended', expected: 9, found: 8 },
      { ...where, table: 'incidents', expected: 1, found: 2 },
    ];
    expect(of({ ok: false, content: { ...content, differences, more: 7, erasing: 4, ok: false } })).toMatchObject({
      failed: [
        'sink embedded: conn_events lb1 e 1970-01-01T02h: 9 rows of segment 2 (sequences 11 to 19), and not all say what was delivered (vslog replay --sink embedded --replace)',
        'sink embedded: connections_ended lb1 e 1970-01-01T02h: 8 of 9 rows (vslog replay --sink embedded)',
        'sink embedded: incidents lb1 e 1970-01-01T02h: 2 rows in place of 1 (vslog replay --sink embedded --replace)',
        'sink embedded: content differs in 7 more places',
      ],
      wait: ['sink embedded: the content of 4 events is not compared while some of them are erased'],
    });
    expect(of({ ok: false, content: notCompared('Nobody listens.') }).failed).toEqual([
      'sink embedded: content not compared. Nobody listens.',
    ]);
  });

  it('says what it proves', () => {
    const counted = { ...SINK, name: 'file' };
    const compared = { ...SINK, name: 'embedded', content: { ...notCompared(''), checked: true } };
    const proof = proofOf([compared, counted, { ...SINK, name: 'kafka', checked: false }]);
    expect(proof).toEqual({ against: 'accident', content: ['embedded'], counts: ['file'], nothing: ['kafka'] });
    expect(verificationText({ ...WHOLE, proof })).toContain(
      ' Content compared: embedded. Only counts compared: file. Not compared: kafka.\n',
    );
  });
});
