import { totalmem } from 'node:os';
import type { Sink } from '../sink/sink.js';

export interface QueryOptions {
  /** A ClickHouse output format; the statement's own FORMAT clause goes first. */
  readonly format: string;
  /** The statement may have no FORMAT clause: who asks reads the one above only. */
  readonly formatFixed?: boolean;
  /** Whole numbers of 64 bits are texts in JSON: JavaScript would round them. */
  readonly exact?: boolean;
  /** What this query may take at most; never more than the store lets anybody take. */
  readonly limits?: QueryLimits;
  /** Ends the query. */
  readonly signal?: AbortSignal;
}

export interface QueryLimits {
  /** s */
  readonly seconds?: number;
  /** Bytes. */
  readonly memory?: number;
  /** Rows of the answer: with more it is refused. */
  readonly rows?: number;
  /** Rows of the answer: further ones are left out. */
  readonly cut?: number;
}

/** What a person's query may take of memory when nothing else was said, bytes: four of them together half of the machine's. */
export function eighthOfMemory(): number {
  return Math.max(1024 ** 3, Math.floor(totalmem() / 8));
}

export interface StoreStatus {
  readonly kind: 'embedded' | 'server';
  /** The directory, or the server's address. */
  readonly place: string;
  /** Segments and events taken since the start, without those that were there before. */
  readonly segments: number;
  readonly events: number;
  /** How long the last delivery took, ms. */
  readonly lastDeliverMs: number | null;
  /** A sentence, or null. */
  readonly lastError: string | null;
}

/** An answer that is whole. */
export interface StoredAnswer {
  /** A file, or the bytes themselves. */
  readonly body: { readonly path: string } | { readonly bytes: Uint8Array };
  /** Removes the file and gives its room to other answers. Whoever got the answer calls it when it has been sent, or is given up. */
  discard(): void;
}

/** A sink that answers SQL. */
export interface Store extends Sink {
  /** The answer to one reading statement, as the engine's bytes. Rejects with a sentence. */
  query(sql: string, options: QueryOptions): Promise<Uint8Array>;
  /** The same, in a file where it is large, so that nobody holds it in memory. Undefined: this store has no such. */
  stored?(sql: string, options: QueryOptions): Promise<StoredAnswer>;
  status(): StoreStatus;
}
