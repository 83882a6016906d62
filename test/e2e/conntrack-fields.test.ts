import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Stage } from './support/conntrack-stage.js';
import { tcp, udp } from './support/flows.js';
import type { NetworkNamespace } from './support/network-namespace.js';

const [CLIENT, VIRTUAL] = ['10.1.0.1', '10.2.0.1'];
const WAY = { client: { address: CLIENT, port: 5001 }, virtual: { address: VIRTUAL, port: 53 } };
/** Of one datagram with "hello" and a line's end: IP and UDP take 28. */
const DATAGRAM_BYTES = 34;

const wallNs = (): bigint => BigInt(Date.now()) * 1_000_000n;
const nsOf = (time: string): bigint => BigInt(Date.parse(`${time.slice(0, 19)}Z`)) * 1_000_000n + BigInt(time.slice(20, 29));

describe('what source conntrack tells of a flow beside its addresses', () => {
  let stage: Stage;
  let namespace: NetworkNamespace;

  beforeEach(async () => {
    stage = new Stage();
    namespace = await stage.tracking([`${CLIENT}/32`, `${VIRTUAL}/32`]);
  });
  afterEach(() => stage.clean());

  it('its zone: the same addresses and ports in two zones are two flows', async () => {
    const capture = await stage.capture(namespace);
    const inZone = async (zone: number) => {
      namespace.rules(
        `table ip zones\ndelete table ip zones\ntable ip zones { chain output { type filter hook output priority -300; ct zone set ${zone}; }; }`,
      );
      return udp(namespace, { ...WAY, zone });
    };
    const flows = [
      await inZone(7),
      await inZone(65_535),
      await udp(namespace, { ...WAY, client: { address: CLIENT, port: 5002 }, zone: 65_535 }),
    ];
    await capture.tellsFlush(...flows);
    capture.expectWhole(flows, { reason: 'flushed' });
  });

  it('its mark, and the one that it has at its end', async () => {
    namespace.rules(`
table ip marks {
  chain output {
    type filter hook output priority 1;
    ct direction original ct mark set 0xfffffffe;
    ct direction reply ct mark set 7;
  }
}`);
    const capture = await stage.capture(namespace);
    const flow = await udp(namespace, WAY);
    await capture.tellsKind('create', flow);
    await capture.tellsFlush(flow);
    expect(capture.of(flow)).toMatchObject([
      { kind: 'create', mark: 0xfffffffe },
      { kind: 'expire', mark: 7 },
    ]);
  });

  it('its labels', async () => {
    namespace.rules(
      `table ip labels { chain output { type filter hook output priority 1; ct state new ct label set 5; ct state new ct label set 127; }; }`,
    );
    const capture = await stage.capture(namespace);
    const flow = await udp(namespace, WAY);
    await capture.tellsKind('create', flow);
    expect(capture.of(flow)[0]?.labels).toBe(String(2n ** 5n + 2n ** 127n));
    const listed = await capture.list();
    expect(listed.find(({ client_port }) => client_port === 5001)?.labels).toBe(String(2n ** 5n + 2n ** 127n));
    // The kernel's word of its end has none.
    await capture.tellsFlush(flow);
    expect(capture.of(flow)).toMatchObject([
      { kind: 'create', labels: String(2n ** 5n + 2n ** 127n) },
      { kind: 'expire', labels: String(2n ** 5n + 2n ** 127n) },
    ]);
  });

  it('its labels at the end of one from before the capture', async () => {
    namespace.rules(`table ip labels { chain output { type filter hook output priority 1; ct state new ct label set 77; }; }`);
    const flow = await udp(namespace, WAY);
    const capture = await stage.capture(namespace);
    await capture.tellsKind('snapshot', flow);
    await capture.tellsFlush(flow);
    expect(capture.of(flow)).toMatchObject([
      { kind: 'snapshot', labels: String(2n ** 77n) },
      { kind: 'expire', labels: String(2n ** 77n) },
    ]);
  });

  it('with its changes the labels and the state that it has, whatever has changed', async () => {
    namespace.rules(`
table ip labels {
  chain output {
    type filter hook output priority 1;
    ct state new ct label set 5;
    ct direction reply ct label set 6;
  }
}`);
    const capture = await stage.capture(namespace, '--conntrack-events', 'create,state,expire');
    const connection = await tcp(namespace, { ...WAY, virtual: { address: VIRTUAL, port: 80 } });
    await capture.tellsFlush(connection);
    const [begin, ...later] = capture.of(connection);
    expect(begin).toMatchObject({ kind: 'create', labels: String(2n ** 5n) });
    expect(later.length).toBeGreaterThan(2);
    const both = String(2n ** 5n + 2n ** 6n);
    expect(later.map(({ labels }) => labels)).toEqual(later.map(() => both));
    expect(later.every(({ state }) => state !== 0)).toBe(true);
  });

  it('no mark, no labels, no zone where it has none', async () => {
    const capture = await stage.capture(namespace);
    const flow = await udp(namespace, WAY);
    await capture.tellsKind('create', flow);
    expect(capture.of(flow)[0]).toMatchObject({ mark: 0, labels: '0', zone: 0 });
  });

  it('its packets and bytes, where the kernel counts them', async () => {
    namespace.set({ 'netfilter.nf_conntrack_acct': 1 });
    const capture = await stage.capture(namespace);
    expect(capture.said).not.toContain('nf_conntrack_acct');
    const datagrams = await udp(namespace, WAY);
    const connection = await tcp(namespace, { ...WAY, virtual: { address: VIRTUAL, port: 80 } });
    await capture.tellsEnds(datagrams, connection);
    const counted = { packets_in: 1, bytes_in: DATAGRAM_BYTES, packets_out: 1, bytes_out: DATAGRAM_BYTES };
    expect(capture.of(datagrams)[1]).toMatchObject(counted);
    // SYN, ACK, data and FIN; SYN+ACK, data and FIN: at least.
    const { packets_in = 0, packets_out = 0, bytes_in = 0, bytes_out = 0 } = capture.of(connection)[1] ?? {};
    expect([packets_in >= 4, packets_out >= 3, bytes_in > packets_in * 40, bytes_out > packets_out * 40]).toEqual([true, true, true, true]);
  });

  it('no packets and bytes where the kernel counts none, which it says at the start', async () => {
    namespace.set({ 'netfilter.nf_conntrack_acct': 0 });
    const capture = await stage.capture(namespace);
    expect(capture.said).toMatch(/^vslog-capture: net\.netfilter\.nf_conntrack_acct is 0: .*\.$/m);
    const flow = await udp(namespace, WAY);
    await capture.tellsEnds(flow);
    expect(capture.of(flow)[1]).toMatchObject({ packets_in: 0, bytes_in: 0, packets_out: 0, bytes_out: 0 });
  });

  it.each([0, 1])('when it began and ended, with nf_conntrack_timestamp=%i', async (timestamp) => {
    namespace.set({ 'netfilter.nf_conntrack_timestamp': timestamp });
    const capture = await stage.capture(namespace);
    expect(capture.said.includes('nf_conntrack_timestamp is 0')).toBe(timestamp === 0);
    const before = wallNs();
    const flow = await udp(namespace, WAY);
    await capture.tellsKind('create', flow);
    // It lives for a second from here on. The tool fails when it has ended before the tool looks at it again.
    namespace.tried(['conntrack', '-U', '-f', 'ipv4', '--timeout', '1']);
    await capture.tells('its end', () => {
      if (capture.kindsOf(flow).includes('expire')) return true;
      // The kernel takes a flow whose timer ran out when it looks at it: a dump of the table does.
      namespace.run('conntrack', '-L');
      return false;
    });
    const ended = wallNs() + 1_000_000n;
    capture.expectWhole([flow]);
    const [create, expire] = capture.of(flow);
    if (create === undefined || expire === undefined) throw new Error('not told');
    expect(create.created).toBe(create.time);
    const began = nsOf(create.created);
    const end = nsOf(expire.time);
    expect(before <= began && began < end && end <= ended).toBe(true);
    const duration = BigInt(expire.duration_ns);
    if (timestamp === 0) expect(duration).toBe(end - began);
    // The kernel's own beginning, which it tells with the end; that of the log was read after it.
    else expect(duration >= end - began && duration <= ended - before).toBe(true);
    expect(duration >= 990_000_000n).toBe(true); // the kernel counts the second in ticks of up to 10 ms;
  });

  it('when it began, also of one from before the capture, where the kernel knows', async () => {
    namespace.set({ 'netfilter.nf_conntrack_timestamp': 1 });
    const before = wallNs();
    const flow = await udp(namespace, WAY);
    const after = wallNs() + 1_000_000n;
    const capture = await stage.capture(namespace);
    await capture.tellsKind('snapshot', flow);
    const began = nsOf(capture.of(flow)[0]?.created ?? '');
    expect(began >= before && began <= after).toBe(true);
  });
});
