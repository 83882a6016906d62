import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../support/patience.js';
import { type ConntrackCapture, nameOf, type Told } from './support/conntrack-capture.js';
import { SOCKET, Stage, WORLDS, type World } from './support/conntrack-stage.js';
import { datagrams, ping, stream } from './support/flows.js';
import type { NetworkNamespace } from './support/network-namespace.js';

const CLIENT = { address: '10.1.0.1', port: 5001 };
const VIRTUAL = '10.2.0.1';
/** Far more events than the least room holds. */
const FLOWS = 3000;

const lostOf = (capture: ConntrackCapture): number => capture.losses().reduce((sum, { lost }) => sum + lost, 0);
const toldOf = (capture: ConntrackCapture, kind: string, reason = 'none'): Told[] =>
  capture.told.filter((told) => told.record === 'conn' && told.kind === kind && told.reason === reason);

/** The connections that are open by the log: name and id. */
function openIn(capture: ConntrackCapture): string[] {
  const open = new Map<string, string>();
  for (const told of capture.told) {
    if (told.record !== 'conn') continue;
    if (told.kind === 'expire') open.delete(told.conn_id);
    else open.set(told.conn_id, nameOf(told));
  }
  return [...open].map(([id, name]) => `${name} id ${id}`).sort();
}

async function expectLogIsTable(namespace: NetworkNamespace, capture: ConntrackCapture): Promise<void> {
  const listed = (await capture.list()).map((flow) => `${nameOf(flow)} id ${flow.conn_id}`).sort();
  expect(listed.length).toBe(namespace.count());
  expect(openIn(capture)).toEqual(listed);
}

describe.each(WORLDS)('more events than source conntrack has room for, by the $name', (world) => {
  let stage: Stage;
  let namespace: NetworkNamespace;
  let capture: ConntrackCapture;

  beforeEach(async () => {
    stage = new Stage(world);
    ({ namespace, capture } = await small(stage, world));
  });
  afterEach(() => stage.clean());

  it('are beginnings: those that were lost are counted, and their flows are found', async () => {
    const before = namespace.count();
    await capture.standStill();
    const flows = datagrams(namespace, CLIENT, VIRTUAL, FLOWS);
    expect(namespace.count() - before).toBe(FLOWS);
    const begun = toldOf(capture, 'create').length;
    capture.goOn();
    await capture.tells('every beginning', () => openIn(capture).length === before + FLOWS);

    const lost = lostOf(capture);
    const kept = toldOf(capture, 'create').length - begun;
    expect(lost).toBeGreaterThan(0);
    expect(kept).toBeGreaterThan(0);
    expect(kept + lost).toBe(FLOWS);
    if (world.user) expect(namespace.dropped()).toBe(lost);
    for (const loss of capture.losses())
      expect(loss).toMatchObject({ where: 'source', detail: expect.stringMatching(/room.*bigger --conntrack-(buffer|queue)/) });
    for (const flow of flows) expect(capture.of(flow)).toHaveLength(1);
    await expectLogIsTable(namespace, capture);
  });

  it('are ends: those that were lost are counted, and their flows are told as missed', async () => {
    const flows = datagrams(namespace, CLIENT, VIRTUAL, FLOWS);
    await capture.tells('every beginning', () => openIn(capture).length === namespace.count());
    // It may have been slower than the flows.
    const lostBefore = lostOf(capture);
    const offered = namespace.count();
    await capture.standStill();
    namespace.run('conntrack', '-F');
    expect(namespace.count()).toBe(0);
    capture.goOn();
    await capture.tells('every end', () => openIn(capture).length === 0);

    const lost = lostOf(capture) - lostBefore;
    const kept = toldOf(capture, 'expire', 'flushed').length;
    expect(lost).toBeGreaterThan(0);
    expect(kept).toBeGreaterThan(0);
    expect(kept + lost).toBe(offered);
    expect(toldOf(capture, 'expire', 'missed')).toHaveLength(lost);
    if (world.user) expect(namespace.dropped()).toBe(lostBefore + lost);
    for (const flow of flows) {
      const told = capture.of(flow);
      expect(told.map(({ kind }) => kind)).toEqual([expect.stringMatching(/create|snapshot/), 'expire']);
      expect(told[1]?.conn_id).toBe(told[0]?.conn_id);
    }
    await expectLogIsTable(namespace, capture);
  });

  it('again and again while flows come and go: the log is the table afterwards', async () => {
    const stop = await stream(namespace, CLIENT, VIRTUAL);
    for (let round = 0; round < 3; round++) {
      const losses = capture.losses().length;
      await capture.standStill();
      const before = namespace.count();
      namespace.run('conntrack', '-D', '-p', 'udp', '--dport', String(30_000 + round));
      await until('more flows', () => namespace.count() > before + 500);
      capture.goOn();
      await capture.tells('a loss', () => capture.losses().length > losses);
    }
    const flows = await stop();
    await capture.tells('every flow', () => openIn(capture).length === namespace.count());
    await expectLogIsTable(namespace, capture);
    // Two records at most: one beginning, one end. A port is used once.
    const wrong = flows.filter((flow) => capture.of(flow).length > 2);
    expect(wrong.map((flow) => capture.of(flow))).toEqual([]);
    for (let round = 0; round < 3; round++) expect(capture.kindsOf({ ...(flows[round] as Told) }).at(-1)).toBe('expire');
  });
});

