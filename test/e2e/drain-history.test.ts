import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseServerKey, parseServiceKey } from '../../src/cli/service-address.js';
import { lifetimesOf, lifetimesSql, weightBeforeSql } from '../../src/drain/history.js';
import type { Lifetimes } from '../../src/drain/survival.js';
import { createEmbeddedStore, type Store } from '../../src/store/index.js';
import { toLong, v1 } from '../../src/wire/proto.js';
import { ask, connEvent, segmentOf, v4 } from './store-segments.js';

const NOW = BigInt(Date.now()) * 1_000_000n;
const ago = (seconds: number): bigint => NOW - BigInt(Math.round(seconds * 1000)) * 1_000_000n;
const Reason = v1.EndReason.Value;
const [ESTABLISHED, SYN_RECV, TIME_WAIT] = [1, 3, 5];
const WEB = parseServiceKey('10.0.0.2:80');

let dir = '';
let store: Store;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'vslog-store-'));
  store = createEmbeddedStore({ dir: join(dir, 'ch') });
  let sequence = 0n;
  const events: Uint8Array[] = [];
  let conn = 0n;
  /** Began so many seconds ago and, if it ended, lived so long. */
  const connection = (began: number, lived: number | undefined, more: object = {}, reason: number = Reason.timeout): void => {
    const common = { conn: ++conn, virtual_port: 80, state: TIME_WAIT, created_ns: toLong(ago(began)), ...more };
    events.push(connEvent({ kind: 'create', sequence: ++sequence, time: ago(began), ...common }));
    if (lived === undefined) return;
    const duration_ns = toLong(BigInt(Math.round(lived * 1000)) * 1_000_000n);
    events.push(connEvent({ kind: 'expire', sequence: ++sequence, time: ago(began - lived), duration_ns, reason, ...common }));
  };
  for (let i = 0; i < 39; i++) connection(1000, 60);
  // Closed, it stays in the table for its timer.
  connection(1000, 180, { timeout_ms: 120_000 });
  connection(900, 10, { real_addr: v4(4) }); // another real server of the service
  connection(800, 30, { state: ESTABLISHED }, Reason.flushed); // cut
  connection(700, 30, { state: ESTABLISHED }, Reason.nodest); // cut
  connection(700, 45, {}, Reason.nodest); // over already
  connection(700, 45, { state: SYN_RECV }); // never established
  connection(500, undefined); // live
  connection(100, undefined); // may be closing
  connection(900, 20, { virtual_port: 443 }); // of another service
  connection(900, 20, { protocol: 17 });
  connection(900, 20, { fwmark: 7 });
  connection(900, 300, { is_template: true });
  connection(30 * 86_400, 20); // long ago
  await store.deliver(segmentOf(dir, events, [{ first: 1n, last: sequence }]));
  const last = sequence;
  const changed = (seconds: number, old_value: string, new_value: string, more: object = {}): Uint8Array =>
    v1.ControlEvent.encodeDelimited({
      kind: v1.ControlKind.Value.real_changed,
      protocol: 6,
      family: 4,
      virtual_addr: v4(2),
      virtual_port: 80,
      real_addr: v4(1),
      real_port: 8080,
      old_value,
      new_value,
      ...more,
      time_ns: toLong(ago(seconds)),
      sequence: toLong(++sequence),
    }).finish();
  const rest = 'forward=masq upper=0 lower=0';
  const controls = [
    changed(90, `weight=2 ${rest}`, `weight=0 ${rest}`),
    changed(80, `weight=0 ${rest}`, `weight=7 ${rest}`),
    changed(70, `weight=7 ${rest}`, `weight=0 ${rest}`),
    changed(60, `weight=0 ${rest}`, `weight=0 forward=masq upper=9 lower=0`),
    changed(50, `weight=5 ${rest}`, `weight=0 ${rest}`, { virtual_port: 443 }),
    changed(40, `weight=6 ${rest}`, `weight=0 ${rest}`, { real_addr: v4(4) }),
  ];
  await store.deliver(segmentOf(dir, controls, [{ first: last + 1n, last: sequence }], { id: 2, record: 'control' }));
});

afterAll(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

async function lifetimes(service: string): Promise<Lifetimes[]> {
  const sql = lifetimesSql(parseServiceKey(service), '10.0.0.2');
  const found = lifetimesOf(Buffer.from(await store.query(sql, { format: 'JSONCompact' })));
  return found.map((one) => ({ ...one, age: Math.round(one.age) })).sort((a, b) => a.age - b.age);
}

test('the lifetimes of a virtual service: what ended, and what was cut or lives, by length', async () => {
  const found = await lifetimes('10.0.0.2:80');
  const live = found.at(-1);
  expect(found.slice(0, -1)).toEqual([
    { age: 10, ended: 1, censored: 0 },
    { age: 30, ended: 0, censored: 2 },
    { age: 60, ended: 40, censored: 0 },
  ]);
  expect(live).toMatchObject({ ended: 0, censored: 1 });
  expect(live?.age).toBeGreaterThanOrEqual(500);
  expect(await lifetimes('fwmark 7')).toEqual([{ age: 20, ended: 1, censored: 0 }]);
  expect(await lifetimes('10.0.0.2:81')).toEqual([]);
});

test('the weight before the last drain', async () => {
  const { port } = parseServerKey('10.0.0.1:8080');
  expect(await ask(store, weightBeforeSql(WEB, '10.0.0.2', '10.0.0.1', port))).toMatch(/^weight=7 /);
  expect(await ask(store, weightBeforeSql(WEB, '10.0.0.2', '10.0.0.3', port))).toBe('');
});
