export { createEmbeddedStore, type EmbeddedStore, type EmbeddedStoreOptions } from './embedded/store.js';
export { retentionOf } from './retention.js';
export type { QueryOptions, Store, StoreStatus } from './store.js';
