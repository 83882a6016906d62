import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { StatusDocument } from '../api/status.js';
import { closeHttp, listenTcp } from '../listen/http.js';
import { REQUEST_TIMES } from '../listen/limits.js';
import { isSecret } from '../listen/secret.js';
import { limitSockets } from '../listen/sockets.js';
import { sentenceOf } from '../wire/errors.js';
import { exposition, unready } from './exposition.js';

/** Open sockets at one time. */
const MOST_SOCKETS = 64;

export interface MetricsServerOptions {
  readonly status: () => Promise<StatusDocument>;
  /** Whom to answer; undefined: whoever reaches us. */
  readonly token: string | undefined;
}

/** `/metrics` (Prometheus), `/healthz` (it lives) and `/readyz` (it does its work, or why not). */
export class MetricsServer {
  private readonly options: MetricsServerOptions;
  private readonly server = createServer(REQUEST_TIMES, (request, response) => void this.answer(request, response));

  constructor(options: MetricsServerOptions) {
    this.options = options;
    limitSockets(this.server, MOST_SOCKETS);
  }

  /** Resolves to the port. Rejects with the system's error. */
  listen(port: number, host: string): Promise<number> {
    return listenTcp(this.server, port, host);
  }

  close(): Promise<void> {
    return closeHttp(this.server);
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined); // the client went away
    request.resume();
    const [pathname] = (request.url ?? '/').split('?', 1);
    const send = (status: number, text: string, type = 'text/plain; charset=utf-8'): void => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
      response.end(request.method === 'HEAD' ? undefined : text);
    };
    if (request.method !== 'GET' && request.method !== 'HEAD') return send(405, 'Use GET.\n');
    if (pathname === '/healthz') return send(200, 'ok\n');
    if (pathname !== '/metrics' && pathname !== '/readyz') return send(404, 'There are /metrics, /healthz and /readyz.\n');
    if (!this.known(request)) {
      response.setHeader('www-authenticate', 'Bearer');
      return send(401, 'A token is asked for: Authorization: Bearer TOKEN, see metrics.token_file.\n');
    }
    try {
      const status = await this.options.status();
      if (pathname === '/metrics') return send(200, await exposition(status), 'text/plain; version=0.0.4; charset=utf-8');
      const reasons = unready(status);
      send(reasons.length === 0 ? 200 : 503, reasons.length === 0 ? 'ready\n' : `${reasons.join('\n')}\n`);
    } catch (error) {
      send(503, `${sentenceOf(error)}\n`);
    }
  }

  private known(request: IncomingMessage): boolean {
    const { token } = this.options;
    if (token === undefined) return true;
    const [, given = ''] = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
    return isSecret(given, token);
  }
}
