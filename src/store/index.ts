export { createEmbeddedStore, type EmbeddedStoreOptions } from './embedded/store.js';
export type { QueryOptions, Store, StoreStatus } from './store.js';
