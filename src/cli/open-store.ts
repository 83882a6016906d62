import type { Store } from '../store/index.js';

export type { Store } from '../store/index.js';

/** The embedded store of a directory, not started. Loaded only where it is used. */
export async function openStore(dir: string): Promise<Store> {
  const { createEmbeddedStore } = await import('../store/index.js');
  return createEmbeddedStore({ dir });
}
