import { ConfigError } from '../../config/errors.js';
import type { Key, Values } from '../../config/schema.js';
import { readNamedFile, readSecret, readSecretFile } from '../../config/secret.js';
import type { Placement } from '../ddl.js';

/** A ClickHouse server, and how it is spoken to. */
export interface ServerOptions {
  /** `http://HOST:PORT` or `https://HOST:PORT`. */
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly placement: Placement;
  readonly tls?: { readonly ca_cert: Buffer } | { readonly ca_cert: Buffer; readonly cert: Buffer; readonly key: Buffer };
  /** How long the server may be silent, ms. */
  readonly timeoutMs: number;
  /** Compress what is sent. */
  readonly gzip: boolean;
}

/** The options of the configuration. Throws ConfigError. */
export function serverOptions(values: Values): ServerOptions {
  const url = values['clickhouse.url'];
  if (url === '') throw new ConfigError(['There is no ClickHouse server: give its address, clickhouse.url (--clickhouse-url).']);
  const cluster = values['clickhouse.cluster'];
  const tls = tlsOf(values);
  if (tls !== undefined && !url.startsWith('https:'))
    throw new ConfigError([
      `clickhouse.url is ${url}, but clickhouse.ca_file and its like are for https: change the address, or leave them out.`,
    ]);
  return {
    url,
    user: values['clickhouse.user'],
    password: readSecret('clickhouse.password_file', values['clickhouse.password_file']) ?? '',
    placement: { database: values['clickhouse.database'], cluster: cluster === '' ? undefined : cluster },
    ...(tls === undefined ? {} : { tls }),
    timeoutMs: values['clickhouse.timeout'],
    gzip: values['clickhouse.compression'] === 'gzip',
  };
}

function tlsOf(values: Values): ServerOptions['tls'] {
  const read = (key: Key & `clickhouse.${string}_file`): Buffer | undefined => {
    if (values[key] === '') return undefined;
    return key === 'clickhouse.key_file' ? readSecretFile(key, values[key]) : readNamedFile(key, values[key]);
  };
  const [ca, cert, key] = [read('clickhouse.ca_file'), read('clickhouse.cert_file'), read('clickhouse.key_file')];
  if ((cert === undefined) !== (key === undefined))
    throw new ConfigError(['clickhouse.cert_file and clickhouse.key_file belong together: give both, or none.']);
  if (cert !== undefined && ca === undefined)
    throw new ConfigError(['clickhouse.cert_file needs clickhouse.ca_file too: the authority that signed the server’s certificate.']);
  if (ca === undefined) return undefined;
  return cert === undefined || key === undefined ? { ca_cert: ca } : { ca_cert: ca, cert, key };
}
