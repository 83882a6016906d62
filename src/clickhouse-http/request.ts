import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { ClickHouseException } from './exception.js';

/** What a request says beside its body. */
export interface RequestParts {
  /** The parameter `query`; the body goes on where it ends. */
  readonly query: string;
  readonly id: string;
  readonly database: string;
  readonly format: string;
  readonly settings: ReadonlyMap<string, string>;
  readonly parameters: ReadonlyMap<string, string>;
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** The client's revision of ClickHouse's protocol, which format Native depends on; 0: it told none. */
  readonly revision: number;
  /** Whether the answer may be compressed as Accept-Encoding allows. */
  readonly compress: boolean;
}

/** Parameters that are no settings. Most have no meaning here: the answer is sent when it is whole, and nothing outlives a query that a session could keep. */
const OURS = new Set([
  ...['query', 'database', 'default_format', 'query_id', 'user', 'password', 'quota_key', 'enable_http_compression', 'decompress'],
  ...['compress', 'session_id', 'session_timeout', 'session_check', 'role', 'stacktrace', 'close_session', 'client_protocol_version'],
  ...['wait_end_of_query', 'buffer_size', 'send_progress_in_http_headers', 'http_headers_progress_interval_ms', 'add_http_cors_header'],
  ...['cancel_http_readonly_queries_on_client_close', 'http_zlib_compression_level', 'http_wait_end_of_query', 'log_comment'],
]);

const FORMAT = /^[A-Za-z0-9]{1,64}$/;
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
const ID = /^[\x20-\x7e]{1,128}$/;

function one(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function bad(message: string): ClickHouseException {
  return new ClickHouseException(36, 'BAD_ARGUMENTS', message);
}

/** Reads parameters and headers. Throws ClickHouseException. */
export function readRequest(search: URLSearchParams, headers: IncomingHttpHeaders): RequestParts {
  if (search.get('compress') === '1' || search.get('decompress') === '1')
    throw new ClickHouseException(
      48,
      'NOT_IMPLEMENTED',
      "ClickHouse's own block compression is not spoken here: use enable_http_compression=1",
    );
  const format = one(headers, 'x-clickhouse-format') ?? search.get('default_format') ?? 'TabSeparated';
  if (!FORMAT.test(format)) throw new ClickHouseException(73, 'UNKNOWN_FORMAT', `Unknown format ${JSON.stringify(format)}`);
  const id = search.get('query_id') ?? one(headers, 'x-clickhouse-query-id') ?? randomUUID();
  if (!ID.test(id)) throw bad('A query_id has 1 to 128 printable characters');
  const settings = new Map<string, string>();
  const parameters = new Map<string, string>();
  for (const [name, value] of search) {
    if (name.startsWith('param_')) {
      if (!NAME.test(name)) throw bad(`${JSON.stringify(name)} is no name of a parameter`);
      parameters.set(name.slice('param_'.length), value);
    } else if (!OURS.has(name)) {
      if (!NAME.test(name))
        throw new ClickHouseException(
          115,
          'UNKNOWN_SETTING',
          `Setting ${JSON.stringify(name)} is neither a builtin setting nor started with the prefix 'SQL_'`,
        );
      settings.set(name, value);
    }
  }
  return {
    query: search.get('query') ?? '',
    id,
    database: one(headers, 'x-clickhouse-database') ?? search.get('database') ?? '',
    format,
    settings,
    parameters,
    ...credentials(search, headers),
    revision: Number(/^\d{1,9}$/.exec(search.get('client_protocol_version') ?? '')?.[0] ?? 0),
    compress: ['1', 'true'].includes(search.get('enable_http_compression') ?? ''),
  };
}

/** From the headers X-ClickHouse-User and -Key, from Authorization, or from the parameters: only one of them. */
function credentials(search: URLSearchParams, headers: IncomingHttpHeaders): Pick<RequestParts, 'user' | 'password'> {
  const [user, key] = [one(headers, 'x-clickhouse-user'), one(headers, 'x-clickhouse-key')];
  const byHeader = user !== undefined || key !== undefined;
  const byParameter = search.has('user') || search.has('password');
  const authorization = headers.authorization;
  if (Number(byHeader) + Number(byParameter) + Number(authorization !== undefined) > 1)
    throw new ClickHouseException(
      516,
      'AUTHENTICATION_FAILED',
      'Invalid authentication: it is not allowed to use more than one of X-ClickHouse HTTP headers, Authorization HTTP header and parameters',
    );
  if (byHeader) return { user: user ?? 'default', password: key ?? '' };
  if (byParameter) return { user: search.get('user') ?? 'default', password: search.get('password') ?? '' };
  if (authorization === undefined) return { user: undefined, password: undefined };
  const [, encoded] = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(authorization) ?? [];
  const [, token] = /^Bearer (\S+)$/i.exec(authorization) ?? [];
  if (token !== undefined) return { user: undefined, password: token };
  if (encoded === undefined)
    throw new ClickHouseException(516, 'AUTHENTICATION_FAILED', 'Invalid authentication: only Basic and Bearer are supported');
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return { user: colon < 0 ? text : text.slice(0, colon), password: colon < 0 ? '' : text.slice(colon + 1) };
}
