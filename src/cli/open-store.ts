import { join } from 'node:path';
import type { Values } from '../config/schema.js';
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

/** The embedded store, not started. Loaded only where it is used. */
export async function openEmbedded(values: Values): Promise<EmbeddedStore> {
  const { createEmbeddedStore, retentionOf } = await import('../store/index.js');
  return createEmbeddedStore({ dir: storeDirectory(values), retention: retentionOf(values) });
}

/** The store that the configuration chooses, not started; undefined: none. */
export async function openStore(values: Values): Promise<Store | undefined> {
  switch (values['store.kind']) {
    case 'embedded':
      return openEmbedded(values);
    case 'server': {
      const { openServer } = await import('../store/open-server.js');
      return openServer(values);
    }
    default:
      return undefined;
  }
}
