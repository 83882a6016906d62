import type { ServerResponse } from 'node:http';
import type { Transform } from 'node:stream';
import { constants, createBrotliCompress, createDeflate, createGzip } from 'node:zlib';
import { openBody, sendStream } from '../listen/send.js';
import type { HttpAnswer } from './backend.js';

type Encoding = 'gzip' | 'br' | 'deflate';

const COMPRESS: Readonly<Record<Encoding, () => Transform>> = {
  gzip: () => createGzip({ level: 3 }),
  br: () => createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }),
  deflate: () => createDeflate({ level: 3 }),
};

/** The first encoding that Accept-Encoding names, as ClickHouse chooses: its own preference is brotli, then gzip. */
export function encodingFor(accept: string | undefined): Encoding | undefined {
  const offered = (accept ?? '').split(',').flatMap((one) => {
    const [name = '', weight = ''] = one
      .trim()
      .toLowerCase()
      .split(/\s*;\s*/);
    return /^q=0(\.0*)?$/.test(weight) ? [] : [name];
  });
  return (['br', 'gzip', 'deflate'] as const).find((encoding) => offered.includes(encoding));
}

const TYPES: readonly (readonly [RegExp, string])[] = [
  [
    /^JSON(Strings|Columns|Compact|CompactStrings|ColumnsWithMetadata|CompactColumns)?$|^JSON.*(Object|Metadata)/,
    'application/json; charset=UTF-8',
  ],
  [/^JSON/, 'application/x-ndjson; charset=UTF-8'],
  [/^XML$/, 'application/xml; charset=UTF-8'],
  [/^CSVWithNames/, 'text/csv; charset=UTF-8; header=present'],
  [/^CSV/, 'text/csv; charset=UTF-8; header=absent'],
  [/^(TSV|TabSeparated)/, 'text/tab-separated-values; charset=UTF-8'],
  [/^(Native|RowBinary|Parquet|Arrow|ORC|Avro|Protobuf|MsgPack|Npy|BSON|CapnProto|MySQLWire|PostgreSQLWire)/, 'application/octet-stream'],
];

/** What Content-Type goes with a format. */
export function contentType(format: string): string {
  return TYPES.find(([pattern]) => pattern.test(format))?.[1] ?? 'text/plain; charset=UTF-8';
}

/** The header X-ClickHouse-Summary. */
export function summaryOf({ resultRows, resultBytes, seconds }: Pick<HttpAnswer, 'resultRows' | 'resultBytes' | 'seconds'>): string {
  const count = (value: number): string => String(Math.round(value));
  const zero = { written_rows: '0', written_bytes: '0', total_rows_to_read: '0' };
  const result = { result_rows: count(resultRows), result_bytes: count(resultBytes), elapsed_ns: count(seconds * 1e9) };
  return JSON.stringify({ read_rows: count(resultRows), read_bytes: count(resultBytes), ...zero, ...result });
}

export interface SendOptions {
  readonly encoding: Encoding | undefined;
  /** What the bytes go through before they are compressed. */
  readonly transform: Transform | undefined;
  /** The headers only. */
  readonly head: boolean;
}

/** Sends an answer whose headers are set, but for its length and encoding, and discards it. Rejects when the client went away, or reads too slowly. */
export async function sendAnswer(response: ServerResponse, answer: HttpAnswer, { encoding, transform, head }: SendOptions): Promise<void> {
  try {
    const [body, length] = await openBody(answer.body);
    if (encoding !== undefined) response.setHeader('Content-Encoding', encoding);
    else if (transform === undefined) response.setHeader('Content-Length', length);
    if (head) {
      body.destroy();
      response.end();
      return;
    }
    const between = [...(transform === undefined ? [] : [transform]), ...(encoding === undefined ? [] : [COMPRESS[encoding]()])];
    await sendStream(response, body, length, between);
  } finally {
    answer.discard();
  }
}
