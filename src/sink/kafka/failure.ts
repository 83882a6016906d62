/** Why Kafka did not do something, as far as it changes what is done next. */
export type FailureKind =
  /** It may work later. */
  | 'later'
  /** It cannot be reached. */
  | 'unreachable'
  /** A topic is not there. */
  | 'no-topic'
  /** A batch is larger than the topic takes. */
  | 'too-large'
  /** The broker does not know the producer's identity or sequence. */
  | 'identity'
  /** We may not ask this; the rest may work. */
  | 'forbidden';

/** One sentence of whatever Kafka, or the way to it, ended with. */
export class KafkaFailure extends Error {
  override readonly name = 'KafkaFailure';
  readonly kind: FailureKind;

  constructor(kind: FailureKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** Where and as whom something was asked. */
export interface Asked {
  /** `HOST:PORT,...`. */
  readonly brokers: string;
  readonly sasl: string;
  readonly username: string;
  readonly tls: boolean;
  readonly timeoutMs: number;
}

/** What is known of an error of kafkajs. */
interface Known {
  readonly name?: string;
  readonly code?: string | number;
  readonly type?: string;
  readonly message: string;
  readonly broker?: string;
}

/** The cause at the bottom, with the broker that any of them names. */
function known(error: unknown): Known {
  let found = error as Known & { cause?: unknown };
  let broker = found.broker;
  while (typeof found.cause === 'object' && found.cause !== null) {
    found = found.cause as Known & { cause?: unknown };
    broker = found.broker ?? broker;
  }
  if (error instanceof AggregateError && error.errors.length > 0) return known(error.errors[0]);
  const { name, code, type, message } = found;
  return {
    message: message ?? String(error),
    ...(name && { name }),
    ...(code !== undefined && { code }),
    ...(type && { type }),
    ...(broker && { broker }),
  };
}

/** `topic`: what was asked about. */
export function failureOf(error: unknown, asked: Asked, topic?: string): KafkaFailure {
  if (error instanceof KafkaFailure) return error;
  const it = known(error);
  const place = `Kafka at ${it.broker ?? asked.brokers}`;
  const said = (kind: FailureKind, text: string): KafkaFailure => new KafkaFailure(kind, text, { cause: error });
  const refusal = it.type === undefined ? undefined : refused(it, place, asked, topic);
  if (refusal !== undefined) return said(...refusal);
  return said('unreachable', `${place} ${unreachable(it, asked)}.`);
}

/** What the broker answered. */
function refused(
  { type = '', message }: Known,
  place: string,
  { sasl, username }: Asked,
  topic: string | undefined,
): readonly [FailureKind, string] | undefined {
  const subject = topic === undefined ? 'a topic' : `topic ${topic}`;
  const who = sasl === 'none' ? 'Nobody without a login' : sasl === 'oauthbearer' ? 'The bearer of this token' : `User ${username}`;
  switch (type) {
    case 'UNKNOWN_TOPIC_OR_PARTITION':
      return ['no-topic', `${place} has no ${topic === undefined ? 'such topic' : subject}: run "vslog sink kafka init".`];
    case 'INVALID_TOPIC_EXCEPTION':
      return ['later', `${place} takes no topic with the name ${topic}: choose another kafka.topic_prefix.`];
    case 'MESSAGE_TOO_LARGE':
    case 'RECORD_LIST_TOO_LARGE':
      return ['too-large', `${place} takes no message of this size in ${subject}: raise its max.message.bytes.`];
    case 'OUT_OF_ORDER_SEQUENCE_NUMBER':
    case 'DUPLICATE_SEQUENCE_NUMBER':
    case 'INVALID_PRODUCER_EPOCH':
    case 'INVALID_PRODUCER_ID_MAPPING':
    case 'UNKNOWN_PRODUCER_ID':
      return ['identity', `${place} does not know this producer's messages in ${subject} any more (${type}).`];
    case 'SASL_AUTHENTICATION_FAILED':
      return ['unreachable', `${place} does not let us in: ${credentials(sasl, username)}.`];
    case 'UNSUPPORTED_SASL_MECHANISM':
      return ['unreachable', `${place} has no SASL mechanism ${sasl}: choose another kafka.sasl.`];
    case 'ILLEGAL_SASL_STATE':
      return sasl === 'none'
        ? ['unreachable', `${place} asks for a login: give kafka.sasl.`]
        : ['unreachable', `${place} has no login at this port: leave kafka.sasl out, or give the port for SASL in kafka.brokers.`];
    case 'TOPIC_AUTHORIZATION_FAILED':
      return ['forbidden', `${who} may not use ${subject} at ${place}: grant Read, Write, Describe and DescribeConfigs.`];
    case 'CLUSTER_AUTHORIZATION_FAILED':
      return [
        'forbidden',
        `${who} may not do this at ${place}: grant IdempotentWrite (and Create, for "vslog sink kafka init") on the cluster.`,
      ];
    case 'NOT_ENOUGH_REPLICAS':
    case 'NOT_ENOUGH_REPLICAS_AFTER_APPEND':
      return ['later', `${place} has too few replicas of ${subject} in sync (min.insync.replicas): it is waited for them.`];
    case 'LEADER_NOT_AVAILABLE':
    case 'NOT_LEADER_FOR_PARTITION':
    case 'REPLICA_NOT_AVAILABLE':
    case 'FENCED_LEADER_EPOCH':
      return ['later', `${place} has no leader for ${subject} at the moment: it is waited for one.`];
    case 'KAFKA_STORAGE_ERROR':
      return ['later', `${place} cannot write to its disk: make room there, nothing is lost meanwhile.`];
    case 'INVALID_TIMESTAMP':
      return [
        'later',
        `${place} refuses the time of our messages in ${subject}: the clocks differ by more than message.timestamp.after.max.ms.`,
      ];
    case 'UNSUPPORTED_COMPRESSION_TYPE':
      return ['later', `${place} does not know this compression: choose another kafka.compression.`];
    case 'REQUEST_TIMED_OUT':
      return ['later', `${place} could not bring ${subject} to its replicas in time.`];
    default:
      return ['later', `${place} refuses: ${sentenceLike(message)} (${type}).`];
  }
}

function credentials(sasl: string, username: string): string {
  return sasl === 'oauthbearer'
    ? 'it takes no such token, see kafka.token_file'
    : `user ${username} or its password is wrong, see kafka.username and kafka.password_file`;
}

const TLS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'cannot be trusted: its certificate has expired, so renew that',
  CERT_NOT_YET_VALID: 'cannot be trusted: its certificate is not valid yet, so look at the clocks',
  SELF_SIGNED_CERT_IN_CHAIN: 'cannot be trusted: its certificate is of an unknown authority, so name that in kafka.ca_file',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'cannot be trusted: its certificate is its own, so name it in kafka.ca_file',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'cannot be trusted: its certificate is of an unknown authority, so name that in kafka.ca_file',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'cannot be trusted: its certificate is of an unknown authority, so name that in kafka.ca_file',
  CERT_SIGNATURE_FAILURE: 'cannot be trusted: its certificate is not of the authority in kafka.ca_file',
  ERR_TLS_CERT_ALTNAME_INVALID: 'cannot be trusted: its certificate is for another name, so put that into kafka.brokers',
  EPROTO: 'does not speak TLS there: leave kafka.tls out, or give the port for TLS',
  ERR_SSL_WRONG_VERSION_NUMBER: 'does not speak TLS there: leave kafka.tls out, or give the port for TLS',
};

/** How the way to the broker ended. */
function unreachable({ name = '', code = '', message }: Known, { tls, sasl, username, timeoutMs }: Asked): string {
  if (/alert (certificate required|bad certificate|unknown ca|handshake failure|number 116|number 42)/i.test(message))
    return 'asks for a certificate of ours that it trusts: give kafka.cert_file and kafka.key_file';
  if (/before secure TLS connection/.test(message)) return TLS.EPROTO ?? '';
  const trusted = TLS[String(code)];
  if (trusted !== undefined) return trusted;
  if (name === 'KafkaJSSASLAuthenticationError' || /SASL/.test(name))
    return /not supported by the server/.test(message)
      ? `has no SASL mechanism ${sasl}: choose another kafka.sasl`
      : `does not let us in: ${credentials(sasl, username)}`;
  if (name === 'KafkaJSRequestTimeoutError' || name === 'KafkaJSLockTimeout' || /timeout|timed out/i.test(message))
    return `was silent for ${timeoutMs} ms: it hangs, or kafka.timeout is too short`;
  switch (code) {
    case 'ECONNREFUSED':
      return 'cannot be reached: nobody listens there, see kafka.brokers';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `cannot be reached: its name has no address (${code}), see kafka.brokers`;
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
      return `cannot be reached: there is no way to it (${code}), see kafka.brokers`;
    default:
  }
  if (name === 'KafkaJSConnectionClosedError' || /closed|ECONNRESET|EPIPE|Not connected/i.test(`${message} ${code}`)) {
    const login = sasl === 'none' ? ['a login (kafka.sasl)'] : sasl === 'oauthbearer' ? ['another token (kafka.token_file)'] : [];
    const wanting = [...(tls ? [] : ['TLS (kafka.tls)']), ...login];
    return `ended the connection before it had answered${wanting.length === 0 ? '' : `: it went down, or it asks for ${wanting.join(' or ')}`}`;
  }
  return `cannot be asked: ${sentenceLike(message)}`;
}

function sentenceLike(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[.\s]*$/, '');
}
