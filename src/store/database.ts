import type { Segment } from '../spool/segment.js';
import type { HourContent } from './content.js';
import type { Placement } from './ddl.js';

/** How the events of a segment become rows of a table. */
export interface SegmentInsert {
  /** `INSERT INTO table (columns)`. */
  readonly into: string;
  /** An expression a column, over the columns of `structure`. */
  readonly select: string;
  /** What ClickHouse's Protobuf reader is to make of each field. */
  readonly structure: string;
  /** Which of the events, with its WHERE. */
  readonly where: string;
  readonly settings: Readonly<Record<string, string | number>>;
  /** The same for a repetition of this very insert. */
  readonly token: string;
}

/** A ClickHouse as deliveries need it: the embedded one, or a server. Everything rejects with EngineError when ClickHouse refuses, and with another error when it may work later. */
export interface Database {
  readonly placement: Placement;
  /** Whether an insert whose answer never came may still be carried out later. */
  readonly mayLinger: boolean;
  /** A statement's answer as text without its last line feed. Default format: TSV. */
  text(sql: string, format?: string): Promise<string>;
  /** Resolves when the statement has taken effect. */
  write(sql: string): Promise<unknown>;
  /** Puts the events of a segment's file into a table. Resolves when they are there. */
  insert(insert: SegmentInsert, segment: Segment): Promise<void>;
  /** What the bytes of a segment's file say, by the newest formula. Without it only the ledger knows. */
  digest?(segment: Segment): Promise<HourContent[]>;
}
