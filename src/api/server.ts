import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Collector } from '../collector/collector.js';
import { closeHttp } from '../listen/http.js';
import { REQUEST_TIMES, Slots } from '../listen/limits.js';
import { openBody, sendStream } from '../listen/send.js';
import { limitSockets } from '../listen/sockets.js';
import { isRequested } from '../spool/requests.js';
import type { NotGot } from '../spool/sink-changes.js';
import type { StoredAnswer } from '../store/store.js';
import type { GroupName } from '../wire/client.js';
import { sentenceOf } from '../wire/errors.js';
import { v1 } from '../wire/proto.js';
import type { ConsoleLink } from './console-link.js';
import { ApiError } from './errors.js';
import { toJson } from './json.js';
import { listenUnix } from './listen.js';
import type { SqlStore } from './sql-store.js';
import { type StatusAbout, statusDocument } from './status.js';
import { streamTail, type Tailer } from './tail-stream.js';
import { verifyAll } from './verification.js';

/** The longest query. */
const MAX_QUERY_BYTES = 1024 * 1024;
/** What running queries have to finish at the end, ms. */
const CLOSE_MS = 2000;
/** Open sockets at one time; tails; comparisons and replays, each of which reads the spool. */
const MOST_SOCKETS = 128;
const MOST_TAILS = 32;
const MOST_SCANS = 4;
const BUSY = `${MOST_SCANS} comparisons and replays run already: wait until one of them has ended.`;
const FORMAT = /^[A-Za-z0-9]{1,64}$/;

/** How long a link to the console works that somebody asked for, s; and at most. */
const LINK_S = 60;
const LONGEST_LINK_S = 600;

export interface ApiOptions {
  /** Path of the unix socket. */
  readonly socket: string;
  readonly collector: Tailer & Pick<Collector, 'status' | 'mark' | 'comparable' | 'replay' | 'erase' | 'changeSink'>;
  readonly spoolDirectory: string;
  /** Folder of the orders to erase somebody. */
  readonly eraseDirectory?: string;
  readonly store: SqlStore | undefined;
  /** The believed time, ms since 1970. Default: the wall clock. */
  readonly now?: () => number;
  /** A link that opens the console once, for so many seconds; undefined: there is none to open. */
  readonly consoleLink?: ((seconds: number) => ConsoleLink | undefined) | undefined;
  readonly about: StatusAbout;
}

/** The collector's HTTP API: what the command line asks. docs/cli.md, "The API". */
export class ApiServer {
  private readonly options: ApiOptions;
  private readonly stopping = new AbortController();
  private readonly tails = new Slots(MOST_TAILS);
  private readonly scans = new Slots(MOST_SCANS);
  private readonly server = createServer(REQUEST_TIMES, (request, response) => void this.answer(request, response));

  constructor(options: ApiOptions) {
    this.options = options;
    limitSockets(this.server, MOST_SOCKETS);
  }

  /** Rejects with SocketError. */
  async start(): Promise<void> {
    await listenUnix(this.server, this.options.socket);
  }

