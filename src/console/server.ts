import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { toJson } from '../api/json.js';
import type { SqlStore } from '../api/sql-store.js';
import type { StatusDocument } from '../api/status.js';
import { Failure } from '../cli/failure.js';
import { WORDS_SQL } from '../cli/sql-words.js';
import { closeHttp, createListener, listenTcp } from '../listen/http.js';
import { REQUEST_TIMES } from '../listen/limits.js';
import { sentenceOf } from '../wire/errors.js';
import type { Access, Visitor } from './access.js';
import type { Asset } from './assets.js';
import { changelog } from './changelog.js';
import { cutAnswer } from './cut.js';
import type { Desk } from './desk.js';
import { DOOR_HEADERS, doorFor, ENTRANCE } from './door.js';
import { ConsoleError } from './errors.js';
import { askHistory } from './history.js';
import { LIMITS } from './limits.js';
import { LiveFeed } from './live.js';
import { pageOf } from './pages.js';
import { askReport, changeMarks, reportCsv, reportList } from './reports.js';
import { sendFile } from './send-file.js';
import { inPage, spanOf } from './span.js';
import { askStory } from './story.js';

/** The longest query or request. */
const MAX_BODY_BYTES = 256 * 1024;
/** Open sockets at one time. */
const MOST_SOCKETS = 128;

/** Nothing from elsewhere, nothing inline: https://www.w3.org/TR/CSP3/ */
const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
};

export interface ConsoleServerOptions {
  readonly assets: ReadonlyMap<string, Asset>;
  readonly status: () => Promise<StatusDocument>;
  readonly store: SqlStore | undefined;
  readonly desk: Desk;
  readonly access: Access;
}

/** The web console: the page, and what it asks under /api/. */
export class ConsoleServer {
  private readonly options: ConsoleServerOptions;
  private readonly live: LiveFeed;
  private readonly server: Server;
  /** Where it listens; undefined: nowhere. */
  port: number | undefined;

  constructor(options: ConsoleServerOptions) {
    this.options = options;
    this.live = new LiveFeed(options.status);
    this.server = createListener(
      { ...REQUEST_TIMES, maxHeaderSize: 16_384 },
      MOST_SOCKETS,
      (request, response) => void this.answer(request, response),
    );
  }

  /** Resolves to the port. Rejects with the system's error. */
  async listen(port: number, host: string): Promise<number> {
    this.port = await listenTcp(this.server, port, host);
    return this.port;
  }

