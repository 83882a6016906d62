import type { SecureContextOptions } from 'node:tls';
import type { SASLOptions } from 'kafkajs';
import { ConfigError } from '../../config/errors.js';
import type { Key, Values } from '../../config/schema.js';
import { readNamedFile, readSecret, readSecretFile } from '../../config/secret.js';
import type { Compression } from './codec.js';
import type { ConnectionOptions } from './connection.js';
import type { Framing } from './message.js';

export interface KafkaOptions {
  readonly connection: ConnectionOptions;
  readonly topicPrefix: string;
  readonly framing: Framing;
  /** Most bytes of a batch of messages before compression. */
  readonly messageBytes: number;
  readonly compression: Compression;
}

/** The options of section `kafka`. `now`: the believed time, ms since 1970. Throws ConfigError when they contradict each other or a file cannot be read. */
export function kafkaOptions(values: Values, now: () => number = Date.now): KafkaOptions {
  const brokers = values['kafka.brokers'];
  if (brokers === '')
    throw new ConfigError(['There is no kafka.brokers: give the addresses of some brokers, like kafka-1:9092,kafka-2:9092.']);
  const tls = tlsOptions(values);
  const sasl = saslOptions(values);
  const timeoutMs = values['kafka.timeout'];
  const asked = { brokers, sasl: values['kafka.sasl'], username: values['kafka.username'], tls: tls !== undefined, timeoutMs };
  return {
    connection: { brokers: brokers.split(','), clientId: 'vslog', timeoutMs, tls, sasl, asked, now },
    topicPrefix: values['kafka.topic_prefix'],
    framing: values['kafka.framing'],
    messageBytes: values['kafka.message_bytes'],
    compression: values['kafka.compression'],
  };
}

function tlsOptions(values: Values): SecureContextOptions | undefined {
  const files = ['kafka.ca_file', 'kafka.cert_file', 'kafka.key_file'] as const;
  if (!values['kafka.tls']) {
    for (const key of files)
      if (values[key] !== '') throw new ConfigError([`${key} is given, but kafka.tls is off: turn it on, or leave the file out.`]);
    return undefined;
  }
  if ((values['kafka.cert_file'] === '') !== (values['kafka.key_file'] === ''))
    throw new ConfigError(['kafka.cert_file and kafka.key_file belong together: give both, or neither.']);
  const [ca, cert, key] = files.map((name) => pem(name, values[name]));
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
}

function pem(option: Key, path: string): Buffer | undefined {
  if (path === '') return undefined;
  const content = option === 'kafka.key_file' ? readSecretFile(option, path) : readNamedFile(option, path);
  if (!content.includes('-----BEGIN ')) throw new ConfigError([`${option} names ${path}, which is no PEM file.`]);
  return content;
}

/** What logs in, made anew for each connection: a token is read again. */
function saslOptions(values: Values): (() => SASLOptions) | undefined {
  const mechanism = values['kafka.sasl'];
  if (mechanism === 'none') {
    for (const key of ['kafka.username', 'kafka.password_file', 'kafka.token_file'] as const)
      if (values[key] !== '') throw new ConfigError([`${key} is given, but kafka.sasl is none: say how to log in, or leave it out.`]);
    return undefined;
  }
  const tokenFile = values['kafka.token_file'];
  if (mechanism === 'oauthbearer') {
    if (tokenFile === '')
      throw new ConfigError(['kafka.sasl is oauthbearer, but there is no kafka.token_file: name the file that holds the token.']);
    readSecret('kafka.token_file', tokenFile);
    return () => ({ mechanism, oauthBearerProvider: async () => ({ value: readSecret('kafka.token_file', tokenFile) ?? '' }) });
  }
  const username = values['kafka.username'];
  const password = readSecret('kafka.password_file', values['kafka.password_file']);
  if (username === '' || password === undefined)
    throw new ConfigError([`kafka.sasl is ${mechanism}, which takes kafka.username and kafka.password_file: give both.`]);
  return () => ({ mechanism, username, password });
}
