import { reason } from '../api/listen.js';
import { parseListen } from '../config/clickhouse-options.js';
import { ConfigError } from '../config/errors.js';
import type { Config } from '../config/load.js';
import { readSecret } from '../config/secret.js';
import { isLoopback } from '../listen/loopback.js';
import type { EmbeddedStore } from '../store/embedded/store.js';
import { EmbeddedBackend } from './embedded-backend.js';
import { ClickHouseHttpServer } from './server.js';

/** The embedded store at an address of the configuration's. */
export class ClickHouseEndpoint {
  private readonly server: ClickHouseHttpServer;
  private readonly host: string;
  private readonly port: number;
  /** Somebody asked for this address: then it must be this one. */
  private readonly wanted: boolean;

  private constructor(server: ClickHouseHttpServer, at: { readonly host: string; readonly port: number }, wanted: boolean) {
    this.server = server;
    this.host = at.host;
    this.port = at.port;
    this.wanted = wanted;
  }

  /** Undefined when the configuration wants none. Throws ConfigError. */
  static make({ values, origins }: Pick<Config, 'values' | 'origins'>, store: EmbeddedStore): ClickHouseEndpoint | undefined {
    const at = parseListen(values['clickhouse_http.listen']);
    if (at === undefined) return undefined;
    const password = readSecret('clickhouse_http.password_file', values['clickhouse_http.password_file']);
    if (password === undefined && !isLoopback(at.host))
      throw new ConfigError([
        `clickhouse_http.listen is ${values['clickhouse_http.listen']}, which others can reach: name a clickhouse_http.password_file, or listen at 127.0.0.1.`,
      ]);
    const credentials = password === undefined ? undefined : { user: values['clickhouse_http.user'], password };
    const server = new ClickHouseHttpServer({ backend: new EmbeddedBackend(store), credentials });
    return new ClickHouseEndpoint(server, at, origins['clickhouse_http.listen'] !== 'default');
  }

  /** Resolves to a sentence when it does not listen because a default address is not free. Rejects with a sentence when it cannot listen where it was asked to. */
  async start(): Promise<string | undefined> {
    const { host, port } = this;
    try {
      await this.server.listen(port, host);
      return undefined;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const why = code === 'EADDRINUSE' ? 'it is in use' : code === 'EADDRNOTAVAIL' ? 'this machine has no such address' : reason(error);
      const sentence = `${host}:${port} cannot be listened at for ClickHouse clients: ${why}; choose another by --clickhouse-http-listen`;
      if (this.wanted) throw new Error(`${sentence}, or none by an empty one.`, { cause: error });
      return `${sentence}. The collector goes on without.`;
    }
  }

  stop(): Promise<void> {
    return this.server.close();
  }
}
