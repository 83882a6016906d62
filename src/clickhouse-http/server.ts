import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { closeHttp, createListener, listenTcp } from '../listen/http.js';
import { REQUEST_TIMES } from '../listen/limits.js';
import { type SqlAccess, TooManyWrong } from './access.js';
import { contentType, encodingFor, sendAnswer, summaryOf } from './answer.js';
import type { HttpAnswer, HttpQuery, QueryBackend } from './backend.js';
import { formParts, isUnfinished, passOver, readBody, saveBody } from './body.js';
import { ClickHouseException, exceptionText, statusOf } from './exception.js';
import { nativeForRevision } from './native.js';
import { type RequestParts, readRequest } from './request.js';

export interface ClickHouseHttpOptions {
  readonly backend: QueryBackend;
  /** Whom to answer. */
  readonly access: SqlAccess;
  /** Largest body that is a statement, bytes. Default 1 MiB. */
  readonly maxBody?: number;
  /** Queries at one time; the others are refused. Default 8. */
  readonly maxQueries?: number;
  /** How long a request and its body may take to come, ms. Default 15 s; 0: as long as they like. */
  readonly bodyMs?: number;
  /** Open sockets at one time; of those without a whole request the oldest give way. Default 64. */
  readonly maxSockets?: number;
}

/** What running queries have to finish at the end, ms. */
const CLOSE_MS = 2000;

const NOT_HERE = `There is no handle here.

Use / or /ping for health checks.
Or /replicas_status for more sophisticated health checks.

Send queries from your program with POST method or GET /?query=...
`;

/** ClickHouse's HTTP protocol over a backend. */
export class ClickHouseHttpServer {
  private readonly options: Required<ClickHouseHttpOptions>;
  private readonly server: Server;
  /** Ids of the queries that run. */
  private readonly running = new Set<string>();

  constructor(options: ClickHouseHttpOptions) {
    const { backend, access, maxBody = 1024 * 1024, maxQueries = 8, bodyMs = REQUEST_TIMES.requestTimeout, maxSockets = 64 } = options;
    this.options = { backend, access, maxBody, maxQueries, bodyMs, maxSockets };
    // Ours says why; the server's own is for what comes so late that nobody of us hears of it.
    const requestTimeout = bodyMs === 0 ? 0 : bodyMs + REQUEST_TIMES.headersTimeout;
    this.server = createListener(
      { ...REQUEST_TIMES, requestTimeout, keepAliveTimeout: 10_000, maxHeaderSize: 256 * 1024 },
      maxSockets,
      (request, response) => void this.answer(request, response),
    );
  }

  /** Resolves to the port. Rejects with the system's error. */
  listen(port: number, host: string): Promise<number> {
    return listenTcp(this.server, port, host);
  }

