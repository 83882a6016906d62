import { join } from 'node:path';
import type { Values } from '../config/schema.js';
import { parseRoom } from '../config/value.js';
import { ORDERS } from '../erase/order.js';
import type { EmbeddedStore, Store } from '../store/index.js';

export type { EmbeddedStore, Store } from '../store/index.js';

/** Where the spool is in a data directory. */
export function spoolDirectory(values: Values): string {
  return join(values['collector.data_dir'], 'spool');
}

/** Where the orders to erase somebody are. */
export function eraseDirectory(values: Values): string {
  return join(values['collector.data_dir'], ORDERS);
}

/** Where the embedded store is. */
export function storeDirectory(values: Values): string {
  const asked = values['store.dir'];
  return asked !== '' ? asked : join(values['collector.data_dir'], 'store');
}

/** The embedded store, not started. Loaded only where it is used. `now`: the believed time. */
export async function openEmbedded(values: Values, now?: () => number, note?: (line: string) => void): Promise<EmbeddedStore> {
  const { createEmbeddedStore, retentionOf } = await import('../store/index.js');
  const keepFree = parseRoom(values['store.keep_free']) ?? { bytes: 0 };
  return createEmbeddedStore({
    ...{ dir: storeDirectory(values), retention: retentionOf(values), keepFree, now },
    ...(note === undefined ? {} : { note }),
  });
}

/** The store that the configuration chooses, not started; undefined: none. `now`: the believed time. */
export async function openStore(values: Values, now?: () => number): Promise<Store | undefined> {
  switch (values['store.kind']) {
    case 'embedded':
      return openEmbedded(values, now);
    case 'server': {
      const { openServer } = await import('../store/open-server.js');
      return openServer(values, now);
    }
    default:
      return undefined;
  }
}
