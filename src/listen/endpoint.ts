import { reason } from '../api/listen.js';
import { ConfigError } from '../config/errors.js';
import { type ListenerName, openListeners } from '../config/listen-open.js';
import type { Config } from '../config/load.js';
import type { Key } from '../config/schema.js';
import { type ListenAddress, parseListen } from './address.js';
import { isLoopback } from './loopback.js';

/** A server that listens at a TCP address. */
export interface ListeningServer {
  /** Rejects with the system's error. */
  listen(port: number, host: string): Promise<unknown>;
  close(): Promise<void>;
}

/** Where one of the collector's servers is to listen, by the configuration. */
export interface Place extends ListenAddress {
  readonly loopback: boolean;
  /** Somebody asked for this address: then it must be this one. */
  readonly wanted: boolean;
  /** It asks for no secret. */
  readonly open: boolean;
}

/** The option that names the secret of each listener. */
const SECRETS = {
  metrics: 'metrics.token_file',
  console: 'console.token_file',
  clickhouse_http: 'clickhouse_http.password_file',
} as const satisfies Record<ListenerName, Key>;

/** Where a listener is to be; undefined when nowhere. Beyond loopback somebody must have named a secret, and it is never open. Throws ConfigError. */
export function placeOf({ values, origins }: Pick<Config, 'values' | 'origins'>, name: ListenerName): Place | undefined {
  const key = `${name}.listen` as const;
  const listen = values[key];
  const secret = SECRETS[name];
  const at = parseListen(listen);
  if (at === undefined) return undefined;
  const loopback = isLoopback(at.host);
  const open = openListeners(values['collector.listen_open']).includes(name);
  if (open && !loopback)
    throw new ConfigError([
      `collector.listen_open has ${name}, which listens at ${listen}, where others can reach it: take it out, or listen at 127.0.0.1.`,
    ]);
  if (!loopback && values[secret] === '')
    throw new ConfigError([`${key} is ${listen}, which others can reach: name a ${secret}, or listen at 127.0.0.1.`]);
  // The console's tokens are also for changes.
  if (open && name !== 'console' && values[secret] !== '')
    throw new ConfigError([`collector.listen_open has ${name}, for which there is a ${secret}: leave one of them out.`]);
  return { ...at, loopback, wanted: origins[key] !== 'default', open };
}

/** A server at its place. */
export class Endpoint {
  private readonly server: ListeningServer;
  private readonly place: Place;
  private readonly what: string;
  private readonly flag: string;

  /** `what`: for what, in a sentence (`metrics`); `flag` chooses another place, without its dashes. */
  constructor(server: ListeningServer, place: Place, what: string, flag: string) {
    this.server = server;
    this.place = place;
    this.what = what;
    this.flag = flag;
  }

  /** Resolves to a sentence when it does not listen because a default address is not free. Rejects with a sentence when it cannot listen where it was asked to. */
  async start(): Promise<string | undefined> {
    const { host, port, wanted } = this.place;
    try {
      await this.server.listen(port, host);
      return undefined;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const why = code === 'EADDRINUSE' ? 'it is in use' : code === 'EADDRNOTAVAIL' ? 'this machine has no such address' : reason(error);
      const sentence = `${host}:${port} cannot be listened at for ${this.what}: ${why}; choose another by --${this.flag}`;
      if (wanted) throw new Error(`${sentence}, or none by an empty one.`, { cause: error });
      return `${sentence}. The collector goes on without.`;
    }
  }

  stop(): Promise<void> {
    return this.server.close();
  }
}