describe('source conntrack, reliable', () => {
  const stage = new Stage();
  afterEach(() => stage.clean());

  it('loses no end while it stands still', async () => {
    const { namespace, capture } = await small(stage, SOCKET, '--conntrack-reliable');
    const flows = datagrams(namespace, CLIENT, VIRTUAL, FLOWS);
    await capture.tells('every beginning', () => openIn(capture).length === namespace.count());
    await capture.standStill();
    namespace.run('conntrack', '-F');
    capture.goOn();
    await capture.tellsKind('expire', ...flows);
    await capture.tells('as many ends as flows', () => toldOf(capture, 'expire', 'flushed').length >= FLOWS);
    expect(toldOf(capture, 'expire', 'missed')).toEqual([]);
    for (const flow of flows) expect(capture.kindsOf(flow)).toEqual([expect.stringMatching(/create|snapshot/), 'expire']);
  });
});

describe('source conntrack beside somebody who wants every end and has no room', () => {
  const stage = new Stage();
  afterEach(() => stage.clean());

  it('tells each beginning and each end once, however often the kernel tells them', async () => {
    const { namespace, capture: other } = await small(stage, SOCKET, '--conntrack-reliable');
    const capture = await stage.capture(namespace);
    await other.standStill();
    const flows = datagrams(namespace, CLIENT, VIRTUAL, FLOWS);
    // With its next packet the kernel tells the beginning of a flow again, to both: the other could not take it.
    datagrams(namespace, CLIENT, VIRTUAL, FLOWS);
    await capture.tells('every beginning', () => openIn(capture).length === namespace.count());
    namespace.run('conntrack', '-F');
    await capture.tells('every end', () => openIn(capture).length === 0);
    // And all ends, until the other has them.
    other.goOn();
    await other.tells('every end', () => toldOf(other, 'expire', 'flushed').length >= FLOWS);
    await capture.tellsKind('create', ping(namespace, CLIENT.address, VIRTUAL, 2));
    expect(capture.losses()).toEqual([]);
    const wrong = flows.filter((flow) => capture.kindsOf(flow).join() !== 'create,expire');
    expect(wrong.slice(0, 3).map((flow) => capture.of(flow))).toEqual([]);
  });
});

/** A capture with the least room for events. */
async function small(stage: Stage, world: World, ...args: string[]) {
  const namespace = await stage.tracking([`${CLIENT.address}/32`, `${VIRTUAL}/32`]);
  // With a flow in the table, the capture needs none of its own to see that connections are tracked: the table is the test's.
  ping(namespace, CLIENT.address, VIRTUAL, 1);
  const room = world.user ? '--conntrack-buffer' : '--conntrack-queue';
  return { namespace, capture: await stage.capture(namespace, room, '64K', ...args) };
}
