import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Stage, WORLDS } from './support/conntrack-stage.js';
import { datagrams, ping, tcp, udp } from './support/flows.js';
import type { NetworkNamespace } from './support/network-namespace.js';

const [C4, V4, C6, V6] = ['10.1.0.1', '10.2.0.1', '2001:db8:1::1', '2001:db8:2::1'] as const;
const CLIENT = { address: C4, port: 5001 };
const WEB = { address: V4, port: 80 };
const NAMES = { address: V4, port: 53 };
/** Of IPVS, as states are told by. */
const TCP_STATES = { established: 1, synSent: 2, synRecv: 3, finWait: 4, timeWait: 5, close: 6, closeWait: 7, lastAck: 8 };

describe.each(WORLDS)('which events source conntrack tells, by the $name', (world) => {
  let stage: Stage;
  let namespace: NetworkNamespace;

  beforeEach(async () => {
    stage = new Stage(world);
    namespace = await stage.tracking([`${C4}/32`, `${V4}/32`, `${C6}/128`, `${V6}/128`]);
  });
  afterEach(() => stage.clean());

  it('are read by threads that have no right but what that takes, however soon they are looked at', async () => {
    const capture = await stage.capture(namespace);
    const threads = readdirSync(`/proc/${capture.pid}/task`).map((task) =>
      readFileSync(`/proc/${capture.pid}/task/${task}/status`, 'utf8'),
    );
    // One has the journal, which is on a disk, written there.
    expect(threads.length).toBe(world.name.startsWith('ring') ? 2 : 3);
    for (const status of threads) {
      // linux/capability.h: CAP_NET_ADMIN, CAP_SYS_ADMIN where it stands in for CAP_BPF, CAP_BPF
      const held = BigInt(`0x${/^CapPrm:\s*(\S+)/m.exec(status)?.[1]}`);
      expect(held & ~((1n << 12n) | (1n << 21n) | (1n << 39n))).toBe(0n);
      expect(/^Seccomp:\s*(\d)/m.exec(status)?.[1]).toBe('2');
    }
  });

  it('an end that somebody asked for is flushed', async () => {
    const capture = await stage.capture(namespace);
    const flows = [await udp(namespace, { client: CLIENT, virtual: NAMES }), await tcp(namespace, { client: CLIENT, virtual: WEB })];
    await capture.tellsKind('create', ...flows);
    namespace.run('conntrack', '-D', '-s', C4);
    await capture.tellsKind('expire', ...flows);
    capture.expectWhole(flows, { reason: 'flushed' });
  });

  it('an end ahead of its timer is expire_now: a new connection takes the addresses of a closed one', async () => {
    const capture = await stage.capture(namespace);
    const way = { client: CLIENT, virtual: WEB };
    const flow = await tcp(namespace, way);
    await tcp(namespace, way);
    await capture.tells('two beginnings and an end', () => capture.of(flow).length === 3);
    namespace.run('conntrack', '-D', '-s', C4);
    await capture.tells('two ends', () => capture.of(flow).length === 4);
    const [first, firstEnd, second, secondEnd] = capture.of(flow);
    expect([first, firstEnd, second, secondEnd]).toMatchObject([
      { kind: 'create', reason: 'none' },
      { kind: 'expire', reason: 'expire_now', conn_id: first?.conn_id },
      { kind: 'create', reason: 'none' },
      { kind: 'expire', reason: 'flushed', conn_id: second?.conn_id },
    ]);
    expect(second?.conn_id).not.toBe(first?.conn_id);
  });

  it('changes of state are told when they are asked for, by the numbers of IPVS', async () => {
    const capture = await stage.capture(namespace, '--conntrack-events', 'create,expire,state');
    const flow = await tcp(namespace, { client: CLIENT, virtual: WEB });
    await capture.tellsEnds(flow);
    const told = capture.of(flow);
    expect(new Set(told.map(({ conn_id }) => conn_id)).size).toBe(1);
    expect([told[0]?.kind, ...new Set(told.slice(1, -1).map(({ kind }) => kind)), told.at(-1)?.kind]).toEqual([
      'create',
      'state',
      'expire',
    ]);
    const states = told.map(({ state }) => state);
    const { established, synSent, synRecv, finWait, timeWait, close, closeWait, lastAck } = TCP_STATES;
    // One that is told again changed otherwise; CLOSE_WAIT is passed over where the answer to the end is an end too. A reset after both have closed, as a busy machine sends one, ends in CLOSE.
    const passed = states.filter((state, at) => state !== states[at - 1] && state !== closeWait);
    expect(passed.at(-1) === close ? passed.slice(0, -1) : passed).toEqual([synSent, synRecv, established, finWait, lastAck, timeWait]);
  });

  it.each(['create', 'expire'])('only %s', async (kind) => {
    const capture = await stage.capture(namespace, '--conntrack-events', kind);
    const flow = await udp(namespace, { client: CLIENT, virtual: NAMES });
    namespace.run('conntrack', '-F');
    const last = ping(namespace, C4, V4, 1);
    namespace.run('conntrack', '-F');
    await capture.tellsKind(kind, flow, last);
    expect(capture.kindsOf(flow)).toEqual([kind]);
  });

  it.each([
    ['udp', [17]],
    ['tcp,icmpv6', [6, 58]],
    ['1', [1]],
  ])('only those of protocol %s', async (wanted, protocols) => {
    // Before the capture, so that the first comparison passes over them as well.
    const before = [ping(namespace, C4, V4, 1), ping(namespace, C6, V6, 1)];
    const capture = await stage.capture(namespace, '--conntrack-protocol', wanted);
    const flows = [
      await tcp(namespace, { client: CLIENT, virtual: WEB }),
      await udp(namespace, { client: CLIENT, virtual: NAMES }),
      ping(namespace, C4, V4, 2),
      ping(namespace, C6, V6, 2),
    ].filter(({ protocol }) => protocols.includes(protocol));
    await capture.tellsFlush(...flows);
    capture.expectOnly([...flows, ...before.filter(({ protocol }) => protocols.includes(protocol))]);
    for (const flow of flows) expect(capture.kindsOf(flow)).toEqual(['create', 'expire']);
  });

  it.each([
    [V4, [V4]],
    ['10.1.0.0/16,2001:db8:2::/48', [C4, V6]],
    ['2001:db8::/32', [C6]],
    ['10.1.0.0/31,10.3.0.0/16', [C4]],
    ['10.1.0.2/31', []],
  ])('only those from or to %s', async (wanted, addresses) => {
    const capture = await stage.capture(namespace, '--conntrack-address', `${wanted},192.0.2.1`);
    namespace.run('ip', 'address', 'add', '192.0.2.1/32', 'dev', 'lo');
    const flows = [
      await udp(namespace, { client: CLIENT, virtual: NAMES }),
      ping(namespace, C6, V6, 1),
      ping(namespace, '127.0.0.1', '127.0.0.1', 1),
      // Wanted always: after it nothing of the others can come any more.
      ping(namespace, '192.0.2.1', '127.0.0.1', 2),
    ].filter(({ client_addr, virtual_addr }) =>
      [...addresses, '192.0.2.1'].some((address) => [client_addr, virtual_addr].includes(address)),
    );
    await capture.tellsFlush(...flows);
    capture.expectWhole(flows, { reason: 'flushed' });
  });

  it('what nobody wants takes no room', async () => {
    const room = world.user ? '--conntrack-buffer' : '--conntrack-queue';
    const capture = await stage.capture(namespace, room, '64K', '--conntrack-protocol', 'icmp', '--conntrack-address', C4);
    await capture.standStill();
    const unwanted = datagrams(namespace, CLIENT, V4, 2000);
    const wanted = ping(namespace, C4, V4, 1);
    capture.goOn();
    await capture.tellsKind('create', wanted);
    expect(namespace.count()).toBeGreaterThan(unwanted.length);
    expect(capture.losses()).toEqual([]);
    capture.expectOnly([wanted]);
  });
});
