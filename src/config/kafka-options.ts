import { bool, bytes, type CommandName, duration, oneOf, path, text } from './option.js';

const K = 1024;
const M = 1024 * K;
const SECOND = 1000;

/** Commands that reach the brokers themselves. */
const clients: readonly CommandName[] = ['collect', 'up', 'verify', 'replay', 'erase', 'sink'];

/** Options of the Kafka sink. */
export const kafkaOptions = {
  'kafka.brokers': text({
    default: '',
    defaultDoc: 'none: nothing is sent to Kafka',
    doc: 'Kafka brokers that get every event: `HOST:PORT,...`; some of a cluster suffice.',
    more: 'The topics are made by `vslog sink kafka init`. What is in them: [kafka.md](kafka.md).',
    flag: 'kafka-brokers',
    commands: clients,
  }),
  'kafka.topic_prefix': text({
    default: 'vslog',
    doc: 'How the names of the topics begin: `PREFIX.conn.v1` and `PREFIX.control.v1`.',
    more: 'Letters, digits, `.`, `_` and `-`. Several balancers may share the topics.',
    flag: 'kafka-topic-prefix',
    commands: clients,
  }),
  'kafka.framing': oneOf(['batch', 'event'], {
    default: 'batch',
    doc: 'What a message holds.',
    more: '`batch`: length-delimited events as they lie in the spool, hundreds or thousands of them; a balancer’s log is in order in one partition. `event`: one event, keyed by connection; several times the bytes and the work.',
    flag: 'kafka-framing',
    commands: clients,
  }),
  'kafka.message_bytes': bytes({
    default: 512 * K,
    min: 1 * K,
    max: 64 * M,
    doc: 'Most bytes of a message, or of a batch of small ones, before compression.',
    more: 'Less is taken when `max.message.bytes` of the topic is smaller.',
    flag: 'kafka-message-bytes',
    commands: clients,
  }),
  'kafka.compression': oneOf(['none', 'gzip', 'snappy', 'lz4', 'zstd'], {
    default: 'lz4',
    doc: 'How messages are compressed.',
    more: '`lz4` costs least, `zstd` makes the least of the bytes. `zstd` and `snappy` come without native code and take several times as long.',
    flag: 'kafka-compression',
    commands: clients,
  }),
  'kafka.timeout': duration({
    default: 30 * SECOND,
    min: 1 * SECOND,
    max: 600 * SECOND,
    doc: 'How long a broker may be silent before a delivery counts as failed; it is then repeated.',
    flag: 'kafka-timeout',
    commands: clients,
  }),
  'kafka.tls': bool({
    default: false,
    doc: 'Speak TLS with the brokers.',
    flag: 'kafka-tls',
    commands: clients,
  }),
  'kafka.ca_file': path({
    default: '',
    defaultDoc: 'none: the authorities that Node.js knows',
    doc: 'With `kafka.tls`: a PEM file with the authority that signed the brokers’ certificates.',
    flag: 'kafka-ca-file',
    commands: clients,
  }),
  'kafka.cert_file': path({
    default: '',
    defaultDoc: 'none',
    doc: 'With `kafka.tls`: a PEM file with our own certificate, for brokers that ask for one.',
    flag: 'kafka-cert-file',
    commands: clients,
  }),
  'kafka.key_file': path({
    default: '',
    defaultDoc: 'none',
    doc: 'With `kafka.tls`: the key of `kafka.cert_file`.',
    flag: 'kafka-key-file',
    commands: clients,
  }),
  'kafka.sasl': oneOf(['none', 'plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer'], {
    default: 'none',
    doc: 'How to log in.',
    more: '`plain` sends the password as it is: use it with `kafka.tls` only.',
    flag: 'kafka-sasl',
    commands: clients,
  }),
  'kafka.username': text({
    default: '',
    defaultDoc: 'none',
    doc: 'The user, with `kafka.sasl`.',
    flag: 'kafka-username',
    commands: clients,
  }),
  'kafka.password_file': path({
    default: '',
    defaultDoc: 'none',
    doc: 'A file whose first line is the user’s password.',
    flag: 'kafka-password-file',
    commands: clients,
  }),
  'kafka.token_file': path({
    default: '',
    defaultDoc: 'none',
    doc: 'With `kafka.sasl = "oauthbearer"`: a file whose first line is the token.',
    more: 'It is read at every login, so whatever renews it may replace the file.',
    flag: 'kafka-token-file',
    commands: clients,
  }),
};

/** What is wrong with a value, as the end of a sentence; undefined when nothing is. */
export function kafkaFlaw(key: string, value: string | number | boolean): string | undefined {
  const given = String(value);
  if (key === 'kafka.brokers')
    return /^([\w.-]+:[1-9]\d{0,4}(,[\w.-]+:[1-9]\d{0,4})*)?$/.test(given) &&
      given.split(',').every((at) => Number(at.split(':')[1] ?? 1) < 65_536)
      ? undefined
      : `is ${JSON.stringify(value)}: it must be like kafka-1:9092,kafka-2:9092`;
  // Kafka takes 249; the rest of a name is ours.
  if (key === 'kafka.topic_prefix')
    return /^[\w.-]{1,200}$/.test(given) && !/^\.+$/.test(given)
      ? undefined
      : `is ${JSON.stringify(value)}: it must be 1 to 200 letters, digits, ".", "_" and "-"`;
  return undefined;
}
