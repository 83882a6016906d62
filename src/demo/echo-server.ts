import { createSocket, type Socket } from 'node:dgram';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

const HOST = '127.0.0.1';
/** Longer than the traffic keeps a connection, so that the client is the one that ends it. */
const KEEP_ALIVE_MS = 30_000;

/** A real server of the demonstration: answers HTTP and UDP with its name and what it was sent. */
export class EchoServer {
  readonly name: string;
  private readonly http: Server;
  private readonly udp: Socket;

  constructor(name: string) {
    this.name = name;
    this.http = createServer((request, response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      request.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length <= 64 * 1024) chunks.push(chunk);
      });
      request.on('end', () => {
        const { remoteAddress, remotePort, localAddress, localPort } = request.socket;
        const body = Buffer.concat(chunks).toString('utf8');
        response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'x-server': name });
        response.end(
          `server ${name} at ${localAddress}:${localPort} was asked: ${request.method} ${request.url} from ${remoteAddress}:${remotePort}\n${body === '' ? '' : `${body}\n`}`,
        );
      });
      request.on('error', () => undefined);
    });
    this.http.keepAliveTimeout = KEEP_ALIVE_MS;
    this.udp = createSocket('udp4', (message, { port, address }) =>
      this.udp.send(`server ${name}: ${message.toString('utf8')}`, port, address),
    );
    this.udp.on('error', () => undefined);
  }

  /** Listens on free loopback ports. */
  async start(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.http.once('error', reject);
      this.http.listen(0, HOST, resolve);
    });
    await new Promise<void>((resolve) => this.udp.bind(0, HOST, resolve));
  }

  get httpAt(): string {
    return `${HOST}:${(this.http.address() as AddressInfo).port}`;
  }

  get udpAt(): string {
    return `${HOST}:${this.udp.address().port}`;
  }

  async stop(): Promise<void> {
    this.http.closeAllConnections();
    await Promise.all([
      new Promise<void>((resolve) => this.http.close(() => resolve())),
      new Promise<void>((resolve) => this.udp.close(() => resolve())),
    ]);
  }
}