  async close(): Promise<void> {
    this.port = undefined;
    this.live.stop();
    await closeHttp(this.server);
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined); // the client went away
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    try {
      const { pathname, searchParams } = targetOf(request);
      const { access } = this.options;
      access.refuseForeign(request, pathname);
      if (pathname === ENTRANCE || pathname.startsWith(`${ENTRANCE}/`)) return await this.enter(pathname, request, response);
      const visitor = await access.admit(request, response);
      await this.route(pathname, searchParams, visitor, request, response);
    } catch (error) {
      const status = error instanceof ConsoleError ? error.status : error instanceof Failure ? 400 : 500;
      if (response.headersSent || response.destroyed) response.destroy();
      else {
        // What is left of a body that nobody reads must not be taken for the next request.
        if (!request.complete) response.setHeader('connection', 'close');
        if (status === 429) response.setHeader('retry-after', '1');
        const sentence = error instanceof Failure ? inPage(sentenceOf(error)) : sentenceOf(error);
        const door = status === 401 || status === 429 ? doorFor(request, sentence) : undefined;
        if (door === undefined) sendJson(response, status, { message: sentence });
        else sendPage(response, status, door);
      }
    }
  }

  /** A browser comes by a link, or with the token that its person typed, and goes on to a page of ours; the address that it shows then has no secret. */
  private async enter(pathname: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { access } = this.options;
    if (pathname === ENTRANCE) {
      if (request.method !== 'POST') throw new ConsoleError(405, 'A token comes here by POST.');
      if (!/^application\/x-www-form-urlencoded\b/.test(request.headers['content-type'] ?? ''))
        throw new ConsoleError(415, 'A token comes as application/x-www-form-urlencoded.');
      const form = new URLSearchParams(await bodyOf(request));
      const cookie = await access.enter((form.get('token') ?? '').trim(), response);
      return goOn(response, cookie, pageOf(form.get('to') ?? '/') ?? '/');
    }
    if (request.method !== 'GET') throw new ConsoleError(405, 'A link is followed by GET.');
    // A browser that looks ahead has not been told to follow it: the link is still good afterwards.
    if (/\bprefetch\b/.test(String(request.headers['sec-purpose'] ?? ''))) throw new ConsoleError(503, 'This link is not fetched ahead.');
    goOn(response, await access.followLink(pathname.slice(ENTRANCE.length + 1), response), '/');
  }

  private async route(
    pathname: string,
    searchParams: URLSearchParams,
    visitor: Visitor,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const { method = 'GET' } = request;
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    if (pathname === '/api/sql') {
      if (method !== 'POST') throw new ConsoleError(405, 'A query comes by POST.');
      return this.sql(request, response, gone.signal);
    }
    if (method === 'POST') return sendJson(response, 200, await this.change(pathname, visitor, request));
    if (method !== 'GET' && method !== 'HEAD') throw new ConsoleError(405, `${method} does nothing here.`);
    const [, report, csv] = /^\/api\/reports\/(\w{1,32})(\.csv)?$/.exec(pathname) ?? [];
    if (report !== undefined) {
      if (csv === undefined) return sendJson(response, 200, await askReport(this.store(), report, searchParams, gone.signal));
      const text = await reportCsv(this.store(), report, searchParams, gone.signal);
      response.writeHead(200, { 'content-type': 'text/csv; charset=utf-8', 'content-disposition': `attachment; filename="${report}.csv"` });
      response.end(text);
      return;
    }
    switch (pathname) {
      case '/api/status':
        return sendJson(response, 200, await this.options.status());
      case '/api/reports':
        return sendJson(response, 200, reportList());
      case '/api/history':
        return sendJson(response, 200, await askHistory(this.store(), searchParams, Date.now(), gone.signal, () => this.behind()));
      case '/api/time': {
        const { since, until, live } = spanOf(searchParams, '1h', Date.now());
        return sendJson(response, 200, { since, until, live });
      }
      case '/api/schema':
        return sendBytes(response, 'application/json', await this.store().query(WORDS_SQL, { format: 'JSONCompact' }));
      case '/api/session':
        return sendJson(response, 200, {
          name: visitor.holder?.operates === true ? visitor.holder.name : null,
          settable: this.options.access.settable,
        });
      case '/api/services':
        return sendJson(response, 200, await this.options.desk.services());
      case '/api/knobs':
        return sendJson(response, 200, await this.options.desk.knobs());
      case '/api/drains':
        return sendJson(response, 200, await this.options.desk.drains());
      case '/api/changes':
        return sendJson(response, 200, await changeMarks(this.store(), searchParams, gone.signal));
      case '/api/changelog':
        return sendJson(response, 200, await changelog(this.store(), searchParams, gone.signal));
      case '/api/story':
        return sendJson(
          response,
          200,
          await askStory(this.store(), (rows, values) => this.options.desk.withStates(rows, values), searchParams, gone.signal),
        );
      case '/api/live':
        if (this.live.full) throw new ConsoleError(503, 'Too many watch already: close another page.');
        return this.live.watch(response, visitor.endsMs);
      default:
        return sendFile(this.options.assets, pathname, request, response);
    }
  }

  /** What is asked as JSON and changes something. */
  private async change(pathname: string, visitor: Visitor, request: IncomingMessage): Promise<unknown> {
    const { desk } = this.options;
    if (!['/api/knobs', '/api/weight', '/api/drain'].includes(pathname)) throw new ConsoleError(405, `POST does nothing at ${pathname}.`);
    const whom = this.options.access.changer(visitor);
    // No page of somebody else's can send this type without being asked first.
    if (!/^application\/json\b/.test(request.headers['content-type'] ?? ''))
      throw new ConsoleError(415, 'A change comes as application/json.');
    const said = textsOf(await bodyOf(request));
    const text = (name: string): string => {
      const value = said.get(name);
      if (value === undefined) throw new ConsoleError(400, `The request lacks ${name}.`);
      return value;
    };
    switch (pathname) {
      case '/api/knobs':
        return desk.setKnob(text('name'), text('value'), whom);
      case '/api/weight':
        return desk.setWeight(text('service'), text('real'), /^\d{1,5}$/.test(text('weight')) ? Number(text('weight')) : Number.NaN, whom);
      default:
        return desk.drain(text('action'), text('of'), said.get('service'), whom);
    }
  }

  private async sql(request: IncomingMessage, response: ServerResponse, signal: AbortSignal): Promise<void> {
    if (!/^text\/plain\b/.test(request.headers['content-type'] ?? '')) throw new ConsoleError(415, 'A query comes as text/plain.');
    const sql = await bodyOf(request);
    if (sql.trim() === '') throw new ConsoleError(400, 'The query is empty.');
    const store = this.store();
    let answer: Uint8Array;
    try {
      // One more than is shown, so that it is known whether there are more.
      const limits = { seconds: LIMITS.seconds, cut: LIMITS.rows + 1 };
      answer = await store.query(sql, { format: 'JSONCompact', formatFixed: true, exact: true, limits, signal });
    } catch (error) {
      throw new ConsoleError(400, sentenceOf(error));
    }
    sendBytes(response, 'application/json', cutAnswer(answer, LIMITS.rows));
  }

  /** Events are on their way to the store. */
  private async behind(): Promise<boolean> {
    const { lag_events, sinks } = await this.options.status();
    return (lag_events ?? 0) > 0 || sinks.some((sink) => sink.lag_events > 0);
  }

  private store(): SqlStore {
    const { store } = this.options;
    if (store === undefined)
      throw new ConsoleError(503, 'The collector runs without a store (store.kind = "none"), so there is nothing to ask.');
    return store;
  }
}

