import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Traffic } from '../../src/metrics/traffic/traffic.js';
import { createEmbeddedStore, type Store } from '../../src/store/index.js';
import { toLong, v1 } from '../../src/wire/proto.js';
import { balanced } from '../unit/metrics/traffic/balanced.js';
import { connEvent, segmentOf, v4 } from './store-segments.js';

const dir = mkdtempSync(join(tmpdir(), 'vslog-traffic-'));
const SECOND = 1_000_000_000n;
/** Some minutes ago, ms. */
const BEGIN = (Math.floor(Date.now() / 60_000) - 5) * 60_000;
const at = (seconds: number): bigint => BigInt(BEGIN + seconds * 1000) * 1_000_000n;
const V6 = Uint8Array.from([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
const NOBODY = new Uint8Array(16);
let store: Store;
const traffics: Traffic[] = [];
let nowMs = BEGIN;

beforeAll(() => {
  store = createEmbeddedStore({ dir: join(dir, 'ch') });
});

afterAll(async () => {
  for (const traffic of traffics) traffic.stop();
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

/** Metrics of a balancer over the store; a scrape waits for both. */
function metrics(limit: number, services: Parameters<typeof balanced>[0], kind = 'ipvs'): () => Promise<string[]> {
  const traffic = new Traffic({
    limit,
    store,
    list: () => Promise.resolve(balanced(services)),
    note: () => undefined,
    waitMs: 600_000,
    now: () => nowMs,
  });
  traffics.push(traffic);
  return async () => {
    nowMs += 15_000;
    return (await traffic.exposition({ node: 'n', kind })).split('\n');
  };
}

let next = 1n;
let segments = 0;

async function deliver(record: 'conn' | 'control', ...events: readonly ((sequence: bigint) => Uint8Array)[]): Promise<void> {
  const first = next;
  const bodies = events.map((event) => event(next++));
  await store.deliver(segmentOf(dir, bodies, [{ first, last: next - 1n }], { id: ++segments, record }));
}

type Fields = Omit<Parameters<typeof connEvent>[0], 'sequence' | 'kind'>;

const event =
  (kind: Parameters<typeof connEvent>[0]['kind'], fields: Fields) =>
  (sequence: bigint): Uint8Array =>
    connEvent({ time: at(60), ...fields, kind, sequence, conn: sequence });

const WEB = { virtual_addr: v4(2), virtual_port: 80, real_addr: v4(11), real_port: 8080 };

function change(kind: keyof typeof v1.ControlKind.Value, seconds: number, oldValue: string, newValue: string, fields: object) {
  return (sequence: bigint): Uint8Array =>
    v1.ControlEvent.encodeDelimited({
      ...{ kind: v1.ControlKind.Value[kind], time_ns: toLong(at(seconds)), sequence: toLong(sequence), protocol: 6, family: 4 },
      ...{ old_value: oldValue, new_value: newValue, virtual_addr: v4(2), virtual_port: 80, real_addr: v4(11), real_port: 8080 },
      ...fields,
    }).finish();
}

const SERVICES = {
  '10.0.0.2:80': { '10.0.0.11:8080': 1 },
  '10.0.0.3:0': { '10.0.0.12:0': 1 },
  '10.0.0.3:443': { '10.0.0.13:443': 1 },
  'fwmark 7': { '10.0.0.14:0': 1 },
  'fwmark 7 ipv6': { '[2001:db8::7]:80': 1 },
};

it('counts by virtual service and real server what the store has, whatever the service is made of', async () => {
  const scrape = metrics(200, SERVICES);
  await deliver('conn', event('create', WEB), event('create', WEB));
  await deliver('control', change('real_added', 1, '', 'weight=1 forward=masq upper=0 lower=0', {}));
  const before = await scrape();
  expect(before).toContain('vslog_rs_connections_created_total{vs="tcp 10.0.0.2:80",rs="10.0.0.11:8080"} 0');
  expect(before).toContain(`vslog_rs_last_change_timestamp_seconds{vs="tcp 10.0.0.2:80",rs="10.0.0.11:8080"} ${BEGIN / 1000 + 1}`);

  const ended = { ...WEB, reason: v1.EndReason.Value.timeout, state: 5, duration_ns: toLong(2n * SECOND) };
  await deliver(
    'conn',
    event('create', WEB),
    event('expire', ended),
    event('expire', { ...ended, reason: v1.EndReason.Value.expire_now }),
    // Port 0 takes every port, and its server too; a service of its own with a port goes before.
    ...[5555, 6666, 7777].map((port) => event('create', { virtual_addr: v4(3), virtual_port: port, real_addr: v4(12), real_port: port })),
    event('create', { virtual_addr: v4(3), virtual_port: 443, real_addr: v4(13), real_port: 443 }),
    // A mark, by whatever address.
    event('create', { fwmark: 7, virtual_addr: v4(200), virtual_port: 1234, real_addr: v4(14), real_port: 1234 }),
    event('create', { fwmark: 7, family: 6, virtual_addr: V6, virtual_port: 80, real_addr: V6, real_port: 80 }),
    event('create', { fwmark: 7, family: 6, virtual_addr: V6, virtual_port: 80, real_addr: V6, real_port: 80 }),
    event('sched_fail', { ...WEB, real_addr: NOBODY, real_port: 0 }),
    // A removed server's, and a service that the balancer does not have.
    event('nodest_drop', { ...WEB, real_addr: v4(99), drop_packets: toLong(5n) }),
    event('create', { virtual_addr: v4(77), virtual_port: 80 }),
  );
  await deliver(
    'control',
    change('real_changed', 70, 'weight=1 forward=masq upper=0 lower=0', 'weight=0 forward=masq upper=0 lower=0', {}),
    change('real_removed', 71, 'weight=0 forward=masq upper=0 lower=0', '', {}),
    change('real_removed', 72, 'weight=3 forward=masq upper=0 lower=0', '', {}),
    change('overload_on', 73, '', '', {}),
    change('real_added', 74, '', 'weight=1 forward=masq upper=0 lower=0', {
      ...{ family: 6, fwmark: 7, protocol: 0, virtual_addr: NOBODY, virtual_port: 0, real_addr: V6, real_port: 80 },
    }),
  );
  const lines = await scrape();
  const rs = (name: string, vs: string, real: string, more = ''): string => `vslog_rs_${name}{vs="${vs}",rs="${real}"${more}}`;
  const web = ['tcp 10.0.0.2:80', '10.0.0.11:8080'] as const;
  for (const line of [
    `${rs('connections_created_total', ...web)} 1`,
    `${rs('connections_ended_total', ...web, ',outcome="closed"')} 1`,
    `${rs('connections_ended_total', ...web, ',outcome="replaced"')} 1`,
    `${rs('connection_lifetime_seconds_bucket', ...web, ',le="1.024"')} 0`,
    `${rs('connection_lifetime_seconds_bucket', ...web, ',le="4.096"')} 2`,
    `${rs('connection_lifetime_seconds_count', ...web)} 2`,
    `${rs('changes_total', ...web)} 3`,
    `${rs('withdrawals_total', ...web)} 2`,
    `${rs('overloads_total', ...web)} 1`,
    `${rs('last_change_timestamp_seconds', ...web)} ${BEGIN / 1000 + 72}`,
    `${rs('connections_created_total', 'tcp 10.0.0.3:0', '10.0.0.12:0')} 3`,
    `${rs('connections_created_total', 'tcp 10.0.0.3:443', '10.0.0.13:443')} 1`,
    `${rs('connections_created_total', 'fwmark 7', '10.0.0.14:0')} 1`,
    `${rs('connections_created_total', 'fwmark 7 ipv6', '[2001:db8::7]:80')} 2`,
    `${rs('changes_total', 'fwmark 7 ipv6', '[2001:db8::7]:80')} 1`,
    `${rs('changes_total', 'fwmark 7', '10.0.0.14:0')} 0`,
    `${rs('connections_created_total', 'other', 'other')} 1`,
    `${rs('nodest_dropped_packets_total', 'other', 'other')} 5`,
    'vslog_vs_connections_created_total{vs="other"} 1',
    'vslog_vs_nodest_dropped_packets_total{vs="tcp 10.0.0.2:80"} 5',
    'vslog_vs_sched_fails_total{vs="tcp 10.0.0.2:80"} 1',
    'vslog_vs_changes_total{vs="fwmark 7 ipv6"} 1',
  ])
    expect(lines).toContain(line);
  const sum = Number(
    lines
      .find((line) => line.startsWith(rs('connection_lifetime_seconds_sum', ...web)))
      ?.split(' ')
      .at(-1),
  );
  expect(sum).toBeGreaterThan(4 * 0.9);
  expect(sum).toBeLessThan(4 * 1.1);

  // The removed server has a series by now, as there is room; what comes counts there, once.
  await scrape();
  await deliver('conn', event('nodest_drop', { ...WEB, real_addr: v4(99), drop_packets: toLong(3n) }));
  const later = await scrape();
  expect(later).toContain(`${rs('nodest_dropped_packets_total', 'tcp 10.0.0.2:80', '10.0.0.99:8080')} 3`);
  expect(later).toContain(`${rs('nodest_dropped_packets_total', 'other', 'other')} 5`);
  expect(later).toContain('vslog_vs_nodest_dropped_packets_total{vs="tcp 10.0.0.2:80"} 8');

  // Fifty minutes later the base has moved; what was told stays, and a late event of a minute that is still open counts.
  nowMs += 3_000_000;
  const event2 = { ...WEB, time: BigInt(nowMs) * 1_000_000n };
  await deliver('conn', event('create', event2));
  await scrape();
  await deliver('conn', event('create', { ...event2, time: event2.time - 300n * SECOND }));
  await scrape();
  expect(await scrape()).toContain(`${rs('connections_created_total', ...web)} 3`);
});

it('gives flows of source conntrack whose destination was translated series, and no others', async () => {
  const scrape = metrics(3, {}, 'conntrack');
  await scrape();
  const time = BigInt(nowMs) * 1_000_000n;
  const flows = (): Promise<void> =>
    deliver(
      'conn',
      ...[1, 2, 3, 4, 5].map((last) =>
        event('create', { virtual_addr: v4(50), virtual_port: 80, real_addr: v4(60 + last), real_port: 8080, time }),
      ),
      event('create', { virtual_addr: v4(51), virtual_port: 443, real_addr: v4(51), real_port: 443, time }),
    );
  await flows();
  await scrape();
  await scrape();
  await flows();
  const lines = await scrape();
  const created = lines.filter((line) => line.startsWith('vslog_rs_connections_created_total'));
  const named = created.filter((line) => !line.includes('rs="other"'));
  expect(named).toHaveLength(3);
  expect(lines.join('\n')).not.toContain('10.0.0.51:443');
  expect(lines.filter((line) => line.startsWith('vslog_rs_active'))).toEqual([]);
  // All that was made is somewhere, once.
  const sum = (some: readonly string[]): number => some.reduce((all, line) => all + Number(line.split(' ').at(-1)), 0);
  expect(sum(created)).toBe(10);
  expect(sum(lines.filter((line) => line.startsWith('vslog_vs_connections_created_total')))).toBe(10);
});
