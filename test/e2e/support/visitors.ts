import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Clients of a port, one after the other: each says a byte, hears it, and goes. */
export class Visitors {
  /** So many have gone. */
  done = 0;
  private readonly port: number;
  private running = false;
  private readonly open = new Set<Socket>();

  constructor(port: number) {
    this.port = port;
  }

  /** They come until stop(). */
  start(): void {
    this.running = true;
    void this.go();
  }

  stop(): void {
    this.running = false;
    for (const socket of this.open) socket.destroy();
  }

  /** One that stays; resolves when it was answered. */
  async hold(): Promise<Socket> {
    const socket = connect(this.port, '127.0.0.1').on('error', () => undefined);
    this.open.add(socket);
    socket.once('close', () => this.open.delete(socket)).write('x');
    await once(socket, 'data');
    return socket;
  }

  private async go(): Promise<void> {
    while (this.running) {
      const socket = await this.hold();
      socket.end();
      await once(socket, 'close');
      this.done++;
    }
  }
}