  /** Ends every tail, lets running queries finish for a moment, and removes the socket. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await closeHttp(this.server, CLOSE_MS);
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined); // the client went away
    try {
      const url = new URL(request.url ?? '/', 'http://collector');
      await this.route(`${request.method} ${url.pathname}`, url.searchParams, request, response);
    } catch (error) {
      const failure = error instanceof ApiError ? error : new ApiError(500, 'failed', sentenceOf(error));
      if (response.headersSent) response.destroy();
      else sendJson(response, failure.status, { code: failure.code, message: failure.message });
    }
  }

  private async route(route: string, query: URLSearchParams, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { collector } = this.options;
    switch (route) {
      case 'GET /v1/status':
        sendJson(response, 200, statusDocument(await collector.status(), this.options.about));
        return;
      case 'POST /v1/sql':
        return this.sql(query, request, response);
      case 'GET /v1/tail': {
        const wanted = { groups: groupsOf(query.getAll('group')), filter: filterOf(query.get('filter')) };
        const tail = () => streamTail(collector, wanted, request, response, this.stopping.signal);
        return within(this.tails, `${MOST_TAILS} clients follow the events already: end one of them first.`, tail);
      }
      case 'POST /v1/verify':
        return within(this.scans, BUSY, () => this.verify(query, request, response));
      case 'POST /v1/replay':
        return within(this.scans, BUSY, () => this.replay(query, request, response));
      case 'POST /v1/console':
        sendJson(response, 200, this.consoleLink(query));
        return;
      case 'POST /v1/sink':
        sendJson(response, 200, await this.changeSink(query));
        return;
      case 'POST /v1/erase':
        return within(this.scans, BUSY, () => this.erase(query, request, response));
      default:
        throw new ApiError(404, 'not_found', `There is nothing at ${route}.`);
    }
  }

  /** Whoever may ask here may look at the console. Throws ApiError. */
  private consoleLink(query: URLSearchParams): ConsoleLink {
    const text = query.get('seconds') ?? String(LINK_S);
    const seconds = /^\d{1,3}$/.test(text) ? Number(text) : 0;
    if (seconds < 1 || seconds > LONGEST_LINK_S)
      throw new ApiError(400, 'bad_request', `seconds is ${JSON.stringify(text)}: it must be a whole number from 1 to ${LONGEST_LINK_S}.`);
    const link = this.options.consoleLink?.(seconds);
    if (link === undefined)
      throw new ApiError(
        503,
        'no_console',
        'The collector serves no console: console.listen is empty, or its address was taken when the collector started.',
      );
    return link;
  }

  /** `format`, and `max_time` (s), `max_memory` (bytes), `max_rows`. A query ends with its client. */
  private async sql(query: URLSearchParams, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const format = query.get('format') ?? 'TabSeparatedWithNames';
    const { store } = this.options;
    if (store === undefined)
      throw new ApiError(503, 'no_store', 'The collector runs without a store (store.kind = "none"), so there is nothing to query.');
    if (!FORMAT.test(format)) throw new ApiError(400, 'bad_request', `${JSON.stringify(format)} is no format.`);
    const sql = await bodyOf(request);
    if (sql.trim() === '') throw new ApiError(400, 'bad_request', 'The query is empty.');
    const gone = new AbortController();
    request.socket.once('close', () => gone.abort());
    const limit = (name: string): number | undefined => {
      const text = query.get(name);
      if (text === null) return undefined;
      if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
      throw new ApiError(400, 'bad_request', `${name} is ${JSON.stringify(text)}: it must be a whole number from 1.`);
    };
    const [seconds, memory, rows] = [limit('max_time'), limit('max_memory'), limit('max_rows')];
    const limits = {
      ...(seconds === undefined ? {} : { seconds }),
      ...(memory === undefined ? {} : { memory }),
      ...(rows === undefined ? {} : { rows }),
    };
    let answer: StoredAnswer;
    try {
      const asked = { format, limits, signal: gone.signal };
      answer = await (store.stored?.(sql, asked) ??
        store.query(sql, asked).then((bytes) => ({ body: { bytes }, discard: () => undefined })));
    } catch (error) {
      throw new ApiError(400, 'query_failed', sentenceOf(error));
    }
    try {
      const [stream, length] = await openBody(answer.body);
      response.writeHead(200, { 'content-type': 'application/octet-stream', 'x-clickhouse-format': format, 'content-length': length });
      await sendStream(response, stream, length);
    } finally {
      answer.discard();
    }
  }

  /** `since` in seconds since 1970: losses before it are not judged. `wait`, s: see VerifyOptions. Waiting ends with the client. */
  private async verify(query: URLSearchParams, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const since = secondsOf(query, 'since');
    const { spoolDirectory, eraseDirectory, store, collector } = this.options;
    const gone = new AbortController();
    request.socket.once('close', () => gone.abort());
    await jsonLines(response, (onProgress) =>
      verifyAll({
        spoolDirectory,
        eraseDirectory,
        store,
        now: this.options.now,
        mark: () => collector.mark(),
        sinks: async () => collector.comparable(),
        waitMs: (secondsOf(query, 'wait') ?? 0) * 1000,
        onProgress,
        signal: AbortSignal.any([gone.signal, this.stopping.signal]),
        sinceMs: since === undefined ? undefined : since * 1000,
      }),
    );
  }

