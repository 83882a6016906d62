export { roomOf, tooFull } from './embedded/disk.js';
export { setAsideIn } from './embedded/set-aside.js';
export { createEmbeddedStore, type EmbeddedStatus, type EmbeddedStore, type EmbeddedStoreOptions } from './embedded/store.js';
export { retentionOf } from './retention.js';
export type { QueryOptions, Store, StoreStatus } from './store.js';
