import { createReadStream } from 'node:fs';
import { promisify } from 'node:util';
import { createGunzip, gzip } from 'node:zlib';
import type { FileCompression } from './names.js';

const gzipped = promisify(gzip);

/**
 * Compresses a piece of a file by itself. Pieces are members (gzip) or frames (zstd) of their own: tools read a file of many as one, and a file can be cut after each.
 */
export async function compressor(compression: FileCompression): Promise<(piece: Buffer) => Promise<Uint8Array>> {
  if (compression === 'none') return async (piece) => piece;
  // Lines repeat themselves so much that a higher level gains little and costs more than twice as much.
  if (compression === 'gzip') return (piece) => gzipped(piece, { level: 3 });
  const { compress } = await zstd();
  return async (piece) => compress(piece, 1);
}

/** The first `bytes` bytes of a file (all of it when undefined), unpacked. Rejects when it is damaged. */
export async function* unpacked(path: string, compression: FileCompression, bytes?: number): AsyncGenerator<Buffer> {
  if (bytes === 0) return;
  const file = createReadStream(path, { highWaterMark: 1 << 20, ...(bytes === undefined ? {} : { end: bytes - 1 }) });
  if (compression === 'none') {
    for await (const chunk of file) yield chunk as Buffer;
  } else if (compression === 'gzip') {
    const gunzip = createGunzip({ chunkSize: 1 << 20 });
    file.once('error', (error) => gunzip.destroy(error));
    for await (const chunk of file.pipe(gunzip)) yield chunk as Buffer;
  } else {
    const { decompress } = await zstd();
    let rest = Buffer.alloc(0);
    for await (const chunk of file) {
      rest = Buffer.concat([rest, chunk as Buffer]);
      for (let end = frameEnd(rest); end !== undefined; end = frameEnd(rest)) {
        yield Buffer.from(decompress(rest.subarray(0, end)));
        rest = rest.subarray(end);
      }
    }
    if (rest.length > 0) throw new Error(`${path} ends inside a zstd frame.`);
  }
}

type Zstd = typeof import('@bokuweb/zstd-wasm');
let loading: Promise<Zstd> | undefined;

/** The library, loaded where it is used. It is of WebAssembly: Node 20 has no zstd of its own. */
function zstd(): Promise<Zstd> {
  loading ??= import('@bokuweb/zstd-wasm').then(async (module) => {
    await module.init();
    return module;
  });
  return loading;
}

const ZSTD_MAGIC = 0xfd2fb528;

/** Where the zstd frame at the beginning of `bytes` ends (RFC 8878, 3.1.1); undefined when more bytes are needed. */
function frameEnd(bytes: Buffer): number | undefined {
  if (bytes.length < 5) return undefined;
  if (bytes.readUInt32LE(0) !== ZSTD_MAGIC) throw new Error('A piece of the file is no zstd frame.');
  const descriptor = bytes[4] ?? 0;
  const single = (descriptor >> 5) & 1;
  const sizeBytes = [single, 2, 4, 8][descriptor >> 6] ?? 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  let at = 5 + (single === 1 ? 0 : 1) + dictionaryBytes + sizeBytes;
  for (;;) {
    if (at + 3 > bytes.length) return undefined;
    const block = bytes.readUIntLE(at, 3);
    // A block of type 1 is one byte that repeats.
    at += 3 + (((block >> 1) & 3) === 1 ? 1 : block >> 3);
    if ((block & 1) === 1) break;
  }
  at += (descriptor >> 2) & 1 ? 4 : 0;
  return at <= bytes.length ? at : undefined;
}
