import type { StatusDocument } from '../api/status.js';
import type { Config } from '../config/load.js';
import { readSecret } from '../config/secret.js';
import { Endpoint, placeOf } from '../listen/endpoint.js';
import { Guard } from '../listen/guard.js';
import { Keyring, keyOf } from '../listen/keyring.js';
import { MetricsServer } from './server.js';

/** The metrics at an address of the configuration's; undefined when it wants none. `readers`: whose tokens count besides the one that is for metrics alone. Throws ConfigError. */
export function metricsEndpoint(
  config: Pick<Config, 'values' | 'origins'>,
  readers: Keyring,
  status: () => Promise<StatusDocument>,
): Endpoint | undefined {
  const place = placeOf(config, 'metrics');
  if (place === undefined) return undefined;
  const token = readSecret('metrics.token_file', config.values['metrics.token_file']);
  const keys = token === undefined ? readers : new Keyring([keyOf('metrics', token)], readers);
  return new Endpoint(new MetricsServer({ status, guard: new Guard({ ...place, keys }) }), place, 'metrics', 'metrics-listen');
}
