import { type IncomingMessage, request } from 'node:http';
import type { ErasureProgress, ErasureReport } from '../collector/erasures.js';
import type { ReplayRequest } from '../sink/pump.js';
import type { ReplayProgress, ReplayResult } from '../sink/replay.js';
import type { SinkRequest } from '../spool/requests.js';
import type { NotGot } from '../spool/sink-changes.js';
import type { QueryLimits } from '../store/store.js';
import type { Wanted } from '../wire/client.js';
import type { ConsoleLink } from './console-link.js';
import { ApiError, SocketError } from './errors.js';
import type { StatusDocument } from './status.js';
import type { TailReader } from './tail-reader.js';
import type { Verification, VerificationProgress } from './verification.js';

/** Asks a collector over its unix socket. Everything rejects with SocketError when nobody answers, with ApiError when the answer is no. */
export class ApiClient {
  private readonly socket: string;

  constructor(socket: string) {
    this.socket = socket;
  }

  async status(): Promise<StatusDocument> {
    return JSON.parse((await this.whole('GET', '/v1/status')).toString('utf8')) as StatusDocument;
  }

  /** A link that opens the console once, for so many seconds, 1 to 600. */
  async consoleLink(seconds = 60): Promise<ConsoleLink> {
    return JSON.parse((await this.whole('POST', `/v1/console?seconds=${seconds}`)).toString('utf8')) as ConsoleLink;
  }

  /** The answer in a ClickHouse format, as it is. Aborted, the query ends and this rejects. */
  async sql(query: string, format: string, limits: QueryLimits = {}, signal?: AbortSignal): Promise<Buffer> {
    const asked = new URLSearchParams({ format });
    if (limits.seconds !== undefined) asked.set('max_time', String(limits.seconds));
    if (limits.memory !== undefined) asked.set('max_memory', String(limits.memory));
    if (limits.rows !== undefined) asked.set('max_rows', String(limits.rows));
    return this.whole('POST', `/v1/sql?${asked}`, query, signal);
  }

  /** `sinceMs`: losses before it are not judged. `waitMs`: see VerifyOptions. */
  async verify(
    onProgress: (progress: VerificationProgress) => void,
    { sinceMs, waitMs = 0 }: { readonly sinceMs?: number | undefined; readonly waitMs?: number } = {},
  ): Promise<Verification> {
    const query = new URLSearchParams({ wait: String(waitMs / 1000) });
    if (sinceMs !== undefined) query.set('since', String(sinceMs / 1000));
    return this.reported(`/v1/verify?${query}`, onProgress, 'had verified everything');
  }

  /** Has segments brought to a sink once more. Rejects also when `signal` is aborted: the segment that is under way is finished. */
  async replay(
    sink: string,
    request: ReplayRequest,
    onProgress: (progress: ReplayProgress) => void,
    signal: AbortSignal,
  ): Promise<ReplayResult> {
    const query = new URLSearchParams({ sink });
    if (request.fromSeconds !== undefined) query.set('from', String(request.fromSeconds));
    if (request.toSeconds !== undefined) query.set('to', String(request.toSeconds));
    if (request.refused === true) query.set('refused', '1');
    if (request.replace === true) query.set('replace', '1');
    return this.reported(`/v1/replay?${query}`, onProgress, 'had brought everything', signal);
  }

  /** Tells the collector that a change of a sink lies in the spool as a file, which only who may make it can put there. What the sink had not got. */
  async changeSink(sink: string, request: SinkRequest): Promise<NotGot> {
    return JSON.parse((await this.whole('POST', `/v1/sink?${new URLSearchParams({ sink, do: request })}`)).toString('utf8')) as NotGot;
  }

  /** Waits until an order to erase somebody, which lies in the collector's folder, is carried out. */
  async erase(order: string, onProgress: (progress: ErasureProgress) => void, signal: AbortSignal): Promise<ErasureReport> {
    return this.reported(
      `/v1/erase?${new URLSearchParams({ order })}`,
      onProgress,
      'had carried out the order, with which its next start goes on',
      signal,
    );
  }

  /** An answer of JSON lines: progress, then a report or an error. */
  private async reported<P, R>(path: string, onProgress: (progress: P) => void, what: string, signal?: AbortSignal): Promise<R> {
    let rest = '';
    for await (const chunk of this.body(await this.send('POST', path, undefined, signal), signal)) {
      rest += String(chunk);
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const message = JSON.parse(line) as { progress?: P; report?: R; error?: { code: string; message: string } };
        if (message.progress !== undefined) onProgress(message.progress);
        if (message.report !== undefined) return message.report;
        if (message.error !== undefined) throw new ApiError(500, message.error.code, message.error.message);
      }
    }
    throw new SocketError(`The collector at ${this.socket} went away before it ${what}.`);
  }

  /** Resolves when `signal` is aborted; rejects when the stream ends otherwise. */
  async tail({ groups = [], filter }: Wanted, reader: TailReader, signal: AbortSignal): Promise<void> {
    const query = new URLSearchParams(groups.map((group): [string, string] => ['group', group]));
    if (filter !== undefined) query.set('filter', Buffer.from(filter).toString('base64url'));
    try {
      // The messages of the wire are much to load, and all other questions do without them.
      const { readTail } = await import('./tail-reader.js');
      await readTail(await this.send('GET', `/v1/tail?${query}`, undefined, signal), reader, signal);
    } catch (error) {
      if (signal.aborted) return;
      throw isCut(error) ? new SocketError(`The collector at ${this.socket} went away.`, { cause: error }) : error;
    }
    if (!signal.aborted) throw new SocketError(`The collector at ${this.socket} ended the stream.`);
  }

  /** What an answer says, piece by piece. Rejects with SocketError where the collector goes away within it. */
  private async *body(response: IncomingMessage, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of response) yield chunk as Buffer;
    } catch (error) {
      if (signal?.aborted === true || !isCut(error)) throw error;
      throw new SocketError(`The collector at ${this.socket} went away before its answer was whole.`, { cause: error });
    }
  }

  private async whole(method: string, path: string, body?: string, signal?: AbortSignal): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of this.body(await this.send(method, path, body, signal), signal)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  private async send(method: string, path: string, body?: string, signal?: AbortSignal): Promise<IncomingMessage> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const outgoing = request(
        { socketPath: this.socket, method, path, agent: false, ...(signal === undefined ? {} : { signal }) },
        resolve,
      );
      outgoing.once('error', (error: NodeJS.ErrnoException) =>
        reject(new SocketError(connectSentence(this.socket, error), { cause: error })),
      );
      outgoing.end(body);
    });
    if (response.statusCode === 200) return response;
    const chunks: Buffer[] = [];
    for await (const chunk of this.body(response, signal)) chunks.push(chunk);
    const { code, message } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { code: string; message: string };
    throw new ApiError(response.statusCode ?? 500, code, message);
  }
}

/** Whether the other end is gone before the answer was: Node says "aborted", with this code. */
function isCut(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === 'ECONNRESET';
}

function connectSentence(path: string, error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ENOENT':
    case 'ECONNREFUSED':
      return `No collector listens at ${path}: start one by "vslog up" or "vslog collect", or name its socket by --api-socket.`;
    case 'EACCES':
      return `The socket ${path} may not be opened: run as the collector's user, or become a member of its group.`;
    default:
      // Whoever is asked by HTTP and answers otherwise, or not at all, is no collector.
      if (error.code?.startsWith('HPE_') === true)
        return `${path} is the socket of a capture, not of a collector: name the collector's by --api-socket, and the capture's by --socket.`;
      return `The collector at ${path} cannot be asked: ${error.message}.`;
  }
}
