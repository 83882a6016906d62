import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findKnob } from '../../src/knob/catalogue.js';
import { changesOf, questionsOf } from '../../src/knob/questions.js';
import { createEmbeddedStore, type Store } from '../../src/store/index.js';
import { toLong, v1 } from '../../src/wire/proto.js';
import { ask, connEvent, segmentOf, v4 } from './store-segments.js';

const SECOND = 1_000_000_000n;
const NOW = BigInt(Date.now()) * 1_000_000n;
const ago = (seconds: bigint): bigint => NOW - seconds * SECOND;
const Reason = v1.EndReason.Value;
const By = v1.ScheduledBy.Value;

let dir = '';
let store: Store;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'vslog-store-'));
  store = createEmbeddedStore({ dir: join(dir, 'ch') });
  let sequence = 0n;
  const event = (fields: Omit<Parameters<typeof connEvent>[0], 'sequence'>) =>
    connEvent({ real_port: 80, ...fields, sequence: ++sequence });
  const flow = (client_port: number) => ({ client_port, virtual_port: 443 });
  const conns = [
    event({ kind: 'nodest_drop', conn: 1n, time: ago(60n), drop_packets: toLong(5n) }),
    event({ kind: 'nodest_drop', conn: 1n, time: ago(50n), drop_packets: toLong(2n) }),
    event({ kind: 'nodest_drop', conn: 2n, time: ago(40n), drop_packets: toLong(1n), real_addr: v4(3) }),
    event({ kind: 'nodest_drop', conn: 3n, time: ago(7200n), drop_packets: toLong(9n) }),
    event({ kind: 'expire', conn: 4n, time: ago(39n), reason: Reason.nodest, state: 1 }),
    event({ kind: 'create', conn: 5n, time: ago(38n), scheduled_by: By.persistence, quiesced: true }),
    event({ kind: 'create', conn: 6n, time: ago(37n), scheduled_by: By.persistence, quiesced: true }),
    event({ kind: 'create', conn: 7n, time: ago(36n), scheduled_by: By.scheduler, quiesced: true }),
    // used again 60 s after the end, on another real server; while open; and too long after the end
    event({ kind: 'create', conn: 10n, time: ago(1000n), ...flow(1000) }),
    event({ kind: 'expire', conn: 10n, time: ago(900n), reason: Reason.expire_now, state: 5, ...flow(1000) }),
    event({ kind: 'create', conn: 11n, time: ago(840n), real_addr: v4(4), ...flow(1000) }),
    event({ kind: 'create', conn: 12n, time: ago(830n), real_addr: v4(4), ...flow(1000) }),
    event({ kind: 'expire', conn: 20n, time: ago(2000n), reason: Reason.timeout, state: 5, ...flow(2000) }),
    event({ kind: 'create', conn: 21n, time: ago(1600n), ...flow(2000) }),
    event({ kind: 'expire', conn: 30n, time: ago(1500n), protocol: 17, reason: Reason.timeout, flags: 4 }),
    event({ kind: 'expire', conn: 31n, time: ago(1500n), is_template: true, reason: Reason.timeout, state: 5 }),
  ];
  const changed = (seconds: bigint, name: string, fields: Parameters<typeof v1.ControlEvent.encodeDelimited>[0] = {}) =>
    v1.ControlEvent.encodeDelimited({
      kind: v1.ControlKind.Value.knob_changed,
      name,
      old_value: '0',
      new_value: '1',
      ...fields,
      time_ns: toLong(ago(seconds)),
      sequence: toLong(++sequence),
    }).finish();
  const last = sequence;
  const controls = [
    changed(90n, 'net.ipv4.vs.drop_entry', {
      through: v1.Through.Value.sysctl,
      command: 'sysctl',
      pid: 3,
      parent_pid: 2,
      parent_command: 'sh',
    }),
    changed(80n, 'drop_entry', { old_value: '1', new_value: '3' }),
    changed(70n, 'drop_packet'),
    changed(60n, '', {
      kind: v1.ControlKind.Value.real_changed,
      old_value: 'weight=1 forward=masq upper=0 lower=0',
      new_value: 'weight=0 forward=masq upper=0 lower=0',
    }),
  ];
  await store.deliver(segmentOf(dir, conns, [{ first: 1n, last }]));
  await store.deliver(segmentOf(dir, controls, [{ first: last + 1n, last: sequence }], { id: 2, record: 'control' }));
});

afterAll(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

async function answers(name: string): Promise<string[]> {
  const knob = findKnob(name);
  if (knob === undefined) throw new Error(name);
  return Promise.all(questionsOf(knob).map(({ sql }) => ask(store, sql)));
}

test('what expire_nodest_conn would have ended, and what was ended', async () => {
  expect(await answers('expire_nodest_conn')).toEqual(['10.0.0.1:80\t2\t7\t1\n10.0.0.3:80\t1\t1\t1', '2', '10.0.0.1:80\tnodest\t1']);
});

test('the clients that persistence keeps on quiesced real servers', async () => {
  expect((await answers('expire_quiescent_template'))[0]).toMatch(/^10\.0\.0\.1:80\t10\.0\.0\.9\t2\t[^\n]*$/);
});

test('ports that were used again', async () => {
  const [rows] = await answers('conn_reuse_mode');
  expect(rows?.split('\n').sort()).toEqual(['ended: expire_now\t1\t1\t1', 'still open\t1\t0\t1']);
});

test('the share of connections that a timeout ended', async () => {
  expect(await answers('timeout_timewait')).toEqual(['1\t4\t25']);
  expect(await answers('timeout_udp')).toEqual(['1\t4\t25']);
  expect(await answers('nf_conntrack_udp_timeout')).toEqual(['0\t4\t0']);
  expect(await answers('nf_conntrack_udp_timeout_stream')).toEqual(['1\t4\t25']);
});

test('the changes of a knob, under both of its names', async () => {
  const [rows] = await answers('drop_entry');
  expect(rows?.split('\n').map((row) => row.split('\t').slice(1, 3))).toEqual([
    ['1', '3'],
    ['0', '1'],
  ]);
  expect(rows).toMatch(/\t3\tsysctl\t2\tsh\tsysctl\tn$/);
});

test('the changes of a setting of real servers', async () => {
  const knob = findKnob('real_weight');
  expect(await ask(store, changesOf(knob as NonNullable<typeof knob>, 5).sql)).toMatch(/\t1\t0\t/);
  expect(await answers('real_upper')).toEqual(['']);
});
