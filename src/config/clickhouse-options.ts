import { parseListen } from '../listen/address.js';
import { type CommandName, duration, oneOf, path, text } from './option.js';

const SECOND = 1000;
const HOUR = 3600 * SECOND;

const collector: readonly CommandName[] = ['collect', 'up'];
/** Commands that reach the server themselves. */
const clients: readonly CommandName[] = [...collector, 'verify', 'replay', 'erase', 'sink'];

/** Options of the ClickHouse server that is delivered to, and of the endpoint by which the embedded one is asked. */
export const clickhouseOptions = {
  'clickhouse.url': text({
    default: '',
    defaultDoc: 'none: there is no server',
    doc: 'A ClickHouse server that gets every event: `http://HOST:8123` or `https://HOST:8443`.',
    more: 'It gets them beside the embedded store, or instead of it with `store.kind = "server"`. Database and tables are made when they are not there: [clickhouse.md](clickhouse.md).',
    flag: 'clickhouse-url',
    commands: clients,
  }),
  'clickhouse.user': text({
    default: 'default',
    doc: 'The user at the server.',
    flag: 'clickhouse-user',
    commands: clients,
  }),
  'clickhouse.password_file': path({
    default: '',
    defaultDoc: 'none: an empty password',
    doc: 'A file whose first line is the user’s password.',
    flag: 'clickhouse-password-file',
    commands: clients,
  }),
  'clickhouse.database': text({
    default: 'vslog',
    doc: 'The database that the tables are in.',
    more: 'Letters, digits and `_`, no digit first.',
    flag: 'clickhouse-database',
    commands: clients,
  }),
  'clickhouse.cluster': text({
    default: '',
    defaultDoc: 'none: the tables are of one server',
    doc: 'The cluster, as in `system.clusters`, that the tables are made on: replicated ones, and `Distributed` ones over them.',
    more: 'Choose it before the first start: tables of one server do not become a cluster’s.',
    flag: 'clickhouse-cluster',
    commands: clients,
  }),
  'clickhouse.ca_file': path({
    default: '',
    defaultDoc: 'none: the authorities that Node.js knows',
    doc: 'With `https`: a PEM file with the authority that signed the server’s certificate.',
    flag: 'clickhouse-ca-file',
    commands: clients,
  }),
  'clickhouse.cert_file': path({
    default: '',
    defaultDoc: 'none',
    doc: 'With `https`: a PEM file with our own certificate, for a server that asks for one.',
    flag: 'clickhouse-cert-file',
    commands: clients,
  }),
  'clickhouse.key_file': path({
    default: '',
    defaultDoc: 'none',
    doc: 'With `https`: the key of `clickhouse.cert_file`.',
    flag: 'clickhouse-key-file',
    commands: clients,
  }),
  'clickhouse.timeout': duration({
    default: 60 * SECOND,
    min: 1 * SECOND,
    max: 1 * HOUR,
    doc: 'How long the server may be silent on a request before it counts as failed; a delivery is then repeated.',
    flag: 'clickhouse-timeout',
    commands: clients,
  }),
  'clickhouse.compression': oneOf(['none', 'gzip'], {
    default: 'none',
    doc: 'How events are compressed on their way to the server.',
    more: '`gzip` sends about a fifth of the bytes and costs about 1 us of processor time an event: for a server far away.',
    flag: 'clickhouse-compression',
    commands: clients,
  }),
  'clickhouse_http.listen': text({
    default: '127.0.0.1:8123',
    doc: 'Where the embedded store answers ClickHouse’s HTTP protocol, for reading; empty: nowhere.',
    more: 'It asks for a password: `reader.token` in `collector.data_dir`, a token of `console.token_file`, or that of `clickhouse_http.password_file`, without which only loopback is listened at. When the address is taken and was not asked for, the collector says so and goes on without.',
    flag: 'clickhouse-http-listen',
    commands: collector,
  }),
  'clickhouse_http.user': text({
    default: 'default',
    doc: 'The user of `clickhouse_http.password_file`. With a token any name will do.',
    flag: 'clickhouse-http-user',
    commands: collector,
  }),
  'clickhouse_http.password_file': path({
    default: '',
    defaultDoc: 'none: only tokens count',
    doc: 'A file whose first line is a password that counts besides the tokens. It is read at the start.',
    flag: 'clickhouse-http-password-file',
    commands: collector,
  }),
};

/** What is wrong with a value, as the end of a sentence; undefined when nothing is. */
export function clickhouseFlaw(key: string, value: string | number | boolean): string | undefined {
  const shown = JSON.stringify(value);
  const given = String(value);
  switch (key) {
    case 'clickhouse.url':
      return given === '' || isServerUrl(given)
        ? undefined
        : `is ${shown}: it must be like http://HOST:8123 or https://HOST:8443, without user and path`;
    case 'clickhouse.database':
      return /^[A-Za-z_]\w{0,62}$/.test(given) ? undefined : `is ${shown}: it must be letters, digits and "_", no digit first, 63 at most`;
    case 'clickhouse.cluster':
      return /^([\w.-]{1,127}|\{\w{1,63}\})?$/.test(given)
        ? undefined
        : `is ${shown}: it must be a cluster's name, or a macro such as {cluster}`;
    case 'clickhouse.user':
    case 'clickhouse_http.user':
      return given !== '' ? undefined : 'is empty: it must be a name';
    case 'clickhouse_http.listen':
      return given === '' || parseListen(given) !== undefined
        ? undefined
        : `is ${shown}: it must be like 127.0.0.1:8123 or [::1]:8123, or empty`;
    default:
      return undefined;
  }
}

function isServerUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, pathname, search, hash } = new URL(text);
  return /^https?:$/.test(protocol) && username + password + search + hash === '' && pathname === '/';
}
