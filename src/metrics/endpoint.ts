import type { StatusDocument } from '../api/status.js';
import type { Config } from '../config/load.js';
import { readSecret } from '../config/secret.js';
import { Endpoint, placeOf } from '../listen/endpoint.js';
import { MetricsServer } from './server.js';

/** The metrics at an address of the configuration's; undefined when it wants none. Throws ConfigError. */
export function metricsEndpoint(config: Pick<Config, 'values' | 'origins'>, status: () => Promise<StatusDocument>): Endpoint | undefined {
  const place = placeOf(config, 'metrics.listen', 'metrics.token_file');
  if (place === undefined) return undefined;
  const token = readSecret('metrics.token_file', config.values['metrics.token_file']);
  return new Endpoint(new MetricsServer({ status, token }), place, 'metrics', 'metrics-listen');
}
