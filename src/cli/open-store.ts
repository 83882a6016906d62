import type { SqlStore } from '../api/sql-store.js';
import type { Sink } from '../sink/sink.js';

/** A store is a sink that can be queried. */
export type Store = Sink & SqlStore;

/** The embedded store of a directory, not started. */
export async function openStore(dir: string): Promise<Store> {
  const room = '../store/index.js'; // loaded only where it is used: the engine is big
  const { createEmbeddedStore } = (await import(room)) as { createEmbeddedStore(options: { dir: string }): Store };
  return createEmbeddedStore({ dir });
}
