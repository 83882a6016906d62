import type { Compression } from './codec.js';
import type { ProducerIdentity, RecordSet } from './record-set.js';

/** Records for one partition. */
export interface PartitionBatch {
  readonly topic: string;
  readonly partition: number;
  /** Of the first record among all that the identity has written to the partition. */
  readonly sequence: number;
  readonly records: RecordSet;
}

/** A batch that is ready to go. */
export interface EncodedBatch {
  readonly topic: string;
  readonly partition: number;
  readonly bytes: readonly Buffer[];
}

/** Where a batch lies. */
export interface Placed {
  readonly topic: string;
  readonly partition: number;
  /** Of its first message. */
  readonly offset: number;
}

/**
 * What the sink needs of a Kafka client, so that another one can stand in. One outstanding send at a time. Whatever rejects leaves the producer useless: it is thrown away, and another one sends
 * the same batches again, with the same identity and sequences.
 */
export interface KafkaProducer {
  /** Id of the cluster; resolves when it can be written to these topics. */
  readonly cluster: string;
  /** Partitions of a topic. */
  partitions(topic: string): number;
  /** An identity that nobody else has. */
  identify(): Promise<ProducerIdentity>;
  /** Compresses and frames; can be done for the next batch while one is being sent. */
  encode(batch: PartitionBatch, identity: ProducerIdentity, compression: Compression): Promise<EncodedBatch>;
  /**
   * At most one batch a partition. Resolves when all replicas in sync have them, to where they lie. A batch that the broker has already, by identity and sequence, changes nothing, and lies where
   * it lay; only the offset tells. Rejects with KafkaFailure.
   */
  send(batches: readonly EncodedBatch[]): Promise<readonly Placed[]>;
  /** Ends every connection at once: what is under way rejects. */
  disconnect(): void;
}