  /** `sink`, and `from` and `to` in seconds since 1970, or `refused`; `replace`. Ends when the client goes away. */
  private async replay(query: URLSearchParams, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const wanted = {
      fromSeconds: secondsOf(query, 'from'),
      toSeconds: secondsOf(query, 'to'),
      refused: query.has('refused'),
      replace: query.has('replace'),
    };
    const gone = new AbortController();
    request.socket.once('close', () => gone.abort());
    const signal = AbortSignal.any([gone.signal, this.stopping.signal]);
    await jsonLines(response, (onProgress) => this.options.collector.replay(query.get('sink') ?? '', wanted, onProgress, signal));
  }

  /** `sink`, and what to `do`: forget or accept. Who may ask this socket may not do that: it must lie in the spool, too, where only who may put files can ask for it. */
  private async changeSink(query: URLSearchParams): Promise<NotGot> {
    const [sink, request] = [query.get('sink') ?? '', query.get('do')];
    if (request !== 'forget' && request !== 'accept')
      throw new ApiError(400, 'bad_request', `do is ${JSON.stringify(request)}: it must be forget or accept.`);
    if (!(await isRequested(this.options.spoolDirectory, sink, request)))
      throw new ApiError(403, 'not_requested', `Nobody who may has asked for that: use "vslog sink ${request}".`);
    try {
      return await this.options.collector.changeSink(sink, request);
    } catch (error) {
      if (error instanceof RangeError) throw new ApiError(400, 'bad_request', error.message);
      throw error;
    }
  }

  /**
   * `order`: its id. Waits until it is carried out; that the client goes away changes nothing. Who may ask this socket may not erase: the order itself lies in a folder that
   * is the collector's alone, and whoever put it there could.
   */
  private async erase(query: URLSearchParams, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    request.socket.once('close', () => gone.abort());
    const signal = AbortSignal.any([gone.signal, this.stopping.signal]);
    await jsonLines(response, (onProgress) => this.options.collector.erase(query.get('order') ?? '', onProgress, signal));
  }
}

/** Runs it in one of the slots. Rejects with ApiError when all are taken. */
async function within(slots: Slots, full: string, action: () => Promise<void>): Promise<void> {
  const leave = slots.take();
  if (leave === undefined) throw new ApiError(503, 'busy', full);
  try {
    await action();
  } finally {
    leave();
  }
}

function secondsOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const value = Number(text);
  if (!Number.isFinite(value))
    throw new ApiError(400, 'bad_request', `${name} is ${JSON.stringify(text)}: it must be a number of seconds.`);
  return value;
}

/** JSON lines: `{"progress": ...}` while it goes, then `{"report": ...}` or `{"error": {code, message}}`. */
async function jsonLines<P>(response: ServerResponse, work: (onProgress: (progress: P) => void) => Promise<unknown>): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  const line = (value: unknown): void => void response.write(`${toJson(value)}\n`);
  try {
    line({ report: await work((progress) => line({ progress })) });
  } catch (error) {
    line({ error: { code: error instanceof RangeError ? 'bad_request' : 'failed', message: sentenceOf(error) } });
  }
  response.end();
}

function groupsOf(names: readonly string[]): GroupName[] {
  const known = Object.keys(v1.Group.Value).filter((name) => name !== 'unspecified');
  for (const name of names) {
    if (!known.includes(name))
      throw new ApiError(400, 'bad_request', `There is no group ${JSON.stringify(name)}: known are ${known.join(', ')}.`);
  }
  return names as GroupName[];
}

/** An EventFilter in base64url. The capture reads it, strictly. */
function filterOf(text: string | null): Uint8Array | undefined {
  return text === null || text === '' ? undefined : Buffer.from(text, 'base64url');
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${toJson(value)}\n`);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    chunks.push(chunk as Buffer);
    length += (chunk as Buffer).length;
    if (length > MAX_QUERY_BYTES) throw new ApiError(413, 'bad_request', `The query is longer than ${MAX_QUERY_BYTES} bytes.`);
  }
  return Buffer.concat(chunks).toString('utf8');
}
