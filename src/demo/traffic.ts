import { createSocket, type Socket } from 'node:dgram';
import { Agent, request } from 'node:http';

const TICK_MS = 1000;
/** Every fourth client asks again and again over one connection. */
const STAYING = 4;
const STAYS_MS = 6000;
const ASKS_AGAIN_MS = 1500;
const TIMEOUT_MS = 10_000;
const PATHS = ['/', '/cart', '/search?q=kettle', '/login', '/img/logo.png'];

/** Gentle traffic on the demonstration's services: about one HTTP request a second, some on connections that stay a while, and a datagram every other second. */
export class Traffic {
  private readonly host: string;
  private readonly httpPort: number;
  private readonly udpPort: number;
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly agents = new Set<Agent>();
  private readonly sockets = new Set<Socket>();
  private count = 0;

  constructor(host: string, httpPort: number, udpPort: number) {
    this.host = host;
    this.httpPort = httpPort;
    this.udpPort = udpPort;
  }

  start(): void {
    this.timers.add(setInterval(() => this.tick(), TICK_MS));
  }

  stop(): void {
    for (const timer of this.timers) clearInterval(timer);
    for (const agent of this.agents) agent.destroy();
    for (const socket of this.sockets) socket.close();
    this.sockets.clear();
  }

  private tick(): void {
    const n = this.count++;
    if (n % STAYING === 0) this.stay(n);
    else this.ask(n, new Agent({ keepAlive: false }));
    if (n % 2 === 1) this.datagram(n);
  }

  private stay(n: number): void {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    this.agents.add(agent);
    this.ask(n, agent);
    const again = setInterval(() => this.ask(n, agent), ASKS_AGAIN_MS);
    const end = setTimeout(() => {
      clearInterval(again);
      agent.destroy();
      this.agents.delete(agent);
      this.timers.delete(again);
      this.timers.delete(end);
    }, STAYS_MS);
    this.timers.add(again);
    this.timers.add(end);
  }

  /** An answer that does not come is no trouble of ours: the log tells why. */
  private ask(n: number, agent: Agent): void {
    const outgoing = request(
      { host: this.host, port: this.httpPort, path: PATHS[n % PATHS.length] ?? '/', agent, timeout: TIMEOUT_MS },
      (response) => {
        response.on('error', () => undefined);
        response.resume();
      },
    );
    outgoing.on('timeout', () => outgoing.destroy());
    outgoing.on('error', () => undefined);
    outgoing.end();
  }

  private datagram(n: number): void {
    const socket = createSocket('udp4');
    this.sockets.add(socket);
    const close = (): void => {
      if (this.sockets.delete(socket)) socket.close();
      clearTimeout(timer);
      this.timers.delete(timer);
    };
    const timer = setTimeout(close, TIMEOUT_MS);
    this.timers.add(timer);
    socket.on('error', close);
    socket.on('message', close);
    socket.send(`question ${n}`, this.udpPort, this.host);
  }
}
