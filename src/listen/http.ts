import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { limitSockets } from './sockets.js';

/** On every answer of every listener, errors too: it is what its type says, and no page of another origin may embed it. */
const EVERY_ANSWER: Readonly<Record<string, string>> = {
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

/** What the parser found wrong, as a status; anything else is 400. */
const FAULTS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** An HTTP server of `maxSockets` sockets whose answers all have the headers of EVERY_ANSWER. */
export function createListener(
  options: ServerOptions,
  maxSockets: number,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const answers = new WeakMap<Duplex, ServerResponse>();
  const begin = (request: IncomingMessage, response: ServerResponse): void => {
    answers.set(request.socket, response);
    for (const [name, value] of Object.entries(EVERY_ANSWER)) response.setHeader(name, value);
  };
  // Node.js would answer a request without Host by itself, and without our headers. Whom we ask for it, we answer.
  const server = createServer({ ...options, requireHostHeader: false }, (request, response) => {
    begin(request, response);
    answer(request, response);
  });
  server.on('checkExpectation', (request, response) => {
    begin(request, response);
    response.writeHead(417, { connection: 'close' }).end();
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const response = answers.get(socket);
    const between = response?.headersSent === true && !response.writableFinished;
    if (!socket.writable || error.code === 'ECONNRESET' || between) {
      socket.destroy();
      return;
    }
    const lines = Object.entries({ ...EVERY_ANSWER, Connection: 'close', 'Content-Length': '0' });
    const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    socket.end(`HTTP/1.1 ${FAULTS[error.code ?? ''] ?? '400 Bad Request'}\r\n${head}\r\n`, () => socket.destroy());
  });
  limitSockets(server, maxSockets);
  return server;
}

/** Resolves to the port; rejects with the system's error. */
export async function listenTcp(server: Server, port: number, host: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

/** Takes no more requests; what is being answered has `patienceMs` to end, then its connection is cut. */
export async function closeHttp(server: Server, patienceMs = 0): Promise<void> {
  if (!server.listening) return;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), patienceMs);
  await closed;
  clearTimeout(timer);
}
