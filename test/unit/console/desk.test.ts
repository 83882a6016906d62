import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../../src/cli/address.js';
import { Desk } from '../../../src/console/desk.js';
import { ConsoleError } from '../../../src/console/errors.js';
import { toLong } from '../../../src/wire/proto.js';
import { FakeBalancer } from '../support/fake-balancer.js';
import { FakeKnobs } from '../support/fake-knobs.js';
import { FakeSqlStore } from '../support/fake-sql-store.js';
import { fieldsOfPage } from '../support/page-types.js';
import { withDirectory } from '../support/temporary.js';

const WEB = 'tcp 10.0.0.1:80';
const TLS = 'tcp 10.0.0.1:443';
const REAL = '10.0.0.11:8080';
const OTHER = '10.0.0.12:8080';
const NOW = 1_700_000_000_000_000_000n;

interface Ground {
  readonly balancer: FakeBalancer;
  readonly store: FakeSqlStore;
  readonly desk: Desk;
  readonly dir: string;
}

/** A desk before a balancer whose real server is in two services. */
async function ground(action: (ground: Ground) => Promise<void>): Promise<void> {
  await withDirectory(async (dir) => {
    const socket = join(dir, 'capture.sock');
    const balancer = new FakeBalancer(socket);
    balancer.add(WEB, { [REAL]: 3, [OTHER]: 1 });
    balancer.add(TLS, { [REAL]: 5 });
    await balancer.listen();
    const store = new FakeSqlStore();
    try {
      await action({ balancer, store, desk: new Desk(socket, store), dir });
    } finally {
      await balancer.close();
    }
  });
}

/** The same before the knobs of a capture. */
async function knobGround(action: (capture: FakeKnobs, desk: Desk) => Promise<void>): Promise<void> {
  await withDirectory(async (dir) => {
    const socket = join(dir, 'capture.sock');
    const capture = new FakeKnobs(socket);
    await capture.listen();
    try {
      await action(capture, new Desk(socket, undefined));
    } finally {
      await capture.close();
    }
  });
}

/** The status and the sentence that somebody is told. */
async function refusal(of: () => Promise<unknown>): Promise<string> {
  try {
    await of();
  } catch (error) {
    if (error instanceof ConsoleError) return `${error.status}: ${error.message}`;
    throw error;
  }
  return 'no refusal';
}

const connection = (client: string, ageS: number, more: object = {}): object => ({
  ...{ kind: 'snapshot', protocol: 6, state: 1, time_ns: toLong(NOW), created_ns: toLong(NOW - BigInt(ageS) * 1_000_000_000n) },
  ...{ client_addr: parseAddress(client), client_port: 1000 + ageS, virtual_addr: parseAddress('10.0.0.1'), virtual_port: 80 },
  ...{ real_addr: parseAddress('10.0.0.11'), real_port: 8080, ...more },
});

describe('the services', () => {
  it('are as they are, with what the page reads', () =>
    ground(async ({ desk, balancer }) => {
      balancer.real(WEB, REAL).active = 7;
      const [web, tls] = (await desk.services()) as { name: string; settings: object; reals: Record<string, unknown>[] }[];
      expect(web).toMatchObject({ name: WEB, settings: { service_scheduler: 'wlc' } });
      expect(web?.reals[0]).toMatchObject({ name: REAL, weight: 3, active: 7, inactive: 0, overloaded: false, traffic: null });
      expect(tls).toMatchObject({ name: TLS, reals: [{ name: REAL, weight: 5 }] });
      expect(Object.keys(web ?? {})).toEqual(expect.arrayContaining(fieldsOfPage('Service')));
      expect(Object.keys(web?.reals[0] ?? {}).sort()).toEqual(fieldsOfPage('Real'));
    }));

  it('are told to be away when nobody answers', async () => {
    const desk = new Desk('/nowhere/capture.sock', undefined);
    for (const ask of [() => desk.services(), () => desk.knobs(), () => desk.drains()])
      expect(await refusal(ask)).toMatch(/^503: There is no capture at \/nowhere\/capture\.sock/);
  });

  it('change for somebody, whose name is in the record', () =>
    ground(async ({ desk, balancer }) => {
      expect(await desk.setWeight(WEB, REAL, 9, 'alice')).toEqual({
        old: 'weight=3 forward=masq upper=0 lower=0',
        new: 'weight=9 forward=masq upper=0 lower=0',
      });
      expect(balancer.changes).toEqual([`set ${WEB} ${REAL} real_weight=9`]);
      expect(balancer.authors).toEqual(['alice@console']);
    }));

  it.each([-1, 65_536, 1.5, Number.NaN])('take no weight of %d', (weight) =>
    ground(async ({ desk, balancer }) => {
      expect(await refusal(async () => desk.setWeight(WEB, REAL, weight, 'alice'))).toBe(
        '400: A weight is a whole number from 0 to 65535.',
      );
      expect(balancer.changes).toEqual([]);
    }),
  );
});

