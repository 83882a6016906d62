/** Which kind of record a batch or segment holds. The names are RecordType's in proto/vslog/v1/socket.proto. */
export type RecordName = 'conn' | 'control';

/** A run of sequences without gaps, both ends included. */
export interface SequenceRange {
  readonly first: bigint;
  readonly last: bigint;
}

/** A sealed segment of the spool: whole batches of one record type and one epoch. Its file is a plain ClickHouse `Protobuf` stream. */
export interface Segment {
  /** Position in the spool, from 1; both record types count together. */
  readonly id: number;
  readonly record: RecordName;
  readonly node: string;
  readonly epoch: string;
  /** Ascending; more than one where the other record type's batches lie between. */
  readonly ranges: readonly SequenceRange[];
  /** Events in it. */
  readonly count: number;
  /** Length of the body file in bytes. */
  readonly bytes: number;
  /** SHA-256 of the body, hex. */
  readonly sha256: string;
  /** Events in it that were erased; undefined: none. */
  readonly erased?: number;
  /** SHA-256 over the previous segment's chain value and this one's identity and sha256, hex. */
  readonly chain: string;
  /** Absolute path of the body file. */
  readonly path: string;
}