/** What is asked for, without the dots that a path may have. Throws ConsoleError. */
function targetOf({ url = '/' }: IncomingMessage): URL {
  const target = `http://console${url}`;
  if (!URL.canParse(target)) throw new ConsoleError(400, 'The address of the request cannot be read: ask for a path, such as /api/status.');
  return new URL(target);
}

function sendPage(response: ServerResponse, status: number, page: string): void {
  for (const [name, value] of Object.entries(DOOR_HEADERS)) response.setHeader(name, value);
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }).end(page);
}

function goOn(response: ServerResponse, cookie: string, to: string): void {
  response.writeHead(303, { location: to, 'set-cookie': cookie, 'cache-control': 'no-store' }).end();
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(toJson(value));
}

function sendBytes(response: ServerResponse, type: string, bytes: Uint8Array): void {
  response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store', 'content-length': bytes.length });
  response.end(bytes);
}

/** The texts of a JSON object. Throws ConsoleError. */
function textsOf(body: string): ReadonlyMap<string, string> {
  let found: unknown;
  try {
    found = JSON.parse(body);
  } catch {
    throw new ConsoleError(400, 'The request is no JSON.');
  }
  if (typeof found !== 'object' || found === null || Array.isArray(found))
    throw new ConsoleError(400, 'The request must be a JSON object of texts.');
  return new Map(Object.entries(found).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    chunks.push(chunk as Buffer);
    length += (chunk as Buffer).length;
    if (length > MAX_BODY_BYTES) throw new ConsoleError(413, `The request is longer than ${MAX_BODY_BYTES} bytes.`);
  }
  return Buffer.concat(chunks).toString('utf8');
}
