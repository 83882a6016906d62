import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import kafkajs from 'kafkajs';

const require = createRequire(import.meta.url);

/** How messages are compressed, by Kafka's names. */
export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

export const COMPRESSIONS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const satisfies readonly Compression[];

/** A codec's number in the attributes of a batch of Kafka's. */
export const CODEC_IDS: Readonly<Record<Compression, number>> = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 };

export interface Codec {
  compress(bytes: Buffer): Promise<Buffer>;
  decompress(bytes: Buffer): Promise<Buffer>;
}

/** What kafkajs's codecs are made of. */
interface KafkaJsCodec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
  decompress(bytes: Buffer): Promise<Buffer>;
}

const gzipped = promisify(gzip);
const gunzipped = promisify(gunzip);

/** Each library is loaded when it is first used. */
const LOADERS: Readonly<Record<Exclude<Compression, 'none'>, () => Promise<Codec>>> = {
  gzip: async () => ({ compress: (bytes) => gzipped(bytes, { level: 1 }), decompress: (bytes) => gunzipped(bytes) }),
  async snappy() {
    // No types come with it.
    const codec = (require('kafkajs-snappy') as () => KafkaJsCodec)();
    return {
      compress: (bytes) => codec.compress({ buffer: bytes }).then(Buffer.from),
      decompress: (bytes) => codec.decompress(bytes).then(Buffer.from),
    };
  },
  async lz4() {
    const { compressFrame, decompressFrame } = await import('lz4-napi');
    return { compress: (bytes) => compressFrame(bytes), decompress: (bytes) => decompressFrame(bytes) };
  },
  async zstd() {
    const { compress, decompress, init } = await import('@bokuweb/zstd-wasm');
    await init();
    return { compress: async (bytes) => Buffer.from(compress(bytes, 1)), decompress: async (bytes) => Buffer.from(decompress(bytes)) };
  },
};

const loaded = new Map<Compression, Promise<Codec>>();

/** The codec of a name; `none` has none. */
export async function codecOf(compression: Compression): Promise<Codec | undefined> {
  if (compression === 'none') return undefined;
  const known = loaded.get(compression) ?? LOADERS[compression]();
  loaded.set(compression, known);
  return known;
}

/** Teaches kafkajs, which brings gzip only, the other codecs: for everything in this process that uses it. */
export function registerCodecs(): void {
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  const lazily = (compression: Compression) => (): KafkaJsCodec => ({
    compress: async ({ buffer }) => ((await codecOf(compression)) as Codec).compress(buffer),
    decompress: async (bytes) => ((await codecOf(compression)) as Codec).decompress(bytes),
  });
  CompressionCodecs[CompressionTypes.Snappy] = lazily('snappy');
  CompressionCodecs[CompressionTypes.LZ4] = lazily('lz4');
  CompressionCodecs[CompressionTypes.ZSTD] = lazily('zstd');
}
