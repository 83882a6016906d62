import type { Config } from '../config/load.js';
import { readSecret } from '../config/secret.js';
import { Endpoint, placeOf } from '../listen/endpoint.js';
import { Guard } from '../listen/guard.js';
import type { Keyring } from '../listen/keyring.js';
import type { EmbeddedStore } from '../store/embedded/store.js';
import { SqlAccess } from './access.js';
import { EmbeddedBackend } from './embedded-backend.js';
import { ClickHouseHttpServer } from './server.js';

/** The embedded store at an address of the configuration's; undefined when it wants none. `readers`: whose tokens count besides the password. Throws ConfigError. */
export function clickHouseEndpoint(
  config: Pick<Config, 'values' | 'origins'>,
  readers: Keyring,
  store: EmbeddedStore,
): Endpoint | undefined {
  const place = placeOf(config, 'clickhouse_http');
  if (place === undefined) return undefined;
  const { values } = config;
  const password = readSecret('clickhouse_http.password_file', values['clickhouse_http.password_file']);
  const credentials = password === undefined ? undefined : { user: values['clickhouse_http.user'], password };
  const access = new SqlAccess(new Guard({ ...place, keys: readers }), credentials);
  return new Endpoint(
    new ClickHouseHttpServer({ backend: new EmbeddedBackend(store), access }),
    place,
    'ClickHouse clients',
    'clickhouse-http-listen',
  );
}
