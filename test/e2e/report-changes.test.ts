import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { serviceFilterOf } from '../../src/cli/place.js';
import { parseServiceKey } from '../../src/cli/service-address.js';
import { findKnob } from '../../src/knob/catalogue.js';
import { changes } from '../../src/report/changes.js';
import type { Row, Values } from '../../src/report/report.js';
import { createEmbeddedStore, type Store } from '../../src/store/index.js';
import { toLong, v1 } from '../../src/wire/proto.js';
import { segmentOf, v4 } from './store-segments.js';

/** A time that a test can count from, ms. */
const NOW = Date.UTC(2026, 0, 31, 12);
const HOUR = 3_600_000;
const V6 = Uint8Array.from([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

let dir = '';
let store: Store;
let sequence = 0n;

type Fields = Omit<Parameters<typeof v1.ControlEvent.encodeDelimited>[0], 'kind'>;

/** `secondsAgo`: before NOW. */
function event(secondsAgo: number, kind: keyof typeof v1.ControlKind.Value, fields: Fields): Uint8Array {
  return v1.ControlEvent.encodeDelimited({
    uid: 0xffff_ffff,
    login_uid: 0xffff_ffff,
    ...fields,
    kind: v1.ControlKind.Value[kind],
    time_ns: toLong(BigInt(NOW - secondsAgo * 1000) * 1_000_000n),
    sequence: toLong(++sequence),
  }).finish();
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'vslog-store-'));
  store = createEmbeddedStore({ dir: join(dir, 'ch') });
  const web = { protocol: 6, family: 4, virtual_addr: v4(2), virtual_port: 80 };
  const root = { uid: 0, login_uid: 1000, pid: 12, command: 'ipvsadm -e', parent_pid: 7, parent_command: 'bash' };
  const netlink = { ...root, through: v1.Through.Value.netlink };
  const events = [
    event(7200, 'knob_changed', { name: 'drop_entry', old_value: '0', new_value: '1', ...root, through: v1.Through.Value.sysctl }),
    event(900, 'capture_started', {}),
    event(800, 'service_added', { ...web, new_value: 'scheduler=wlc persistent=60s flags=0x3', ...netlink }),
    event(700, 'real_added', {
      ...web,
      real_addr: v4(11),
      real_port: 8080,
      new_value: 'weight=1 forward=masq upper=0 lower=0',
      ...netlink,
    }),
    event(600, 'real_changed', {
      ...web,
      real_addr: v4(11),
      real_port: 8080,
      old_value: 'weight=1 forward=masq upper=0 lower=0',
      new_value: 'weight=1 forward=masq upper=9 lower=0',
      ...netlink,
    }),
    event(500, 'overload_on', { ...web, real_addr: v4(11), real_port: 8080 }),
    event(400, 'real_changed', {
      protocol: 17,
      family: 6,
      virtual_addr: V6,
      virtual_port: 53,
      real_addr: V6,
      real_port: 5353,
      old_value: 'weight=1 forward=masq upper=0 lower=0',
      new_value: 'weight=0 forward=masq upper=0 lower=0',
      ...netlink,
    }),
    event(300, 'service_removed', { fwmark: 7, family: 6, old_value: 'scheduler=rr flags=0x2', ...netlink }),
    event(200, 'knob_changed', { name: 'net.ipv4.vs.drop_entry', old_value: '1', new_value: '2', detail: 'it was found by comparison' }),
    // In one nanosecond: the later one is the newer.
    event(100, 'knob_changed', { name: 'conntrack', old_value: '0', new_value: '1', ...root, through: v1.Through.Value.vslog }),
    event(100, 'knob_changed', { name: 'conntrack', old_value: '1', new_value: '0', ...root, through: v1.Through.Value.vslog }),
  ];
  await store.deliver(segmentOf(dir, events, [{ first: 1n, last: sequence }], { record: 'control' }));
});

