import { createServer, type Server, type Socket } from 'node:net';
import { until } from '../../support/patience.js';
import { freePorts } from '../../support/ports.js';
import { Visitors } from './visitors.js';
import { type Up, Vslog } from './vslog.js';

/** `vslog up` with source engine, one service and two real servers that answer; one connection ended, one is open, and one real server was quiesced. */
export class SmallBalancer {
  readonly vslog = new Vslog();
  /** `127.0.0.1:PORT` of the service, and of the real server that is not quiesced. */
  service = '';
  real = '';
  private readonly servers: Server[] = [];
  private readonly sockets = new Set<Socket>();
  private visitors: Visitors | undefined;
  private up: Up | undefined;

  async start(...args: readonly string[]): Promise<void> {
    const [port = 0, first = 0, second = 0] = await freePorts(3);
    [this.service, this.real] = [`127.0.0.1:${port}`, `127.0.0.1:${first}`];
    for (const one of [first, second]) await this.echo(one);
    const reals = [first, second].flatMap((one) => ['--real', `127.0.0.1:${one}`]);
    this.up = this.vslog.up('--source', 'engine', '--service', `tcp://${this.service}`, '--scheduler', 'rr', ...reals, ...args);
    await this.up.says(/ready: connections are recorded/);
    this.visitors = new Visitors(port);
    (await this.visitors.hold()).destroy();
    await this.visitors.hold();
    await this.visitors.hold();
    this.vslog.run('rs', 'weight', this.service, `127.0.0.1:${second}`, '0');
    await until('three connections in the store', () => {
      const [row] = this.vslog.sql<{ n: number }>('SELECT count() AS n FROM connections');
      return row?.n === 3 ? true : undefined;
    });
  }

  async stop(): Promise<void> {
    this.visitors?.stop();
    for (const socket of this.sockets) socket.destroy();
    for (const server of this.servers) server.close();
    await this.up?.end();
    this.vslog.clean();
  }

  private echo(port: number): Promise<void> {
    const server = createServer((socket) => {
      this.sockets.add(socket);
      socket.on('error', () => undefined).once('close', () => this.sockets.delete(socket));
      socket.pipe(socket);
    });
    this.servers.push(server);
    return new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  }
}
