import type { StatusDocument } from '../api/status.js';
import { parseListen } from '../config/clickhouse-options.js';
import { ConfigError } from '../config/errors.js';
import type { Config } from '../config/load.js';
import { readSecret } from '../config/secret.js';
import { listenAt } from '../listen/listening.js';
import { isLoopback } from '../listen/loopback.js';
import { MetricsServer } from './server.js';

/** The metrics at an address of the configuration's. */
export class MetricsEndpoint {
  private readonly server: MetricsServer;
  private readonly at: { readonly host: string; readonly port: number };
  /** Somebody asked for this address: then it must be this one. */
  private readonly wanted: boolean;

  private constructor(server: MetricsServer, at: { readonly host: string; readonly port: number }, wanted: boolean) {
    this.server = server;
    this.at = at;
    this.wanted = wanted;
  }

  /** Undefined when the configuration wants none. Throws ConfigError. */
  static make({ values, origins }: Pick<Config, 'values' | 'origins'>, status: () => Promise<StatusDocument>): MetricsEndpoint | undefined {
    const listen = values['metrics.listen'];
    const at = parseListen(listen);
    if (at === undefined) return undefined;
    const token = readSecret('metrics.token_file', values['metrics.token_file']);
    if (token === undefined && !isLoopback(at.host))
      throw new ConfigError([`metrics.listen is ${listen}, which others can reach: name a metrics.token_file, or listen at 127.0.0.1.`]);
    return new MetricsEndpoint(new MetricsServer({ status, token }), at, origins['metrics.listen'] !== 'default');
  }

  /** Resolves to a sentence when it does not listen because a default address is not free. Rejects with a sentence when it cannot listen where it was asked to. */
  start(): Promise<string | undefined> {
    return listenAt(this.server, { ...this.at, wanted: this.wanted, what: 'metrics', flag: 'metrics-listen' });
  }

  stop(): Promise<void> {
    return this.server.close();
  }
}
