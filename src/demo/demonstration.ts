import type { Knob } from '../config/knobs.js';
import { lastKnobs } from '../config/knobs.js';
import type { VirtualService } from '../config/services.js';
import { EchoServer } from './echo-server.js';
import { freeTcpPort, freeUdpPort } from './free-port.js';
import { Traffic } from './traffic.js';

const HOST = '127.0.0.1';
const HTTP_PORT = 18080;
const UDP_PORT = 18053;
const ORIGIN = 'the demonstration';
const WEIGHTS = [3, 2, 1];

/** Short, so that ends are seen soon; the kernel's are minutes. Seconds. */
const TIMEOUTS = { timeout_tcpfin: 3, timeout_timewait: 3, timeout_udp: 5 };

/** Something to watch on a machine without a balancer: three echo servers behind a virtual service for HTTP and one for UDP, and a little traffic. */
export class Demonstration {
  readonly services: readonly VirtualService[];
  /** Where a person may send requests. */
  readonly httpPort: number;
  readonly udpPort: number;
  private readonly servers: readonly EchoServer[];
  private readonly traffic: Traffic;

  private constructor(servers: readonly EchoServer[], httpPort: number, udpPort: number) {
    this.servers = servers;
    this.httpPort = httpPort;
    this.udpPort = udpPort;
    this.traffic = new Traffic(HOST, httpPort, udpPort);
    const service = (protocol: 'tcp' | 'udp', port: number, scheduler: string): VirtualService => ({
      at: `${protocol}://${HOST}:${port}`,
      scheduler,
      persistent: 0,
      netmask: '',
      onePacket: false,
      reals: servers.map((server, i) => ({
        at: protocol === 'tcp' ? server.httpAt : server.udpAt,
        weight: WEIGHTS[i] ?? 1,
        upper: 0,
        lower: 0,
      })),
      origin: ORIGIN,
    });
    this.services = [service('tcp', httpPort, 'wrr'), service('udp', udpPort, 'rr')];
  }

  /** Starts the servers; the traffic waits for begin(). */
  static async start(): Promise<Demonstration> {
    const servers = ['A', 'B', 'C'].map((name) => new EchoServer(name));
    for (const server of servers) await server.start();
    return new Demonstration(servers, await freeTcpPort(HOST, HTTP_PORT), await freeUdpPort(HOST, UDP_PORT));
  }

  /** The demonstration's knobs, and over them what was configured. */
  withKnobs(knobs: readonly Knob[]): Knob[] {
    const own = Object.entries(TIMEOUTS).map(([name, value]) => ({ name, value: String(value), origin: ORIGIN }));
    return lastKnobs([...own, ...knobs]);
  }

  begin(): void {
    this.traffic.start();
  }

  async stop(): Promise<void> {
    this.traffic.stop();
    await Promise.all(this.servers.map((server) => server.stop()));
  }
}
