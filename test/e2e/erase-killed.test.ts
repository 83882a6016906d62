import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Verification } from '../../src/api/verification.js';
import { parseNetwork } from '../../src/cli/address.js';
import { sidesOf } from '../../src/cli/erase/target.js';
import { type EraseOrder, writeOrder } from '../../src/erase/order.js';
import { recordByCapture } from '../../src/erase/record.js';
import { isTheirs } from '../../src/store/erase.js';
import { until } from '../support/patience.js';
import { collectorOf, delivered, rowsOf } from './collector-api.js';
import { type Up, Vslog } from './support/vslog.js';

let vslog: Vslog | undefined;

afterEach(() => vslog?.clean());

/** Where the collector is killed: what it says that it is at. */
const PLACES = [
  /^spool, segment 2 of/,
  /^spool, segment [4-9] of/,
  /removing rows of connections_ended/,
  /rewriting conn_events/,
  /waiting for ClickHouse to remove/,
  /^file, file [2-9] of/,
];

function orderOf(network: string): EraseOrder {
  const found = parseNetwork(network);
  if (found === undefined) throw new Error(`${network} is no network.`);
  const sides = sidesOf({ 'capture.client_address': 'whole', 'capture.hidden_sides': 'auto', 'capture.own_address': '' });
  return {
    id: randomBytes(4).toString('hex'),
    target: {
      networks: [[Buffer.from(found.first).toString('hex'), Buffer.from(found.last).toString('hex')]],
      beforeNs: String(BigInt(Date.now()) * 1_000_000n),
      sides,
    },
    selectors: 'network',
    reason: 'killed in its midst',
    dryRun: false,
    author: { uid: 0, loginUid: 0, pid: 1 },
    told: true,
    progress: {},
  };
}

describe('a collector that is killed while it erases', () => {
  it('goes on with the order at its next start, until all is done, and nothing is missing', async () => {
    vslog = new Vslog();
    const on = vslog;
    const files = join(on.dir, 'files');
    const orders = join(on.dir, 'data/erase');
    const capture = on.start('capture', '--source', 'scripted', '--scripted-events', '30000', '--scripted-rate', '10000');
    await capture.says(/ready/);
    const flags = ['--file-dir', files, '--file-rotate-bytes', '64K', '--segment-age', '100ms', '--segment-events', '3000'];
    const start = async (): Promise<Up> => {
      const collector = on.start('collect', ...flags);
      await collector.says(/ready/);
      return collector;
    };
    let collector = await start();
    const api = collectorOf(on);
    await delivered(api, 30_000);
    const clients = await rowsOf<{ net: string }>(
      api,
      "SELECT concat(replaceOne(IPv6NumToString(toIPv6(concat('::ffff:', toString(IPv4CIDRToRange(toIPv4(replaceOne(IPv6NumToString(client_addr), '::ffff:', '')), 20).1)))), '::ffff:', ''), '/20') AS net FROM conn_events WHERE client_addr != toIPv6('::') GROUP BY net ORDER BY count() DESC, net LIMIT 64",
    );
    const networks = clients.map(({ net }) => net);
    expect(networks.length).toBeGreaterThan(PLACES.length);

    const done: EraseOrder[] = [];
    let killed = 0;
    for (const [i, place] of PLACES.entries()) {
      const order = orderOf(networks[i] as string);
      await recordByCapture(join(on.dir, 'capture.sock'), {
        ...{ stage: 'ordered', id: order.id, selectors: 'network', reason: order.reason, beforeNs: order.target.beforeNs },
      });
      await writeOrder(orders, order);
      const stop = new AbortController();
      const victim = collector;
      let hit = false;
      const carried = api.erase(
        order.id,
        ({ step }) => {
          if (hit || !place.test(step)) return;
          hit = true;
          void victim.end('SIGKILL');
        },
        stop.signal,
      );
      const outcome = await carried.then(
        () => 'done',
        () => 'killed',
      );
      if (outcome === 'killed') {
        killed++;
        await victim.ended;
        collector = await start();
      }
      await until('the order is carried out', () => readdirSync(orders).length === 0);
      done.push(order);
      await delivered(api);
      const [left] = await rowsOf<{ n: number }>(
        api,
        `SELECT toUInt32(count()) AS n FROM conn_events WHERE ${isTheirs(order.target, 'time_ns', true)}`,
      );
      expect({ place: String(place), left }).toEqual({ place: String(place), left: { n: 0 } });
    }
    // A step may be over before anybody hears of it; most are not.
    expect(killed).toBeGreaterThan(PLACES.length / 2);

    for (const sink of ['embedded', 'file']) expect((await on.ran('replay', '--sink', sink)).code).toBe(0);
    await delivered(api);
    const { out, err } = await on.ran('verify', '--json');
    const report = JSON.parse(out === '' ? err : out) as Verification;
    expect(report).toMatchObject({ verdict: 'complete', erased: { ok: true, orders: 0, records: PLACES.length } });
    expect(report.erased.store).toBeGreaterThan(0);
    expect(report.erased.spool).toBe(report.erased.store);
    const dry = done.flatMap(({ target: { networks: all } }) => all);
    for (const order of [
      { ...done[0], dryRun: true, id: 'count', target: { ...(done[0] as EraseOrder).target, networks: dry } } as EraseOrder,
    ]) {
      await writeOrder(orders, order);
      const left = await api.erase(order.id, () => undefined, new AbortController().signal);
      expect(left).toMatchObject({ events: 0, places: { spool: 0, embedded: 0, file: 0 } });
    }
    expect(await collector.end(), collector.said).toBe(0);
    await capture.end();
  });
});
