import type { IncomingMessage, Server } from 'node:http';

/**
 * Sockets of one listener, of which there may be so many. It decides only: a socket that has no whole request gives way to a new one, the one that has been so for longest
 * first, so that sockets which are opened and left so keep nobody out.
 */
export class Sockets<S> {
  private readonly max: number;
  /** Oldest first; the function says whether a whole request is being answered. */
  private readonly open = new Map<S, () => boolean>();

  constructor(max: number) {
    this.max = max;
  }

  /** Takes a new socket; returns the one to be closed for that, which may be the new one. */
  opened(socket: S): S | undefined {
    let closed: S | undefined;
    if (this.open.size >= this.max) {
      closed = [...this.open].find(([, answering]) => !answering())?.[0] ?? socket;
      this.open.delete(closed);
    }
    if (closed !== socket) this.open.set(socket, () => false);
    return closed;
  }

  /** A request comes by the socket; `answering`: it is whole and has not been answered. */
  asked(socket: S, answering: () => boolean): void {
    if (this.open.has(socket)) this.open.set(socket, answering);
  }

  /** The answer has gone: from now on the socket has no request, so it is the newest of those. */
  answered(socket: S): void {
    if (this.open.delete(socket)) this.open.set(socket, () => false);
  }

  closed(socket: S): void {
    this.open.delete(socket);
  }
}

/** Lets a server have so many sockets at one time. */
export function limitSockets(server: Server, max: number): void {
  const sockets = new Sockets<IncomingMessage['socket']>(max);
  server.on('connection', (socket) => {
    socket.once('close', () => sockets.closed(socket));
    sockets.opened(socket)?.destroy();
  });
  server.on('request', (request, response) => {
    const { socket } = request;
    sockets.asked(socket, () => request.complete && !response.writableFinished);
    response.once('close', () => sockets.answered(socket));
  });
}
