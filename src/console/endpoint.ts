import type { SqlStore } from '../api/sql-store.js';
import type { StatusDocument } from '../api/status.js';
import { parseListen } from '../config/clickhouse-options.js';
import { ConfigError } from '../config/errors.js';
import type { Config } from '../config/load.js';
import { listenAt } from '../listen/listening.js';
import { isLoopback } from '../listen/loopback.js';
import { Access } from './access.js';
import { loadAssets } from './assets.js';
import { Desk } from './desk.js';
import { ConsoleServer } from './server.js';
import { Tokens } from './tokens.js';

/** The console at an address of the configuration's. */
export class ConsoleEndpoint {
  private readonly server: ConsoleServer;
  private readonly at: { readonly host: string; readonly port: number };
  private readonly wanted: boolean;

  private constructor(server: ConsoleServer, at: { readonly host: string; readonly port: number }, wanted: boolean) {
    this.server = server;
    this.at = at;
    this.wanted = wanted;
  }

  /** Undefined when the configuration wants none. Throws ConfigError. */
  static make(
    { values, origins }: Pick<Config, 'values' | 'origins'>,
    status: () => Promise<StatusDocument>,
    store: SqlStore | undefined,
  ): ConsoleEndpoint | undefined {
    const listen = values['console.listen'];
    const at = parseListen(listen);
    if (at === undefined) return undefined;
    const tokens = Tokens.read('console.token_file', values['console.token_file']);
    const loopback = isLoopback(at.host);
    if (tokens === undefined && !loopback)
      throw new ConfigError([`console.listen is ${listen}, which others can reach: name a console.token_file, or listen at 127.0.0.1.`]);
    return new ConsoleEndpoint(
      new ConsoleServer({
        assets: loadAssets(),
        status,
        store,
        desk: new Desk(values['capture.socket'], store),
        access: new Access(tokens, loopback),
      }),
      at,
      origins['console.listen'] !== 'default',
    );
  }

  /** Resolves to a sentence when it does not listen because a default address is not free. Rejects with a sentence when it cannot listen where it was asked to. */
  start(): Promise<string | undefined> {
    return listenAt(this.server, { ...this.at, wanted: this.wanted, what: 'the console', flag: 'console-listen' });
  }

  stop(): Promise<void> {
    return this.server.close();
  }
}
