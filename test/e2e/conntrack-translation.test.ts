import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LONG, Stage } from './support/conntrack-stage.js';
import { tcp, udp } from './support/flows.js';

const CLIENT = '10.1.0.1';
const VIRTUAL = '10.9.0.1';
const REAL = '10.2.0.1';

describe('source conntrack and translated addresses', () => {
  let stage: Stage;
  beforeEach(() => {
    stage = new Stage();
  });
  afterEach(() => stage.clean());

  it('tells a flow through a balancer of NAT rules: client, virtual service and real server', async () => {
    const client = await stage.bare();
    const director = await stage.bare([], { beside: client });
    const real = await stage.bare([], { beside: client });
    client.connect('director', `${CLIENT}/24`, director, 'clients', '10.1.0.254/24');
    real.connect('director', `${REAL}/24`, director, 'reals', '10.2.0.254/24');
    client.run('ip', 'route', 'add', 'default', 'via', '10.1.0.254');
    real.run('ip', 'route', 'add', 'default', 'via', '10.2.0.254');
    director.rules(`
table ip balancer {
  chain prerouting {
    type nat hook prerouting priority dstnat;
    ip daddr ${VIRTUAL} tcp dport 80 dnat to ${REAL}:8080;
    ip daddr ${VIRTUAL} udp dport 53 dnat to ${REAL}:53;
  }
}`);
    director.set({ ...LONG, 'netfilter.nf_conntrack_events': 1, 'ipv4.ip_forward': 1 });
    const capture = await stage.capture(director);

    const virtual = { address: VIRTUAL, port: 80 };
    const to8080 = { real: { address: REAL, port: 8080 }, serverIn: real };
    const flows = [
      await tcp(client, { client: { address: CLIENT, port: 5001 }, virtual, ...to8080 }),
      await tcp(client, { client: { address: CLIENT, port: 5002 }, virtual, ...to8080 }),
      await udp(client, {
        client: { address: CLIENT, port: 5001 },
        virtual: { address: VIRTUAL, port: 53 },
        real: { address: REAL, port: 53 },
        serverIn: real,
      }),
      // Past the balancer.
      await tcp(client, { client: { address: CLIENT, port: 5003 }, virtual: { address: REAL, port: 8080 }, serverIn: real }),
    ];
    expect(flows.map(({ forward }) => forward)).toEqual(['masq', 'masq', 'masq', 'direct']);
    await capture.tellsEnds(...flows);
    capture.expectWhole(flows);
  });

  it('tells a port that is translated alone, over IPv6 too', async () => {
    const namespace = await stage.tracking([`${CLIENT}/32`, `${REAL}/32`, '2001:db8:1::1/128', '2001:db8:2::1/128']);
    namespace.rules('table inet balancer { chain output { type nat hook output priority -100; tcp dport 80 redirect to :8080; }; }');
    const capture = await stage.capture(namespace);
    // Redirected on the way out, it goes to loopback.
    const way = (client: string, virtual: string, real: string) => ({
      client: { address: client, port: 5001 },
      virtual: { address: virtual, port: 80 },
      real: { address: real, port: 8080 },
    });
    const flows = [
      await tcp(namespace, way(CLIENT, REAL, '127.0.0.1')),
      await tcp(namespace, way('2001:db8:1::1', '2001:db8:2::1', '::1')),
    ];
    await capture.tellsEnds(...flows);
    capture.expectWhole(flows);
  });

  it('calls a flow whose source alone is translated direct: its client is who began it', async () => {
    const namespace = await stage.tracking([`${CLIENT}/32`, `${REAL}/32`, '10.3.0.1/32']);
    namespace.rules('table ip out { chain postrouting { type nat hook postrouting priority 100; ip saddr 10.1.0.1 snat to 10.3.0.1; }; }');
    const capture = await stage.capture(namespace);
    const flow = await tcp(namespace, { client: { address: CLIENT, port: 5001 }, virtual: { address: REAL, port: 80 } });
    await capture.tellsEnds(flow);
    capture.expectWhole([flow]);
  });
});
