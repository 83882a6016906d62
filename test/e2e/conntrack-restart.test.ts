import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ConntrackCapture, nameOf, type Told } from './support/conntrack-capture.js';
import { Stage, WORLDS } from './support/conntrack-stage.js';
import { type MadeFlow, stream, udp } from './support/flows.js';
import type { NetworkNamespace } from './support/network-namespace.js';

const [CLIENT, VIRTUAL] = ['10.1.0.1', '10.2.0.1'];

describe.each(WORLDS)('flows that source conntrack did not see begin or end, by the $name', (world) => {
  let stage: Stage;
  let namespace: NetworkNamespace;
  const make = (port: number): Promise<MadeFlow> =>
    udp(namespace, { client: { address: CLIENT, port }, virtual: { address: VIRTUAL, port: 53 } });
  const forget = (flow: MadeFlow): void => {
    namespace.run('conntrack', '-D', '-p', 'udp', '--sport', String(flow.client_port));
  };

  beforeEach(async () => {
    stage = new Stage(world);
    namespace = await stage.tracking([`${CLIENT}/32`, `${VIRTUAL}/32`]);
  });
  afterEach(() => stage.clean());

  it('of before the capture are a snapshot, and have their end', async () => {
    const flows = [await make(5001), await make(5002)];
    const capture = await stage.capture(namespace);
    await capture.tellsKind('snapshot', ...flows);
    await capture.tellsFlush(...flows);
    capture.expectWhole(flows, { begin: 'snapshot', reason: 'flushed' });
  });

  it('whose end the kernel does not tell are found missing by comparing tables', async () => {
    // With 2, the kernel never tells of a flow that began while nobody listened. Some kernels mean nobody in any namespace, as another test may: 0 makes it certain.
    namespace.set({ 'netfilter.nf_conntrack_events': 0 });
    const silent = await make(5001);
    namespace.set({ 'netfilter.nf_conntrack_events': 2 });
    const capture = await stage.capture(namespace, '--conntrack-resync', '1');
    const heard = await make(5002);
    await capture.tellsKind('snapshot', silent);
    await capture.tellsKind('create', heard);
    forget(silent);
    await capture.tellsKind('expire', silent);
    expect(capture.of(silent)).toMatchObject([
      { ...silent, kind: 'snapshot' },
      { ...silent, kind: 'expire', reason: 'missed', conn_id: capture.of(silent)[0]?.conn_id },
    ]);
    expect(capture.kindsOf(heard)).toEqual(['create']);
    await capture.tellsFlush(heard);
    expect(capture.kindsOf(heard)).toEqual(['create', 'expire']);
    expect(capture.losses()).toEqual([]);
  });

  it.each<NodeJS.Signals>(['SIGTERM', 'SIGKILL'])('while it was ended by %s: the next says what there is', async (signal) => {
    const capture = await stage.capture(namespace);
    const [stays, ends] = [await make(5001), await make(5002)];
    await capture.tellsKind('create', stays, ends);
    expect(await capture.stop(signal)).toBe(signal === 'SIGTERM' ? 0 : null);
    forget(ends);
    const begins = await make(5003);
    const passes = await make(5004);
    forget(passes);
    await capture.begin();
    await capture.tellsKind('snapshot', stays, begins);
    const after = await make(5005);
    await capture.tellsFlush(stays, begins, after);

    expect(capture.kindsOf(stays)).toEqual(['create', 'snapshot', 'expire']);
    expect(capture.kindsOf(ends)).toEqual(['create']);
    expect(capture.kindsOf(begins)).toEqual(['snapshot', 'expire']);
    expect(capture.kindsOf(passes)).toEqual([]);
    expect(capture.kindsOf(after)).toEqual(['create', 'expire']);
    const [, snapshot, expire] = capture.of(stays);
    expect(expire?.conn_id).toBe(snapshot?.conn_id);
    // Ids are not used again.
    const ids = beginnings(capture).map(({ conn_id }) => BigInt(conn_id));
    expect(ids).toEqual([...ids].sort((a, b) => (a < b ? -1 : 1)));
    // What was open then is not known from here on.
    expect(capture.told.filter(({ kind }) => kind === 'capture_started').map((told) => 'fresh' in told && told.fresh)).toEqual([
      true,
      true,
    ]);
    expectNothingTwice(capture);
  });

  it('begin between the listening and the first dump, and are told once', async () => {
    const client = { address: CLIENT, port: 5001 };
    const stop = await stream(namespace, client, VIRTUAL);
    const capture = await stage.capture(namespace);
    await capture.tells('datagrams from after its first dump', () => capture.told.filter(({ kind }) => kind === 'create').length > 200);
    const flows = await stop();
    await capture.tells('all beginnings', () => beginnings(capture).length >= flows.length);
    await capture.tellsFlush(...flows);
    expectNothingTwice(capture);
    capture.expectOnly(flows);
    expect(new Set(beginnings(capture).map(({ kind }) => kind))).toEqual(new Set(['create', 'snapshot']));
    expect(new Set(beginnings(capture).map(nameOf))).toEqual(new Set(flows.map(nameOf)));
    expect(new Set(capture.told.filter(({ kind }) => kind === 'expire').map(nameOf))).toEqual(new Set(flows.map(nameOf)));
  });
});

function beginnings(capture: ConntrackCapture): Told[] {
  return capture.told.filter(({ kind }) => kind === 'create' || kind === 'snapshot');
}

/** From one start to the next each flow has one beginning and one end at most, and an id that no other has. */
function expectNothingTwice(capture: ConntrackCapture): void {
  let start = 0;
  const told = capture.told.flatMap((record) => {
    if (record.kind === 'capture_started') start++;
    if (record.record === 'control') return [];
    return [`start ${start}: ${record.kind === 'expire' ? 'end' : 'beginning'} of ${nameOf(record)}`];
  });
  expect(told.length - new Set(told).size).toBe(0);
  const ids = beginnings(capture).map(({ conn_id }) => conn_id);
  expect(new Set(ids).size).toBe(ids.length);
}
