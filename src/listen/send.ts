import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { sendMs } from './limits.js';

/** What is sent: a file, or the bytes themselves. */
export type Body = { readonly path: string } | { readonly bytes: Uint8Array };

/** A body as a stream, and its length in bytes. Rejects with the system's error. */
export async function openBody(body: Body): Promise<[Readable, number]> {
  if ('bytes' in body) return [Readable.from([Buffer.from(body.bytes)]), body.bytes.length];
  const file = await open(body.path, 'r');
  try {
    const { size } = await file.stat();
    return [createReadStream('', { fd: file, highWaterMark: 1 << 18 }), size];
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Sends a stream of about `length` bytes. Rejects when the client went away, or reads so slowly that its socket is closed. */
export async function sendStream(
  response: ServerResponse,
  stream: Readable,
  length: number,
  between: readonly Transform[] = [],
): Promise<void> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), sendMs(length));
  try {
    await pipeline([stream, ...between, response], { signal: late.signal });
  } finally {
    clearTimeout(timer);
  }
}
