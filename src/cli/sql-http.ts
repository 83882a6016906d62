import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { readerTokenFile, readReaderToken } from '../access/reader-token.js';
import { ApiError, SocketError } from '../api/errors.js';
import type { Values } from '../config/schema.js';
import { readSecretFile } from '../config/secret.js';
import { isLoopback } from '../listen/loopback.js';
import { engineError } from '../store/errors.js';
import type { QueryLimits } from '../store/store.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';

/** Who answers a query: the collector's socket, or a port that speaks ClickHouse's HTTP protocol. */
export interface SqlAsker {
  /** The answer in a ClickHouse format, as it is. Aborted, the query ends and this rejects. */
  sql(query: string, format: string, limits?: QueryLimits, signal?: AbortSignal): Promise<Buffer>;
}

const SETTINGS = { seconds: 'max_execution_time', memory: 'max_memory_usage', rows: 'max_result_rows' } as const;

/** Asks by ClickHouse's HTTP protocol. Rejects with SocketError when nobody answers, with ApiError when the answer is no. */
export class HttpSql implements SqlAsker {
  private readonly url: URL;
  private readonly token: string;

  constructor(url: URL, token: string) {
    this.url = url;
    this.token = token;
  }

  async sql(query: string, format: string, limits: QueryLimits = {}, signal?: AbortSignal): Promise<Buffer> {
    const target = new URL(this.url);
    target.searchParams.set('default_format', format);
    for (const [limit, setting] of Object.entries(SETTINGS)) {
      const value = limits[limit as keyof typeof SETTINGS];
      if (value !== undefined) target.searchParams.set(setting, String(value));
    }
    const response = await this.send(target, query, signal);
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const status = response.statusCode ?? 500;
    if (status === 200) return body;
    const text = body
      .toString('utf8')
      .replace(/\s*\(version [^()]*(\([^()]*\))?\)\s*$/, '')
      .trim();
    throw new ApiError(
      status,
      'query_failed',
      /^Code: \d+\./.test(text) ? engineError(text).message : `${this.url.origin} answered ${status}: ${text}`,
    );
  }

  private send(target: URL, query: string, signal: AbortSignal | undefined): Promise<IncomingMessage> {
    const headers = { 'content-type': 'text/plain', 'x-clickhouse-user': 'default', 'x-clickhouse-key': this.token };
    const request = target.protocol === 'https:' ? requestHttps : requestHttp;
    return new Promise((resolve, reject) => {
      const options = { method: 'POST', headers, agent: false, ...(signal === undefined ? {} : { signal }) };
      const outgoing = request(target, options, resolve);
      outgoing.once('error', (error: NodeJS.ErrnoException) => {
        const why = error.code === 'ECONNREFUSED' ? 'nobody listens there' : error.message;
        reject(new SocketError(`${this.url.origin} cannot be asked: ${why}.`, { cause: error }));
      });
      outgoing.end(query);
    });
  }
}

/** Who is asked with `--http [URL]` and `--token-file FILE`. Throws Failure, PlaceError or ConfigError, a sentence. */
export function httpSql(values: Values, http: string | true, tokenFile: string | undefined): HttpSql {
  const own = values['clickhouse_http.listen'];
  if (http === true && own === '') throw new Failure(Exit.usage, 'clickhouse_http.listen is empty: name the address by --http URL.');
  const text = http === true ? `http://${own}` : http;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username + url.password + url.search + url.hash !== '')
    throw new Failure(Exit.usage, `--http is ${JSON.stringify(text)}: it must be like http://127.0.0.1:8123.`);
  if (tokenFile !== undefined) return new HttpSql(url, firstLine(tokenFile));
  // What opens this machine's log is shown to nobody else.
  if (!isLoopback(url.hostname))
    throw new Failure(Exit.usage, `${url.host} is not this machine: name the file of its token by --token-file FILE.`);
  return new HttpSql(url, readReaderToken(readerTokenFile(values['collector.data_dir'])));
}

function firstLine(path: string): string {
  const [token = ''] = readSecretFile('--token-file', path, 'client').toString('utf8').split(/\r?\n/);
  if (token === '') throw new Failure(Exit.usage, `The first line of ${path} is empty: put the token there.`);
  return token;
}
