import { ConfigError } from '../config/errors.js';
import type { Values } from '../config/schema.js';
import { retentionOf } from './retention.js';
import { serverOptions } from './server/options.js';
import { createServerStore, type ServerStore } from './server/store.js';

/** The ClickHouse server of the configuration, not asked yet. `now`: the believed time. Throws ConfigError. */
export function openServer(values: Values, now?: () => number): ServerStore {
  if (values['clickhouse.url'] === '' && values['store.kind'] === 'server')
    throw new ConfigError([
      'store.kind is server, but there is no clickhouse.url: give the address of the server, or choose another store.',
    ]);
  return createServerStore({ ...serverOptions(values), retention: retentionOf(values), now });
}
