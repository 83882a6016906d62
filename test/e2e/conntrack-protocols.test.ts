import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConntrackCapture } from './support/conntrack-capture.js';
import { Stage, WORLDS } from './support/conntrack-stage.js';
import { ping, tcp, udp } from './support/flows.js';
import type { NetworkNamespace } from './support/network-namespace.js';

/** Status bits of nf_conntrack_common.h. */
const SEEN_REPLY = 2;
const CONFIRMED = 8;

const [C4, V4, C6, V6] = ['10.1.0.1', '10.2.0.1', '2001:db8:1::1', '2001:db8:2::1'] as const;

describe.each(WORLDS)('source conntrack by the $name', (world) => {
  let stage: Stage;
  let namespace: NetworkNamespace;
  let capture: ConntrackCapture;

  beforeEach(async () => {
    stage = new Stage(world);
    namespace = await stage.tracking([C4, V4, C6, V6].map((address) => `${address}/${address.includes(':') ? 128 : 32}`));
    capture = await stage.capture(namespace);
  });
  afterEach(() => stage.clean());

  it('tells TCP connections', async () => {
    const flows = [
      await tcp(namespace, { client: { address: C4, port: 5001 }, virtual: { address: V4, port: 80 } }),
      await tcp(namespace, { client: { address: C4, port: 5002 }, virtual: { address: V4, port: 80 } }),
    ];
    await capture.tellsEnds(...flows);
    capture.expectWhole(flows);
    expect(flows[0] && capture.of(flows[0])).toMatchObject([{ flags: CONFIRMED }, { flags: expect.any(Number) }]);
  });

  it('tells UDP flows', async () => {
    const flows = [
      await udp(namespace, { client: { address: C4, port: 5001 }, virtual: { address: V4, port: 53 } }),
      await udp(namespace, { client: { address: V4, port: 5001 }, virtual: { address: C4, port: 53 } }),
    ];
    await capture.tellsEnds(...flows);
    capture.expectWhole(flows);
    for (const flow of flows) expect(Number(capture.of(flow)[1]?.flags) & SEEN_REPLY).toBe(SEEN_REPLY);
  });

  it('tells pings', async () => {
    const flows = [ping(namespace, C4, V4, 4711), ping(namespace, C4, V4, 4712)];
    await capture.tellsEnds(...flows);
    capture.expectWhole(flows);
  });

  it('tells TCP, UDP and ICMP over IPv6', async () => {
    const flows = [
      await tcp(namespace, { client: { address: C6, port: 5001 }, virtual: { address: V6, port: 80 } }),
      await udp(namespace, { client: { address: C6, port: 5001 }, virtual: { address: V6, port: 53 } }),
      ping(namespace, C6, V6, 4711),
    ];
    await capture.tellsEnds(...flows);
    capture.expectWhole(flows);
  });
});
