import type { SqlStore } from '../api/sql-store.js';
import type { MetricsAccount, StatusDocument } from '../api/status.js';
import type { Config } from '../config/load.js';
import { readSecret } from '../config/secret.js';
import { Endpoint, placeOf } from '../listen/endpoint.js';
import { Guard } from '../listen/guard.js';
import { Keyring, keyOf } from '../listen/keyring.js';
import { MetricsServer } from './server.js';
import { servicesAt } from './traffic/services.js';
import { Traffic } from './traffic/traffic.js';

/** The metrics at an address, and what their account in the status is. */
export interface MetricsRoom {
  readonly endpoint: Endpoint;
  /** Undefined while nobody asked for series of services and servers. */
  account(): MetricsAccount | undefined;
}

/** What the metrics are made of. */
export interface MetricsMeans {
  /** Whose tokens count besides the one that is for metrics alone. */
  readonly readers: Keyring;
  readonly status: () => Promise<StatusDocument>;
  /** Undefined: events are not counted. */
  readonly store: SqlStore | undefined;
  /** Takes a sentence for the collector's operator. */
  readonly note: (line: string) => void;
}

/** The metrics at an address of the configuration's; undefined when it wants none. Throws ConfigError. */
export function metricsEndpoint(config: Pick<Config, 'values' | 'origins'>, means: MetricsMeans): MetricsRoom | undefined {
  const { values } = config;
  const place = placeOf(config, 'metrics');
  if (place === undefined) return undefined;
  const { readers, status, store, note } = means;
  const token = readSecret('metrics.token_file', values['metrics.token_file']);
  const keys = token === undefined ? readers : new Keyring([keyOf('metrics', token)], readers);
  const limit = values['metrics.series'];
  const list = () => servicesAt(values['capture.socket']);
  const traffic = limit === 0 ? undefined : new Traffic({ limit, list, store, note });
  const server = new MetricsServer({ status, guard: new Guard({ ...place, keys }), ...(traffic === undefined ? {} : { traffic }) });
  return { endpoint: new Endpoint(server, place, 'metrics', 'metrics-listen'), account: () => traffic?.account() };
}
