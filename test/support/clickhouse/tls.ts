import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';

export interface TlsFrontOptions {
  /** PEM files: key and certificate in one, and the authority whose clients are let through; undefined: all are. */
  readonly own: string;
  readonly clientsOf?: string;
  /** An address of loopback. Default 127.0.0.1. */
  readonly host?: string;
}

export interface TlsFront {
  readonly url: string;
  /** Names of the clients that showed a certificate. */
  readonly clients: string[];
  close(): Promise<void>;
}

/** Puts TLS before a server's port. */
export async function tlsFront(port: number, { own, clientsOf, host = '127.0.0.1' }: TlsFrontOptions): Promise<TlsFront> {
  const clients: string[] = [];
  const pem = readFileSync(own);
  const mutual = clientsOf !== undefined;
  const options = {
    key: pem,
    cert: pem,
    requestCert: mutual,
    rejectUnauthorized: mutual,
    ...(mutual ? { ca: readFileSync(clientsOf) } : {}),
  };
  const server: Server = createServer(options, (incoming, response) => {
    const name = (incoming.socket as TLSSocket).getPeerCertificate().subject?.CN;
    if (typeof name === 'string') clients.push(name);
    // Whoever is behind is asked under a name of its own.
    const headers = { ...incoming.headers, host: `127.0.0.1:${port}` };
    const onward = request({ port, host: '127.0.0.1', path: incoming.url, method: incoming.method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    incoming.pipe(onward);
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return {
    url: `https://${host}:${(server.address() as AddressInfo).port}`,
    clients,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