afterAll(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

async function ask(values: Values): Promise<Row[]> {
  const { sql, columns } = changes.question(values);
  const text = Buffer.from(await store.query(sql, { format: 'JSONCompact' })).toString('utf8');
  const { meta, data } = JSON.parse(text) as { meta: { name: string }[]; data: unknown[][] };
  expect(meta.map(({ name }) => name)).toEqual(columns);
  return data.map((cells) => Object.fromEntries(columns.map((name, at) => [name, cells[at]])));
}

/** As a person reads them, without the time. */
async function told(values: Values): Promise<string[][]> {
  const rows = await ask(values);
  const cells = changes.columns.filter(({ title }) => title !== 'time' && title !== 'who' && title !== 'director');
  return rows.map((row) => cells.map(({ cell }) => cell(row, 'UTC')));
}

test('every change, newest first, and nothing else', async () => {
  expect(await told({ since: NOW - HOUR })).toEqual([
    ['conntrack', '1 → 0', 'vslog'],
    ['conntrack', '0 → 1', 'vslog'],
    ['drop_entry', '1 → 2', 'unknown'],
    ['fwmark 7 ipv6', 'removed: scheduler=rr flags=0x2', 'netlink'],
    ['real server [2001:db8::1]:5353 of udp [2001:db8::1]:53', 'weight=1 → weight=0', 'netlink'],
    ['real server 10.0.0.11:8080 of tcp 10.0.0.2:80', 'upper=0 → upper=9', 'netlink'],
    ['real server 10.0.0.11:8080 of tcp 10.0.0.2:80', 'added: weight=1 forward=masq upper=0 lower=0', 'netlink'],
    ['tcp 10.0.0.2:80', 'added: scheduler=wlc persistent=60s flags=0x3', 'netlink'],
  ]);
});

test('who made it', async () => {
  const [who] = changes.columns.filter(({ title }) => title === 'who');
  const rows = await ask({ since: NOW - 250_000 });
  const known = /^(root|uid 0) \(login .+\): ipvsadm -e \(pid 12\), parent bash \(pid 7\)$/;
  expect(rows.map((row) => who?.cell(row, 'UTC').replace(known, 'known'))).toEqual(['known', 'known', 'unknown: found by comparison']);
  expect(rows[2]).toMatchObject({ name: 'net.ipv4.vs.drop_entry', time: Date.UTC(2026, 0, 31, 11, 56, 40), through: 'unknown', node: 'n' });
});

test('of a time, a knob, a service; so many', async () => {
  const knob = (name: string) => {
    const found = findKnob(name);
    if (found === undefined) throw new Error(name);
    return found;
  };
  expect(await told({})).toHaveLength(9);
  expect(await told({ since: NOW - 800_000, until: NOW - 700_000 })).toEqual([
    ['tcp 10.0.0.2:80', 'added: scheduler=wlc persistent=60s flags=0x3', 'netlink'],
  ]);
  expect((await told({ knob: knob('drop_entry') })).map(([, change]) => change)).toEqual(['1 → 2', '0 → 1']);
  expect((await told({ knob: knob('real_weight') })).map(([, change]) => change)).toEqual([
    'weight=1 → weight=0',
    'added: weight=1 forward=masq upper=0 lower=0',
  ]);
  expect(await told({ knob: knob('service_timeout') })).toHaveLength(1);
  expect(await told({ knob: knob('service_flags') })).toHaveLength(2);
  expect(await told({ knob: knob('service_netmask') })).toEqual([]);
  expect(await told({ service: serviceFilterOf('vs', 'tcp 10.0.0.2:80') })).toHaveLength(3);
  expect(await told({ service: serviceFilterOf('vs', 'udp 10.0.0.2:80') })).toEqual([]);
  expect(await told({ service: serviceFilterOf('vs', 'udp [2001:db8::1]:53') })).toHaveLength(1);
  expect(await told({ service: serviceFilterOf('vs', 'fwmark 7') })).toHaveLength(1);
  expect(await told({ service: serviceFilterOf('vs', 'fwmark 7 ipv6') })).toHaveLength(1);
  expect(await told({ limit: 2 })).toHaveLength(2);
});

test('a service is written as --vs takes it', async () => {
  const services = (await ask({ since: NOW - HOUR })).map(({ service }) => String(service)).filter((service) => service !== '');
  expect(services).toHaveLength(5);
  for (const service of services) expect(() => parseServiceKey(service)).not.toThrow();
});
