import { type IncomingMessage, request } from 'node:http';
import { type Batch, readBatch } from '../wire/batch.js';
import type { GroupName, MissedEvents } from '../wire/client.js';
import { FrameReader } from '../wire/frame.js';
import { MessageType } from '../wire/message.js';
import { toBigInt, v1 } from '../wire/proto.js';
import { ApiError, SocketError } from './errors.js';
import type { StatusDocument } from './status.js';
import type { Verification } from './verification.js';

export interface TailReader {
  /** May return a promise: then the stream waits. */
  onBatch(batch: Batch): void | Promise<void>;
  onMissed(missed: MissedEvents): void;
}

/** Asks a collector over its unix socket. Everything rejects with SocketError when nobody answers, with ApiError when the answer is no. */
export class ApiClient {
  private readonly socket: string;

  constructor(socket: string) {
    this.socket = socket;
  }

  async status(): Promise<StatusDocument> {
    return JSON.parse((await this.whole('GET', '/v1/status')).toString('utf8')) as StatusDocument;
  }

  /** The answer in a ClickHouse format, as it is. */
  async sql(query: string, format: string): Promise<Buffer> {
    return this.whole('POST', `/v1/sql?format=${encodeURIComponent(format)}`, query);
  }

  async verify(onProgress: (progress: { segment: number; segments: number; bytes: number }) => void): Promise<Verification> {
    let rest = '';
    for await (const chunk of await this.send('POST', '/v1/verify')) {
      rest += String(chunk);
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const message = JSON.parse(line) as {
          progress?: { segment: number; segments: number; bytes: number };
          report?: Verification;
          error?: { code: string; message: string };
        };
        if (message.progress !== undefined) onProgress(message.progress);
        if (message.report !== undefined) return message.report;
        if (message.error !== undefined) throw new ApiError(500, message.error.code, message.error.message);
      }
    }
    throw new SocketError(`The collector at ${this.socket} went away before it had verified everything.`);
  }

  /** Resolves when `signal` is aborted; rejects when the stream ends otherwise. */
  async tail(groups: readonly GroupName[], reader: TailReader, signal: AbortSignal): Promise<void> {
    const query = groups.map((group) => `group=${group}`).join('&');
    try {
      const frames = new FrameReader();
      for await (const chunk of await this.send('GET', `/v1/tail?${query}`, undefined, signal)) {
        const ready: (Batch | MissedEvents)[] = [];
        frames.push(chunk as Buffer, ({ type, payload, offset }) => {
          if (type === MessageType.eventBatch) ready.push(readBatch(payload, offset + 16));
          else if (type === MessageType.controlOverrun) {
            const { missed, first_sequence, last_sequence } = v1.Overrun.decode(payload);
            ready.push({ missed: toBigInt(missed), first: toBigInt(first_sequence), last: toBigInt(last_sequence) });
          } else if (type === MessageType.controlError) throw new SocketError(v1.ErrorReply.decode(payload).message);
        });
        for (const item of ready) {
          if (signal.aborted) return;
          if ('missed' in item) reader.onMissed(item);
          else await reader.onBatch(item);
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    if (!signal.aborted) throw new SocketError(`The collector at ${this.socket} ended the stream.`);
  }

  private async whole(method: string, path: string, body?: string): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of await this.send(method, path, body)) chunks.push(chunk as Buffer);
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
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const { code, message } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { code: string; message: string };
    throw new ApiError(response.statusCode ?? 500, code, message);
  }
}

function connectSentence(path: string, error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ENOENT':
    case 'ECONNREFUSED':
      return `No collector listens at ${path}: start one by "vslog up" or "vslog collect", or name its socket by --api-socket.`;
    case 'EACCES':
      return `The socket ${path} may not be opened: run as the collector's user, or become a member of its group.`;
    default:
      return `The collector at ${path} cannot be asked: ${error.message}.`;
  }
}
