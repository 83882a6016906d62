import { describe, expect, it } from 'vitest';
import type { Row, Values } from '../../../src/report/report.js';
import { clientStory, TOLD } from '../../../src/story/client.js';
import type { Ask, WithStates } from '../../../src/story/told.js';
import { parseAddress } from '../../../src/wire/address.js';

const TEN = Date.UTC(2026, 0, 30, 10);
const [A, B] = ['10.0.0.11:8080', '10.0.0.12:8080'];
const WEB = 'tcp 10.0.0.2:80';
const address = parseAddress('10.0.0.101') ?? new Uint8Array();
const VALUES: Values = { client: [{ address, prefix: 128, port: undefined }], since: TEN, until: TEN + 3_600_000 };

const stay = (real: string, ip: string, more: Row = {}): Row => ({
  ...{ service: WEB, real, node: 'lb1', real_ip: ip, real_port: 8080, connections: '2', open: '0', cut: '0', first: String(TEN) },
  ...{ last: String(TEN + 1000), ...more },
});
const CONNECTION: Row = {
  ...{ client: '10.0.0.101:1001', service: WEB, real_server: A, begin: String(TEN), finish: null, seconds: null, outcome: 'open' },
  ...{ state: '', reason: 'none', bytes: '0', quiesced: false, node: 'lb1', conn_id: '18446744073709551615' },
};
const CHANGE: Row = {
  ...{ time: String(TEN + 60_000), kind: 'real_changed', name: '', service: WEB, real_server: A, node: 'lb1', uid: 4_294_967_295 },
  ...{ old_value: 'weight=1 upper=0', new_value: 'weight=0 upper=0', login_uid: 4_294_967_295, pid: 12, through: 'netlink', detail: '' },
  ...{ command: '/usr/sbin/ipvsadm -e -t 10.0.0.2:80 -r 10.0.0.11:8080 -w 0 -m', parent_pid: 0, parent_command: '' },
};

/** A log that answers each kind of question with these rows, and keeps what it was asked. */
function log(answers: readonly (readonly [asked: RegExp, rows: readonly Row[]])[]): { ask: Ask; asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    ask: async ({ sql }) => {
      asked.push(sql);
      return answers.find(([about]) => about.test(sql))?.[1] ?? [];
    },
  };
}

const alone: WithStates = async (rows) => rows;

describe('the story of a client', () => {
  it('is its totals, where it was, its connections with their state of now, and what was changed there', async () => {
    const { ask, asked } = log([
      [
        /uniqExact\(client_ip\)/,
        [
          {
            connections: '3',
            open: '1',
            cut: '1',
            bytes: '99',
            clients: '1',
            services: '1',
            reals: '2',
            nodes: '1',
            first: String(TEN),
            last: null,
          },
        ],
      ],
      [
        /AS how/,
        [
          { outcome: 'closed', connections: '2' },
          { outcome: 'open', connections: '1' },
        ],
      ],
      [/any\(real_ip\)/, [stay(A, '::ffff:10.0.0.11', { open: '1', last: null }), stay(B, '::ffff:10.0.0.12')]],
      [/conn_id/, [CONNECTION]],
      [/FROM control_events/, [CHANGE]],
    ]);
    const states: WithStates = async (rows, values) => {
      expect(values.client).toBe(VALUES.client);
      return rows.map((row) => ({ ...row, state: 'ESTABLISHED' }));
    };
    const story = await clientStory(ask, states, VALUES);
    expect(story.total).toEqual({
      connections: 3,
      open: 1,
      cut: 1,
      bytes: 99,
      clients: 1,
      services: 1,
      reals: 2,
      nodes: 1,
      first: TEN,
      last: null,
    });
    expect(story.outcomes).toEqual([
      { outcome: 'closed', connections: 2 },
      { outcome: 'open', connections: 1 },
    ]);
    expect(story.stays.map(({ real, open, last }) => [real, open, last])).toEqual([
      [A, 1, null],
      [B, 0, TEN + 1000],
    ]);
    expect(story.connections).toEqual([
      {
        node: 'lb1',
        id: '18446744073709551615',
        client: '10.0.0.101:1001',
        service: WEB,
        real: A,
        begin: TEN,
        end: null,
        seconds: null,
        outcome: 'open',
        state: 'ESTABLISHED',
        bytes: 0,
      },
    ]);
    expect(story.changes).toEqual([
      expect.objectContaining({ at: TEN + 60_000, what: `real server ${A} of ${WEB}`, change: 'weight=1 → weight=0', through: 'netlink' }),
    ]);
    const [{ who = '', whole = '' } = {}] = story.changes;
    expect(who).toBe('unknown user: ipvsadm -e -t 10.0.0.2:80 -r 10.0.0.11:…');
    expect(whole).toContain('/usr/sbin/ipvsadm -e -t 10.0.0.2:80 -r 10.0.0.11:8080 -w 0 -m (pid 12)');
    // Of both real servers, and of the time that was asked for.
    const changes = asked.find((sql) => sql.includes('FROM control_events WHERE time_ns >=')) ?? '';
    expect(changes).toContain('ffff:0a00:000b');
    expect(changes).toContain('ffff:0a00:000c');
    expect(changes).toContain(String(TEN));
    expect(asked.find((sql) => sql.includes('conn_id') && sql.includes('ORDER BY start DESC'))).toMatch(new RegExp(`LIMIT ${TOLD}$`));
  });

  it('is what it was dropped and refused, too', async () => {
    const { ask } = log([
      [
        /nodest_drop/,
        [{ real_server: B, service: WEB, client: '10.0.0.101', packets: 5, connections: 1, first: TEN, last: TEN + 1, removed: null }],
      ],
      [/sched_fail/, [{ service: WEB, node: 'lb1', connections: '2', first: String(TEN), last: String(TEN + 5) }]],
    ]);
    const { drops, refusals } = await clientStory(ask, alone, VALUES);
    expect(drops).toEqual([{ real: B, service: WEB, packets: 5, connections: 1, first: TEN, last: TEN + 1, removed: null }]);
    expect(refusals).toEqual([{ service: WEB, node: 'lb1', connections: 2, first: TEN, last: TEN + 5 }]);
  });

  it('asks for no changes where it was nowhere', async () => {
    const { ask, asked } = log([[/any\(real_ip\)/, [stay(':0', '::')]]]);
    const story = await clientStory(ask, alone, VALUES);
    expect(story.total).toMatchObject({ connections: 0, first: null, last: null });
    expect(story.changes).toEqual([]);
    expect(asked.filter((sql) => sql.includes('control_events') && sql.includes('old_value'))).toEqual([]);
  });
});
