import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { ClickHouseException } from './exception.js';

/** A request's body as it was before it was compressed. Throws ClickHouseException. */
function plain(request: IncomingMessage): Readable {
  const encoding = request.headers['content-encoding'] ?? '';
  const inflate = (): Readable | undefined => {
    switch (encoding) {
      case 'gzip':
        return request.pipe(createGunzip());
      case 'deflate':
        return request.pipe(createInflate());
      case 'br':
        return request.pipe(createBrotliDecompress());
      default:
        return undefined;
    }
  };
  if (encoding === '' || encoding === 'identity') return request;
  const body = inflate();
  if (body === undefined)
    throw new ClickHouseException(48, 'NOT_IMPLEMENTED', `Content-Encoding ${JSON.stringify(encoding)} is not known here`);
  request.once('error', (error) => body.destroy(error));
  return body;
}

/**
 * The body, which may have `limit` bytes, compressed or not; `late` is aborted at its deadline. Rejects with ClickHouseException, and leaves the rest of the request
 * unread then.
 */
export async function readBody(request: IncomingMessage, limit: number, late?: AbortSignal): Promise<Buffer> {
  let tooLate: () => void = () => undefined;
  const deadline = new Promise<never>((_, reject) => {
    tooLate = () =>
      reject(new ClickHouseException(209, 'SOCKET_TIMEOUT', "The request's body did not come in time: send all of it at once"));
  });
  // Nobody may wait for it any more.
  deadline.catch(() => undefined);
  if (late?.aborted === true) tooLate();
  late?.addEventListener('abort', tooLate, { once: true });
  try {
    return await Promise.race([bytesOf(request, limit), deadline]);
  } catch (error) {
    if (error instanceof ClickHouseException) throw error;
    throw new ClickHouseException(117, 'INCORRECT_DATA', `The request's body cannot be read: ${(error as Error).message}`);
  } finally {
    late?.removeEventListener('abort', tooLate);
  }
}

async function bytesOf(request: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  // The connection must live on for the answer.
  for await (const chunk of plain(request).iterator({ destroyOnReturn: false })) {
    chunks.push(chunk as Buffer);
    length += (chunk as Buffer).length;
    if (length > limit) throw new ClickHouseException(229, 'QUERY_IS_TOO_LARGE', `The request's body is larger than ${limit} bytes`);
  }
  return Buffer.concat(chunks);
}

/** How long, ms, and how much, bytes, is read of a request that was answered before it had ended. */
const LINGER_MS = 5000;
const LINGER_BYTES = 64 * 1024 * 1024;

/** Whether there is a body of which not all has come. */
export function isUnfinished({ headers, complete, destroyed }: IncomingMessage): boolean {
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = headers;
  return !complete && !destroyed && (length !== '0' || encoding !== undefined);
}

/** Reads past the rest of a request, so that its client gets to read the answer instead of an error of the connection. Resolves at its end, or when it was enough. */
export function passOver(request: IncomingMessage): Promise<void> {
  if (!isUnfinished(request)) return Promise.resolve();
  return new Promise((resolve) => {
    let length = 0;
    const timer = setTimeout(resolve, LINGER_MS);
    const end = (): void => {
      clearTimeout(timer);
      resolve();
    };
    request.unpipe();
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > LINGER_BYTES) end();
    });
    for (const event of ['end', 'close', 'error']) request.once(event, end);
    request.resume();
  });
}

/** Writes the body to a file; resolves to its length, and leaves no file when that is 0 or when it fails. */
export async function saveBody(request: IncomingMessage, path: string): Promise<number> {
  const file = createWriteStream(path, { flags: 'wx', mode: 0o600 });
  try {
    await pipeline(plain(request), file);
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
  if (file.bytesWritten === 0) await rm(path, { force: true });
  return file.bytesWritten;
}

/** The parts of multipart/form-data by their names, as clients send long parameters. Throws ClickHouseException. */
export function formParts(body: Buffer, contentType: string): Map<string, string> {
  const [, quoted, bare] = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;]{1,70}))/i.exec(contentType) ?? [];
  const boundary = quoted ?? bare;
  if (boundary === undefined) throw new ClickHouseException(36, 'BAD_ARGUMENTS', 'The request is multipart/form-data without a boundary');
  const parts = new Map<string, string>();
  for (const section of `\r\n${body.toString('utf8')}`.split(`\r\n--${boundary}`).slice(1, -1)) {
    const end = section.indexOf('\r\n\r\n');
    const [, name] = /^content-disposition:\s*form-data;.*?\bname="([^"]*)"/im.exec(section.slice(0, Math.max(0, end))) ?? [];
    if (end < 0 || name === undefined) throw new ClickHouseException(36, 'BAD_ARGUMENTS', 'A part of the form has no name');
    parts.set(name, section.slice(end + 4));
  }
  return parts;
}
