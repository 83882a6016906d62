import type { Sink } from '../sink/sink.js';

export interface QueryOptions {
  /** A ClickHouse output format; the statement's own FORMAT clause goes first. */
  readonly format: string;
}

export interface StoreStatus {
  readonly kind: 'embedded';
  readonly dir: string;
  readonly running: boolean;
  /** Process id of the engine. */
  readonly pid: number | null;
  /** How often the engine was started; more than 1: it ended by itself. */
  readonly starts: number;
  /** Segments and events taken since the start, without those that were there before. */
  readonly segments: number;
  readonly events: number;
  /** How long the last delivery took, ms. */
  readonly lastDeliverMs: number | null;
  /** A sentence, or null. */
  readonly lastError: string | null;
}

/** A sink that answers SQL. */
export interface Store extends Sink {
  /** The answer to one reading statement, as the engine's bytes. Rejects with a sentence. */
  query(sql: string, options: QueryOptions): Promise<Uint8Array>;
  status(): StoreStatus;
}
