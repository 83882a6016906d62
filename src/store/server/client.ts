import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { type ClickHouseClient, ClickHouseLogLevel, type ClickHouseSettings, createClient } from '@clickhouse/client';
import type { Segment } from '../../spool/segment.js';
import type { Database, SegmentInsert } from '../database.js';
import type { Placement } from '../ddl.js';
import { AnswerTooLarge, tooLarge } from '../errors.js';
import { quote } from '../quote.js';
import { failureOf } from './failure.js';
import type { ServerOptions } from './options.js';

/** A segment of many ranges makes a long statement. */
const LONG: ClickHouseSettings = { max_query_size: '67108864', max_ast_elements: '5000000', max_expanded_ast_elements: '5000000' };
const WRITING: ClickHouseSettings = { ...LONG, async_insert: 0, wait_end_of_query: 1 };
/**
 * A cluster's: an insert is done when most replicas of its shards have it, not when it is queued for them. Inserts that had to wait for one another (which reading in sequence
 * would take) would keep collectors from working side by side: a replica that lags is dealt with by who reads.
 */
const CLUSTER: ClickHouseSettings = { insert_distributed_sync: 1, insert_quorum: 'auto' };

/** A ClickHouse server over HTTP. Connections are made when they are needed. */
export class ServerClient implements Database {
  readonly placement: Placement;
  readonly mayLinger = true;
  private readonly options: ServerOptions;
  private readonly client: ClickHouseClient;
  private readonly consistent: ClickHouseSettings;

  constructor(options: ServerOptions) {
    const { url, user, password, placement, tls, timeoutMs, gzip } = options;
    this.options = options;
    this.placement = placement;
    this.consistent = placement.cluster === undefined ? {} : CLUSTER;
    this.client = createClient({
      url,
      username: user,
      password,
      request_timeout: timeoutMs,
      compression: { request: gzip, response: false },
      application: 'vslog',
      // Every failure is told by whoever asked.
      log: { level: ClickHouseLogLevel.OFF },
      ...(tls === undefined ? {} : { tls }),
    });
  }

  async text(sql: string, format = 'TSV'): Promise<string> {
    const bytes = await this.ask(sql, { ...LONG, ...this.consistent, default_format: format } as ClickHouseSettings);
    return bytes.toString('utf8').replace(/\n$/, '');
  }

  async write(sql: string): Promise<void> {
    await this.ask(sql, { ...WRITING, ...this.consistent });
  }

  /** A statement's answer, whole. Rejects with one sentence; with AnswerTooLarge as soon as more than `maxBytes` have come. */
  ask(
    sql: string,
    settings: ClickHouseSettings,
    more: { readonly database?: string; readonly signal?: AbortSignal; readonly maxBytes?: number } = {},
  ): Promise<Buffer> {
    const { database, signal, maxBytes = Number.POSITIVE_INFINITY } = more;
    return this.told(async () => {
      const clickhouse_settings = database === undefined ? settings : ({ ...settings, database } as ClickHouseSettings);
      const { stream } = await this.client.exec({
        query: sql,
        clickhouse_settings,
        ...(signal === undefined ? {} : { abort_signal: signal }),
      });
      return drained(stream, maxBytes);
    });
  }

  /**
   * The body goes from the file to the socket as it is. The query has the same id whenever the same events are sent, and a server runs no two queries of one id: an attempt
   * that was given up but goes on there keeps the next one out, instead of doing the same beside it.
   */
  insert({ into, select, structure, where, settings, token }: SegmentInsert, segment: Segment): Promise<void> {
    const { node, epoch, sha256, path } = segment;
    const query = `${into} SELECT ${select} FROM input(${quote(structure)})${where} FORMAT Protobuf`;
    const query_id = `vslog-${createHash('sha256').update([node, epoch, sha256].join('\n')).digest('hex').slice(0, 32)}`;
    const file = createReadStream(path, { highWaterMark: 1 << 18 });
    // Who sends it is told by the request; a file that fails after that was given up must not end the process.
    file.on('error', () => undefined);
    return this.send(query, file, query_id, {
      ...WRITING,
      ...this.consistent,
      ...settings,
      insert_deduplicate: 1,
      insert_deduplication_token: token,
    } as ClickHouseSettings);
  }

  /** An INSERT whose rows are the bytes of a stream. Resolves when the server has taken them all; the stream is closed then in any case. */
  send(query: string, values: Readable, query_id: string, settings: ClickHouseSettings): Promise<void> {
    return this.told(async () => {
      try {
        const { stream } = await this.client.exec({ query, query_id, values, clickhouse_settings: settings });
        await drained(stream);
      } finally {
        values.destroy();
      }
    });
  }

  async close(): Promise<void> {
    await this.client.close();
  }

  private async told<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      if (error instanceof AnswerTooLarge) throw error;
      throw failureOf(error, this.options);
    }
  }
}

async function drained(stream: Readable, maxBytes = Number.POSITIVE_INFINITY): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += (chunk as Buffer).length;
    if (length > maxBytes) throw new AnswerTooLarge(tooLarge(maxBytes));
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}
