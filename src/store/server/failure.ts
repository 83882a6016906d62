import { ClickHouseError } from '@clickhouse/client';
import { EngineError, EngineUnavailable, engineError } from '../errors.js';

/** Where and as whom something was asked. */
export interface Asked {
  readonly url: string;
  readonly user: string;
  readonly timeoutMs: number;
}

/** Codes of ClickHouse that say who may. */
const LOGIN = new Set([516, 192, 193, 194]);
const FORBIDDEN = new Set([164, 497, 291]);

/** What a person should know and do, where ClickHouse's own sentence does not say it. */
function advice(code: number, { url, user }: Asked): string | undefined {
  const server = `The ClickHouse server at ${url}`;
  if (LOGIN.has(code)) return `${server} does not let user ${user} in: check clickhouse.user and clickhouse.password_file.`;
  if (FORBIDDEN.has(code))
    return `User ${user} may not do what is needed at ${url}; grant it, or have the tables made by somebody who may ("vslog sink clickhouse ddl")`;
  switch (code) {
    case 243:
      return `The disk of the ClickHouse server at ${url} is full: make room there, nothing is lost meanwhile.`;
    case 241:
      return `${server} has no memory left for this`;
    case 242:
      return `${server} takes nothing, since the replica has lost its Keeper`;
    case 252:
      return `${server} cannot merge as fast as it gets parts`;
    case 216:
      return `${server} is still at an earlier attempt of this delivery: it is waited for.`;
    default:
      return undefined;
  }
}

/** One sentence of whatever a request ended with. An EngineError says that ClickHouse refused; everything else may work later. */
export function failureOf(error: unknown, asked: Asked): Error {
  const refused = refusal(error);
  if (refused !== undefined) {
    const own = advice(refused.code, asked);
    if (own === undefined) return refused;
    // A sentence that is closed says all; to the others ClickHouse's own belongs.
    return new EngineError(own.endsWith('.') ? own : `${own}: ${refused.message}`, refused.code, refused.original);
  }
  return new EngineUnavailable(unreachable(error, asked), { cause: error });
}

function refusal(error: unknown): EngineError | undefined {
  if (error instanceof EngineError) return error;
  if (error instanceof ClickHouseError)
    return engineError(
      `Code: ${error.code}. DB::Exception: ${modern(error.message.trim())}${error.type === undefined ? '' : ` (${error.type})`}`,
    );
  // What the client could not take apart; servers of old write it otherwise.
  const text = error instanceof Error ? error.message : String(error);
  return /Code: \d+[.,]/.test(text) ? engineError(modern(text)) : undefined;
}

/** As servers of today write it: `Code: N, e.displayText() = DB::Exception: ..., e.what() = DB::Exception` was the form until 2020. */
function modern(text: string): string {
  return text.replace(/Code: (\d+), e\.displayText\(\) = /, 'Code: $1. ').replace(/, e\.what\(\) = DB::\w*Exception.*$/s, '');
}

const TLS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired: renew it',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is of an unknown authority: name that in clickhouse.ca_file',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is its own: name it in clickhouse.ca_file',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is of an unknown authority: name that in clickhouse.ca_file',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is of an unknown authority: name that in clickhouse.ca_file',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name: put that into clickhouse.url',
  EPROTO: 'it does not speak TLS there: use http, or the port for https',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS there: use http, or the port for https',
};

function unreachable(error: unknown, { url, timeoutMs }: Asked): string {
  const { code = '', message } = flat(error);
  const server = `The ClickHouse server at ${url}`;
  const tls = TLS[code];
  if (tls !== undefined)
    return `${server} cannot be trusted, since ${tls}.`.replace('cannot be trusted, since it does', 'cannot be reached: it does');
  switch (code) {
    case 'ECONNREFUSED':
      return `${server} cannot be reached: nobody listens there.`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${server} cannot be reached: its name has no address (${code}).`;
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
      return `${server} cannot be reached: there is no way to it (${code}).`;
    case 'ECONNRESET':
    case 'EPIPE':
      return `${server} ended the connection before it had answered.`;
    default:
      if (/^Timeout error/i.test(message)) return `${server} was silent for ${timeoutMs} ms: it hangs, or clickhouse.timeout is too short.`;
      if (/alert (certificate required|bad certificate|unknown ca|handshake failure)/.test(message))
        return `${server} asks for a certificate of ours that it trusts: give clickhouse.cert_file and clickhouse.key_file.`;
      if (/socket hang up/.test(message)) return `${server} ended the connection before it had answered.`;
      if (/Parse Error|HPE_/.test(message + code)) return `${server} does not speak HTTP there: its HTTP port is 8123 as a rule.`;
      return `${server} cannot be asked: ${message.replace(/\s+/g, ' ').replace(/[.\s]*$/, '')}.`;
  }
}

/** Of several attempts the first; Node.js tries all addresses of a name. */
function flat(error: unknown): { code?: string; message: string } {
  if (error instanceof AggregateError && error.errors.length > 0) return flat(error.errors[0]);
  if (!(error instanceof Error)) return { message: String(error) };
  const { code } = error as NodeJS.ErrnoException;
  return code === undefined ? { message: error.message } : { code, message: error.message };
}
