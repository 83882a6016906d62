import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { StatusDocument } from '../api/status.js';
import { secretOf } from '../listen/authorization.js';
import type { Guard } from '../listen/guard.js';
import { closeHttp, createListener, listenTcp } from '../listen/http.js';
import { REQUEST_TIMES } from '../listen/limits.js';
import { sentenceOf } from '../wire/errors.js';
import { exposition, unready } from './exposition.js';
import type { Traffic } from './traffic/traffic.js';

/** Open sockets at one time. */
const MOST_SOCKETS = 64;

export interface MetricsServerOptions {
  readonly status: () => Promise<StatusDocument>;
  readonly guard: Guard;
  /** Of virtual services and real servers; undefined: they have no series. */
  readonly traffic?: Pick<Traffic, 'exposition' | 'stop'>;
}

/** `/metrics` (Prometheus), `/healthz` (it lives) and `/readyz` (it does its work, or why not). */
export class MetricsServer {
  private readonly options: MetricsServerOptions;
  private readonly server: Server;

  constructor(options: MetricsServerOptions) {
    this.options = options;
    this.server = createListener(REQUEST_TIMES, MOST_SOCKETS, (request, response) => void this.answer(request, response));
  }

  /** Resolves to the port. Rejects with the system's error. */
  listen(port: number, host: string): Promise<number> {
    return listenTcp(this.server, port, host);
  }

  close(): Promise<void> {
    this.options.traffic?.stop();
    return closeHttp(this.server);
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined); // the client went away
    request.resume();
    const [pathname] = (request.url ?? '/').split('?', 1);
    const send = (status: number, text: string, type = 'text/plain; charset=utf-8'): void => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
      response.end(request.method === 'HEAD' ? undefined : text);
    };
    const { guard } = this.options;
    const foreign = guard.foreign(request);
    if (foreign !== undefined) return send(403, `${foreign}\n`);
    if (request.method !== 'GET' && request.method !== 'HEAD') return send(405, 'Use GET.\n');
    if (pathname === '/healthz') return send(200, 'ok\n');
    if (pathname !== '/metrics' && pathname !== '/readyz') return send(404, 'There are /metrics, /healthz and /readyz.\n');
    const admission = await guard.admit(guard.open ? undefined : secretOf(request.headers.authorization), response);
    // Who starts and stops containers of this machine need not read the log for that: yes or no is all that he gets.
    const brief = !admission.in && admission.why === 'none' && pathname === '/readyz' && guard.loopback;
    if (!admission.in && !brief) {
      if (admission.why === 'crowd') return send(429, 'Too many wrong tokens: come again in a second.\n');
      response.setHeader('www-authenticate', ['Bearer realm="vslog"', 'Basic realm="vslog", charset="UTF-8"']);
      return send(401, ASKED[admission.why]);
    }
    try {
      const status = await this.options.status();
      if (pathname === '/metrics') {
        const { node, source } = status.capture;
        const traffic = (await this.options.traffic?.exposition({ node, kind: source })) ?? '';
        return send(200, (await exposition(status)) + traffic, 'text/plain; version=0.0.4; charset=utf-8');
      }
      const reasons = unready(status);
      if (reasons.length === 0) return send(200, 'ready\n');
      send(503, brief ? 'not ready\n' : `${reasons.join('\n')}\n`);
    } catch (error) {
      send(503, brief ? 'not ready\n' : `${sentenceOf(error)}\n`);
    }
  }
}

/** Why nothing is told. */
const ASKED = {
  none: 'A token is asked for: Authorization: Bearer TOKEN, with that of metrics.token_file, or reader.token in collector.data_dir.\n',
  wrong: 'This token is not known here: it must be that of metrics.token_file, or reader.token in collector.data_dir.\n',
} as const;
