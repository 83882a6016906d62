import { describe, expect, it } from 'vitest';
import type { Row } from '../../../src/report/report.js';
import { connectionStory, NoSuchConnection } from '../../../src/story/connection.js';
import type { Ask, WithStates } from '../../../src/story/told.js';

const TEN = Date.UTC(2026, 0, 30, 10);
const A = '10.0.0.11:8080';
const WEB = 'tcp 10.0.0.2:80';
const ROW: Row = {
  ...{ node: 'lb1', conn_id: '5', client: '10.0.0.102:1004', service: WEB, real: A, begin: String(TEN), finish: String(TEN + 120_000) },
  ...{ seconds: 120, outcome: 'server_removed', state: 'ESTABLISHED', reason: 'nodest', cut: 1, template: 0, template_id: '4' },
  ...{ scheduled_by: 'persistence', forward: 'masq', weight: 0, flags: ['HASHED'], timer: 900, packets_in: '2', bytes_in: '10' },
  ...{ packets_out: '3', bytes_out: '20', client_ip: '::ffff:10.0.0.102', real_ip: '::ffff:10.0.0.11', real_port: 8080 },
};
const OPEN: Row = { ...ROW, finish: null, seconds: null, outcome: 'open', state: '', reason: 'none', cut: 0, template_id: '0', weight: -1 };
const around = (id: string): Row => ({
  ...{ node: 'lb1', conn_id: id, client: '10.0.0.102:1', service: WEB, real_server: A, begin: TEN, finish: TEN, seconds: 0 },
  ...{ outcome: 'closed', state: 'TIME_WAIT', bytes: 1 },
});

interface Log {
  readonly found: readonly Row[];
  readonly events?: readonly Row[];
  readonly template?: Row;
  readonly siblings?: number;
  readonly around?: readonly Row[];
}

function log(has: Log): { ask: Ask; asked: string[] } {
  const asked: string[] = [];
  const ask: Ask = async ({ sql }) => {
    asked.push(sql);
    if (sql.includes('FROM conn_events')) return has.events ?? [];
    if (sql.includes('FROM control_events')) return [];
    if (sql.startsWith('SELECT count()')) return [{ connections: String(has.siblings ?? 0) }];
    if (sql.includes('conn_id = 4 ')) return has.template === undefined ? [] : [has.template];
    return sql.includes('conn_id = 5') ? has.found : (has.around ?? []);
  };
  return { ask, asked };
}

const alone: WithStates = async (rows) => rows;
const tell = (has: Log, node?: string) => connectionStory(log(has).ask, alone, 5n, node, TEN + 300_000);

describe('the story of a connection', () => {
  it('is how it came to its server, what happened, and how it ended', async () => {
    const { connection, sentence, steps } = await tell({
      found: [ROW],
      events: [
        { at: String(TEN), kind: 'create', state: 'SYN_RECV', packets: '0', weight: 0, scheduled_by: 'persistence' },
        { at: String(TEN + 1000), kind: 'state', state: 'ESTABLISHED', packets: '0', weight: 0, scheduled_by: 'persistence' },
        { at: String(TEN + 119_000), kind: 'nodest_drop', state: 'ESTABLISHED', packets: '2', weight: 0, scheduled_by: 'persistence' },
        { at: String(TEN + 120_000), kind: 'expire', state: 'ESTABLISHED', packets: '0', weight: 0, scheduled_by: 'persistence' },
      ],
    });
    expect(connection).toMatchObject({
      id: '5',
      node: 'lb1',
      begin: TEN,
      end: TEN + 120_000,
      seconds: 120,
      cut: true,
      bytes: 30,
      weight: 0,
    });
    expect(sentence).toBe('The server was removed while it was established, after 2 min.');
    expect(steps).toEqual([
      { at: TEN, text: `Created: sent to ${A}, which had weight 0, by persistence.` },
      { at: TEN + 1000, text: 'State ESTABLISHED.' },
      { at: TEN + 119_000, text: '2 packets dropped: the real server was gone.' },
      { at: TEN + 120_000, text: sentence },
    ]);
  });

  it('is its template with the others that it led, and the others of its client without itself', async () => {
    const story = await tell({
      found: [ROW],
      template: { ...ROW, conn_id: '4', template: 1, outcome: 'idle' },
      siblings: 3,
      around: [around('5'), around('6')],
    });
    expect(story.template).toMatchObject({ id: '4', outcome: 'idle' });
    expect(story.siblings).toBe(2);
    expect(story.around.map(({ id }) => id)).toEqual(['6']);
  });

  it('asks for its own time and its own server only', async () => {
    const { ask, asked } = log({ found: [ROW] });
    await connectionStory(ask, alone, 5n, 'lb1', TEN + 300_000);
    expect(asked[0]).toContain("WHERE conn_id = 5 AND node = 'lb1'");
    const events = asked.find((sql) => sql.includes('FROM conn_events')) ?? '';
    expect(events).toContain(`toInt64(${TEN - 1000})`);
    expect(events).toContain(`toInt64(${TEN + 121_000})`);
    const changes = asked.find((sql) => sql.includes('FROM control_events WHERE time_ns >=')) ?? '';
    expect(changes).toContain('ffff:0a00:000b');
    expect(changes).toContain("node = 'lb1'");
  });

  it('goes on until now while it is open, with its state of now', async () => {
    const states: WithStates = async (rows) => rows.map((row) => (row.outcome === 'open' ? { ...row, state: 'ESTABLISHED' } : row));
    const { connection, sentence, template } = await connectionStory(log({ found: [OPEN] }).ask, states, 5n, undefined, TEN + 300_000);
    expect(sentence).toBe('Open for 5 min, now ESTABLISHED.');
    expect(connection).toMatchObject({ end: null, weight: null, state: 'ESTABLISHED' });
    expect(template).toBeNull();
  });

  it.each([
    ['The log has no connection 5: it keeps them', [], undefined],
    ['The log has no connection 5 of lb9: it keeps them', [], 'lb9'],
    ['Several directors have a connection 5: lb1, lb2. Say which', [ROW, { ...ROW, node: 'lb2' }], undefined],
  ])('%s ...', async (sentence, found, node) => {
    const refused = await tell({ found }, node).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(NoSuchConnection);
    expect((refused as Error).message).toContain(sentence);
  });
});
