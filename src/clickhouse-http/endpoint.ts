import type { Config } from '../config/load.js';
import { readSecret } from '../config/secret.js';
import { Endpoint, placeOf } from '../listen/endpoint.js';
import type { EmbeddedStore } from '../store/embedded/store.js';
import { EmbeddedBackend } from './embedded-backend.js';
import { ClickHouseHttpServer } from './server.js';

/** The embedded store at an address of the configuration's; undefined when it wants none. Throws ConfigError. */
export function clickHouseEndpoint(config: Pick<Config, 'values' | 'origins'>, store: EmbeddedStore): Endpoint | undefined {
  const place = placeOf(config, 'clickhouse_http.listen', 'clickhouse_http.password_file');
  if (place === undefined) return undefined;
  const { values } = config;
  const password = readSecret('clickhouse_http.password_file', values['clickhouse_http.password_file']);
  const credentials = password === undefined ? undefined : { user: values['clickhouse_http.user'], password };
  const server = new ClickHouseHttpServer({ backend: new EmbeddedBackend(store), credentials });
  return new Endpoint(server, place, 'ClickHouse clients', 'clickhouse-http-listen');
}