describe('the knobs', () => {
  it('are those of the catalogue, with what the page reads', () =>
    knobGround(async (capture, desk) => {
      capture.put('expire_nodest_conn', { value: '1' });
      capture.put('drop_entry', { problem: 'It may not be read.', settable: false });
      const list = (await desk.knobs()) as Record<string, unknown>[];
      expect(list.map(({ name }) => name)).toEqual([...capture.entries.keys()]);
      for (const one of list) expect(Object.keys(one)).toEqual(expect.arrayContaining(fieldsOfPage('KnobInfo')));
      const named = (name: string) => list.find((one) => one.name === name);
      expect(named('expire_nodest_conn')).toMatchObject({ value: '1', default: '0', allowed: '0 or 1', settable: true, problem: '' });
      expect(named('drop_entry')).toMatchObject({ problem: 'It may not be read.', settable: false });
      expect(list.some(({ allowed }) => allowed === '')).toBe(true);
    }));

  it('are set as people write them', () =>
    knobGround(async (capture, desk) => {
      expect(await desk.setKnob('timeout-tcp', '15m', 'alice')).toEqual({ name: 'timeout_tcp', old: '900', new: '900' });
      expect(await desk.setKnob('net.ipv4.vs.drop_entry', '3', 'alice')).toEqual({ name: 'drop_entry', old: '0', new: '3' });
      expect(capture.requests.map(({ message }) => message)).toMatchObject([
        { for_whom: 'alice@console', assignments: [{ name: 'timeout_tcp', value: '900' }] },
        { for_whom: 'alice@console', assignments: [{ name: 'drop_entry', value: '3' }] },
      ]);
    }));

  it('are refused before the capture is asked, where there is none or no such value', () =>
    knobGround(async (capture, desk) => {
      expect(await refusal(async () => desk.setKnob('expire-nodest-con', '1', 'a'))).toBe(
        '404: There is no knob expire-nodest-con: do you mean expire_nodest_conn?',
      );
      expect(await refusal(async () => desk.setKnob('drop_entry', '4', 'a'))).toBe('400: drop_entry takes 0, 1, 2 or 3, not "4".');
      expect(capture.requests).toEqual([]);
    }));

  it.each([
    [1, '403: You may not.'],
    [95, '409: You may not.'],
  ])('are refused by the capture with errno %d', (code, told) =>
    knobGround(async (capture, desk) => {
      capture.refusal = { code, message: 'You may not.' };
      expect(await refusal(() => desk.setKnob('drop_entry', '1', 'a'))).toBe(told);
    }),
  );
});