  /** Lets running queries finish for a moment. */
  close(): Promise<void> {
    return closeHttp(this.server, CLOSE_MS);
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined); // the client went away
    request.on('error', () => undefined);
    response.setHeader('X-ClickHouse-Server-Display-Name', hostname());
    try {
      await this.route(request, response);
    } catch (error) {
      this.refuse(request, response, error);
    }
  }

  private refuse(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    const exception =
      error instanceof ClickHouseException
        ? error
        : new ClickHouseException(1000, 'POCO_EXCEPTION', (error as Error)?.message ?? String(error));
    const text = exceptionText(exception, this.options.backend.version);
    const status = exception instanceof TooManyWrong ? 429 : statusOf(exception);
    if (status === 401 || exception.label === 'AUTHENTICATION_FAILED') response.setHeader('WWW-Authenticate', 'Basic realm="vslog"');
    response.setHeader('X-ClickHouse-Exception-Code', exception.code);
    sendText(request, response, status, text);
  }

  private async route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '' } = request;
    const foreign = this.options.access.foreign(request);
    if (foreign !== undefined) return sendText(request, response, 403, `${foreign}\n`);
    if (method !== 'GET' && method !== 'POST' && method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD, POST');
      return sendText(request, response, 405, `There is no ${method} here: use GET or POST.\n`);
    }
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (url.pathname === '/ping' || url.pathname === '/replicas_status') return sendText(request, response, 200, 'Ok.\n');
    if (url.pathname !== '/') return sendText(request, response, 404, NOT_HERE);
    if (method !== 'POST' && !url.searchParams.has('query')) return sendText(request, response, 200, 'Ok.\n');
    await this.query(url.searchParams, request, response);
  }

  private async query(search: URLSearchParams, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { backend, access, maxQueries } = this.options;
    const parts = readRequest(search, request.headers);
    await access.admit(parts, response);
    response.setHeader('X-ClickHouse-Query-Id', parts.id);
    response.setHeader('X-ClickHouse-Timezone', backend.timezone);
    const abort = new AbortController();
    response.once('close', () => abort.abort());
    // A request whose body does not come takes nobody's place.
    const query = await this.read(parts, request);
    let answer: HttpAnswer;
    try {
      if (this.running.has(parts.id))
        throw new ClickHouseException(216, 'QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING', `Query with id = ${parts.id} is already running`);
      if (this.running.size >= maxQueries) {
        response.setHeader('Retry-After', '1');
        throw new ClickHouseException(202, 'TOO_MANY_SIMULTANEOUS_QUERIES', `Too many simultaneous queries. Maximum: ${maxQueries}`);
      }
      this.running.add(parts.id);
      try {
        answer = await backend.run(query, abort.signal);
      } finally {
        this.running.delete(parts.id);
      }
    } finally {
      if (query.data !== undefined) await rm(query.data, { force: true });
    }
    if (abort.signal.aborted) return answer.discard();
    const summary = summaryOf(answer);
    response.setHeader('X-ClickHouse-Format', answer.format);
    response.setHeader('X-ClickHouse-Summary', summary);
    response.setHeader('Content-Type', contentType(answer.format));
    const encoding = parts.compress ? encodingFor(request.headers['accept-encoding']) : undefined;
    const transform = answer.format === 'Native' ? nativeForRevision(parts.revision) : undefined;
    await sendAnswer(response, answer, { encoding, transform, head: request.method === 'HEAD' });
  }

  /** The statement: the parameter `query` and the body, or the body alone. Where rows can be written a body after a parameter is rows. */
  private async read(parts: RequestParts, request: IncomingMessage): Promise<HttpQuery> {
    const { backend, maxBody, bodyMs } = this.options;
    const { id, database, format, settings, parameters } = parts;
    const rest = { id, database, format, settings };
    const nonEmpty = (sql: string): string => {
      if (sql.trim() === '') throw new ClickHouseException(62, 'SYNTAX_ERROR', 'Empty query');
      return sql;
    };
    if (backend.dataFolder !== undefined && parts.query !== '' && request.method === 'POST') {
      const data = join(backend.dataFolder, `${randomUUID()}.rows`);
      const length = await saveBody(request, data);
      return { ...rest, sql: parts.query, parameters, data: length > 0 ? data : undefined };
    }
    const late = bodyMs === 0 ? undefined : AbortSignal.timeout(bodyMs);
    const body = request.method === 'POST' ? await readBody(request, maxBody, late) : Buffer.alloc(0);
    const type = request.headers['content-type'] ?? '';
    if (!/^multipart\/form-data/i.test(type))
      return {
        ...rest,
        sql: nonEmpty([parts.query, body.toString('utf8')].filter((text) => text !== '').join('\n')),
        parameters,
        data: undefined,
      };
    const form = formParts(body, type);
    const all = new Map(parameters);
    for (const [name, value] of form) if (name.startsWith('param_')) all.set(name.slice('param_'.length), value);
    return { ...rest, sql: nonEmpty(parts.query + (form.get('query') ?? '')), parameters: all, data: undefined };
  }
}

/** Answers a request that may not have ended yet. */
function sendText(request: IncomingMessage, response: ServerResponse, status: number, text: string): void {
  if (isUnfinished(request)) response.setHeader('Connection', 'close');
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=UTF-8', 'Content-Length': Buffer.byteLength(text) });
  if (request.method !== 'HEAD') response.write(text);
  void passOver(request).then(() => response.end());
}
