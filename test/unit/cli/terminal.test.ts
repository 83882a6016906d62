import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parseAddress } from '../../../src/cli/address.js';
import { connListing } from '../../../src/cli/conn-list.js';
import { KEYS } from '../../../src/cli/key/index.js';
import { diffListing } from '../../../src/cli/knob/diff.js';
import { knobListing } from '../../../src/cli/knob/ls.js';
import type { Listing } from '../../../src/cli/listing.js';
import { membersOf, REALS, SERVICES } from '../../../src/cli/service/list.js';
import { parseServerKey, parseServiceKey } from '../../../src/cli/service-address.js';
import { SINKS } from '../../../src/cli/sink-ls.js';
import { SUBSCRIBERS } from '../../../src/cli/subscriber.js';
import { knobs } from '../../../src/knob/catalogue.js';
import { reports } from '../../../src/report/index.js';
import type { RealServer, Traffic, VirtualService } from '../../../src/wire/administration.js';
import { toLong, v1 } from '../../../src/wire/proto.js';
import { listCommands } from '../../support/list-commands.js';
import { expectPictured, picturesOf } from '../support/pictures.js';

const traffic = (connectionsPerS: number): Traffic => ({
  connections: connectionsPerS * 86_400,
  packetsIn: connectionsPerS * 950_400,
  packetsOut: connectionsPerS * 1_036_800,
  bytesIn: connectionsPerS * 86_400_000,
  bytesOut: connectionsPerS * 1_900_800_000,
  connectionsPerS,
  packetsInPerS: connectionsPerS * 11,
  packetsOutPerS: connectionsPerS * 12,
  bytesInPerS: connectionsPerS * 1000,
  bytesOutPerS: connectionsPerS * 22_000,
});

function real(key: string, more: Partial<RealServer> & { readonly set?: Readonly<Record<string, string>> } = {}): RealServer {
  const { set = {}, ...rest } = more;
  const settings = new Map(Object.entries({ real_weight: '100', real_forward: 'masquerade', real_upper: '0', real_lower: '0', ...set }));
  return {
    key: parseServerKey(key),
    settings,
    active: 1840,
    inactive: 5211,
    persistent: 0,
    overloaded: false,
    traffic: traffic(61),
    ...rest,
  };
}

function service(key: string, set: Readonly<Record<string, string>>, reals: readonly RealServer[]): VirtualService {
  const settings = new Map(Object.entries({ service_scheduler: 'wlc', service_flags: 'none', service_timeout: '0', ...set }));
  const perSecond = reals.reduce((sum, one) => sum + (one.traffic?.connectionsPerS ?? 0), 0);
  return { key: parseServiceKey(key), settings, reals, traffic: traffic(perSecond) };
}

const services: readonly VirtualService[] = [
  service('tcp 10.0.0.1:443', { service_timeout: '300' }, [
    real('10.0.1.11:8443', { persistent: 412 }),
    real('10.0.1.12:8443', { set: { real_weight: '0' }, active: 3, inactive: 118, persistent: 37, traffic: traffic(0) }),
    real('10.0.1.13:8443', { set: { real_upper: '2000', real_lower: '1800' }, active: 2000, overloaded: true }),
  ]),
  service('udp 10.0.0.1:53', { service_scheduler: 'rr', service_flags: 'one-packet' }, [real('10.0.2.53:53', { active: 0, inactive: 64 })]),
  service('tcp [2001:db8::1]:443', { service_scheduler: 'mh' }, [real('[2001:db8:0:1::11]:8443', { active: 77, inactive: 90 })]),
];

const S = 1_000_000_000n;
const conn = (client: [string, number], server: [string, number], state: number, ageS: bigint, more: object = {}) =>
  v1.ConnEvent.fromObject({
    kind: v1.EventKind.Value.snapshot,
    time_ns: toLong(100_000n * S),
    created_ns: toLong((100_000n - ageS) * S),
    conn_id: toLong(0x5100_0000_0000n + ageS),
    protocol: 6,
    client_addr: parseAddress(client[0]),
    client_port: client[1],
    virtual_addr: parseAddress('10.0.0.1'),
    virtual_port: 443,
    real_addr: parseAddress(server[0]),
    real_port: server[1],
    state,
    timeout_ms: 900_000,
    ...more,
  });

const connections = [
  conn(['203.0.113.7', 40_112], ['10.0.1.11', 8443], 1, 201n, { packets_in: toLong(1204n) }),
  conn(['203.0.113.7', 40_113], ['10.0.1.11', 8443], 5, 3n, { packets_in: toLong(9n) }),
  conn(['203.0.113.7', 0], ['10.0.1.12', 8443], 1, 7_262n, { is_template: true, quiesced: true }),
];

const CHANGED: Readonly<Record<string, string>> = { expire_nodest_conn: '1', sync_threshold: '3 50', conn_reuse_mode: '1' };
const shownKnobs = knobs.filter(({ name }) => Object.hasOwn(CHANGED, name) || /^(drop_entry|tcp_timeout|snat_reroute)/.test(name));
const readings = new Map(
  shownKnobs.map(({ name, ...knob }) => [name, { name, value: CHANGED[name] ?? String(knob.default ?? ''), problem: '', settable: true }]),
);

const picture = <R>(command: string, listing: Listing<R>, rows: readonly R[]) => ({
  command,
  text: () => picturesOf(command, listing, rows),
});

/** Every list but those of reports, which are made from the store's answers. */
const pictures = [
  picture('vs ls', SERVICES, services),
  picture('rs ls', REALS, membersOf(services)),
  picture('conn ls', connListing({ node: 'lb1', epoch: '1' }), connections),
  picture('knob ls', knobListing(readings), shownKnobs),
  picture('knob diff', diffListing('default'), [
    { name: 'expire_nodest_conn', value: '1', other: '0' },
    { name: 'sync_threshold', value: '4 60', other: '3 50' },
  ]),
  picture('subscriber ls', SUBSCRIBERS, [
    { name: 'collector', owner: 0, connected: true, away_ns: 0, acknowledged: 18_402_117, owed: 212 },
    { name: 'collector-old', owner: null, connected: false, away_ns: 270_000_000_000_000, acknowledged: 11_730_004, owed: 6_672_325 },
  ]),
  picture('sink ls', SINKS, [
    { name: 'embedded', place: 'the embedded ClickHouse' },
    { name: 'kafka', place: 'kafka-1.example.net:9092,kafka-2.example.net:9092,kafka-3.example.net:9092' },
  ]),
  picture('key ls', KEYS, [
    { id: '5f924cb3', file: '/etc/vslog/client.key.5f924cb3', current: false },
    { id: 'a0c41d77', file: '/etc/vslog/client.key', current: true },
  ]),
];

it.each(pictures)('docs/terminal.md shows $command', ({ command, text }) => expectPictured(command, text()));

it('has every command that lists', async () => {
  const pictured = [...pictures.map(({ command }) => command), ...reports.map(({ name }) => `report ${name}`)];
  expect((await listCommands()).map(({ path }) => path).sort()).toEqual(pictured.sort());
  const page = readFileSync(new URL('../../../docs/terminal.md', import.meta.url), 'utf8');
  expect([...page.matchAll(/^## (.*)$/gm)].map(([, name]) => name)).toEqual(expect.arrayContaining(pictured));
});