describe('the drain board', () => {
  it('is empty while every real server has a weight', () => ground(async ({ desk }) => expect(await desk.drains()).toEqual([])));

  it('tells what is left on a quiesced real server, of whom, and until when', () =>
    ground(async ({ balancer, store, desk }) => {
      balancer.real(WEB, REAL).settings.set('real_weight', '0');
      Object.assign(balancer.real(WEB, REAL), { active: 3, inactive: 1, persistent: 1 });
      balancer.connections = [
        connection('10.1.0.1', 100),
        connection('10.1.0.1', 5),
        connection('10.1.0.2', 30),
        connection('10.1.0.3', 30, { state: 5 }),
        connection('10.1.0.9', 500, { is_template: true }),
      ];
      // Each lives 60 s.
      store.rows = () => [[60, 100, 0]];
      const drains = (await desk.drains()) as Record<string, unknown>[];
      expect(drains).toHaveLength(1);
      const [drain = {}] = drains;
      expect(Object.keys(drain)).toEqual(expect.arrayContaining(fieldsOfPage('Drain')));
      expect(drain).toMatchObject({
        ...{ of: REAL, service: WEB, host: false, established: 3, others: 1, templates: 1, oldest: 100, verdict: '' },
        places: [{ service: WEB, real: REAL, weight: null }],
        serves: [`${REAL} of ${TLS}`],
        clients: [
          ['10.1.0.1', 2],
          ['10.1.0.2', 1],
        ],
        text: expect.stringMatching(/3 established connections left, 1 other is/),
        // One is older than any that was seen.
        forecast: { unknown: 1 },
      });
      expect(drain.prediction).not.toBe('');
      // The past of the last minute is asked once.
      await desk.drains();
      expect(store.asked).toHaveLength(1);
    }));

  it('is of the host where all of it is quiesced, of a real server where another port goes on', () =>
    ground(async ({ balancer, desk }) => {
      balancer.connections = [];
      await desk.drain('quiesce', REAL, undefined, 'alice');
      expect(await desk.drains()).toMatchObject([
        { of: '10.0.0.11', host: true, service: null, verdict: 'Safe to unplug', serves: [], places: [{ weight: 3 }, { weight: 5 }] },
      ]);
      balancer.add('tcp 10.0.0.2:80', { '10.0.0.11:8081': 1 });
      expect(await desk.drains()).toMatchObject([
        { of: REAL, host: false, service: null, verdict: 'Safe to stop', serves: ['10.0.0.11:8081 of tcp 10.0.0.2:80'] },
      ]);
      expect(await desk.drain('cancel', '10.0.0.11', undefined, 'alice')).toMatchObject({
        steps: [{ after: 3 }, { after: 5 }, { before: 1, after: 1 }],
      });
    }));

  it('says why it predicts nothing, and asks again the next time', () =>
    ground(async ({ balancer, store, desk }) => {
      balancer.real(WEB, REAL).settings.set('real_weight', '0');
      balancer.real(WEB, REAL).active = 1;
      balancer.connections = [connection('10.1.0.1', 5)];
      store.rows = () => Promise.reject(new Error('The store is away.'));
      expect(await desk.drains()).toMatchObject([{ prediction: 'no forecast: The store is away.', forecast: null }]);
      store.rows = () => [[60, 100, 0]];
      expect(await desk.drains()).toMatchObject([{ forecast: { unknown: 0 } }]);
      expect(store.asked).toHaveLength(2);
    }));

  it('predicts nothing without a store', () =>
    ground(async ({ balancer, dir }) => {
      balancer.real(WEB, REAL).settings.set('real_weight', '0');
      balancer.real(WEB, REAL).active = 1;
      balancer.connections = [connection('10.1.0.1', 5)];
      const desk = new Desk(join(dir, 'capture.sock'), undefined);
      expect(await desk.drains()).toMatchObject([{ prediction: 'no forecast: there is no store.', forecast: null }]);
    }));

  it('quiesces, gives the old weights back, and removes what is empty', () =>
    ground(async ({ balancer, desk, dir }) => {
      expect(await desk.drain('quiesce', REAL, undefined, 'alice')).toEqual({
        steps: [
          { service: WEB, real: REAL, before: 3, after: 0 },
          { service: TLS, real: REAL, before: 5, after: 0 },
        ],
      });
      expect(JSON.parse(readFileSync(join(dir, 'drains.json'), 'utf8'))).toEqual({ [`${WEB} > ${REAL}`]: 3, [`${TLS} > ${REAL}`]: 5 });
      expect(await desk.drain('cancel', REAL, WEB, 'alice')).toEqual({ steps: [{ service: WEB, real: REAL, before: 0, after: 3 }] });
      expect(await desk.drain('remove', REAL, TLS, 'alice')).toEqual({ removed: [`${REAL} from ${TLS}`] });
      expect(balancer.changes).toEqual([
        `set ${WEB} ${REAL} real_weight=0`,
        `set ${TLS} ${REAL} real_weight=0`,
        `set ${WEB} ${REAL} real_weight=3`,
        `remove ${TLS} ${REAL}`,
      ]);
      expect(new Set(balancer.authors)).toEqual(new Set(['alice@console']));
    }));

  it('cuts nobody off, and does nothing that it does not know', () =>
    ground(async ({ balancer, desk }) => {
      await desk.drain('quiesce', REAL, WEB, 'alice');
      balancer.real(WEB, REAL).active = 1;
      balancer.changes.length = 0;
      expect(await refusal(() => desk.drain('remove', REAL, WEB, 'a'))).toBe(
        `409: ${REAL} has an established connection: removing it would cut them.`,
      );
      expect(await refusal(() => desk.drain('explode', REAL, WEB, 'a'))).toBe(
        '400: There is no action "explode": quiesce, cancel or remove.',
      );
      expect(await refusal(() => desk.drain('remove', OTHER, WEB, 'a'))).toMatch(/^409: 10\.0\.0\.12:8080 has weight 1 in /);
      expect(await refusal(() => desk.drain('quiesce', '10.0.0.99:1', undefined, 'a'))).toMatch(
        /^409: No virtual service has the real server 10\.0\.0\.99:1/,
      );
      expect(balancer.changes).toEqual([]);
    }));
});
