import type { RecordName, Segment } from '../../spool/segment.js';
import type { SequenceSet } from '../file/sequences.js';
import { type HourTally, type SequenceSpan, type Sink, type SinkNotes, SinkRejection } from '../sink.js';
import { KafkaConnection } from './connection.js';
import { Delivery } from './delivery.js';
import { KafkaFailure } from './failure.js';
import { sendRounds, type Writer } from './flight.js';
import { type Position, rounds } from './frame.js';
import { Inventory } from './inventory.js';
import { BatchLimit } from './limit.js';
import { RECORDS, topicName } from './message.js';
import type { KafkaOptions } from './options.js';
import { SpareMemory } from './record-set.js';
import { spoolBegan, tallyTopics } from './tally.js';
import { checkSchema, largestBatch } from './topics.js';

/** So many times a segment is tried under another identity, one after the other. */
const IDENTITIES = 3;

/** Segments that are brought back, one after the other. */
interface Replay {
  readonly inventory: Inventory;
  writer: Writer | undefined;
  /** Something was there: topics delete from their beginning on, so what comes after it was not deleted. */
  found: boolean;
  /** The segment that is being sent, and how far it is. */
  begun: { readonly key: string; readonly absent: SequenceSet; readonly position: Position } | undefined;
}

/**
 * Brings segments to Kafka, each event exactly once. The identity and the sequences of Kafka's idempotent producers are kept on disk here, where other clients forget them with the process:
 * whatever died, the next batch is the one that may be there already, and the broker recognises it. Where that cannot be known (a state that was lost or is of before, another cluster, another
 * grouping), the topic is read, and only what it lacks is sent.
 */
export class KafkaSink implements Sink {
  readonly name = 'kafka';
  readonly looksItself = true;
  private readonly options: KafkaOptions;
  private readonly spool: string;
  private readonly ending = new AbortController();
  private readonly memory = new SpareMemory();
  private readonly limit: BatchLimit;
  private readonly delivery: Delivery;
  private connection: KafkaConnection | undefined;
  private schemaChecked = false;
  private trusted = true;
  /** Of the replay that is under way. */
  private replay: Replay | undefined;

  constructor(options: KafkaOptions, spoolDirectory: string) {
    this.options = options;
    this.spool = spoolDirectory;
    this.limit = new BatchLimit(options.messageBytes);
    const { framing, compression } = options;
    this.delivery = new Delivery({
      framing,
      compression,
      spool: spoolDirectory,
      topics: this.topicsByRecord(),
      memory: this.memory,
      now: options.connection.now,
    });
  }

  async start(trusted = true): Promise<void> {
    // Also when Kafka cannot be reached now.
    if (!trusted) this.trusted = false;
    const connection = await this.connected();
    await this.delivery.begin(connection.cluster, this.trusted);
  }

  async deliver(segment: Segment): Promise<void> {
    this.replay = undefined;
    for (let unknown = 0; ; ) {
      await this.start();
      try {
        const connection = await this.connected();
        await this.delivery.bring(connection, segment, this.limit.bytes);
        await this.grow(connection);
        return;
      } catch (error) {
        if (!(error instanceof KafkaFailure)) throw error;
        this.drop();
        if (error.kind === 'too-large') this.lower(segment, error);
        else if (error.kind !== 'identity' || unknown++ === IDENTITIES) throw error;
        this.delivery.forget();
      }
    }
  }

  async restore(segment: Segment): Promise<number> {
    for (;;) {
      const connection = await this.connected();
      try {
        return await this.bringBack(connection, segment);
      } catch (error) {
        const { replay } = this;
        this.drop();
        if (!(error instanceof KafkaFailure)) throw error;
        // Its last request may still be carried out: tried again under the same identity, the broker knows it.
        if (error.kind !== 'too-large' && error.kind !== 'identity') this.replay = replay;
        if (error.kind !== 'too-large') throw error;
        this.lower(segment, error);
      }
    }
  }

  async tally(spans: readonly SequenceSpan[]): Promise<HourTally[]> {
    if (spans.length === 0) return [];
    // A connection of its own: deliveries go on meanwhile.
    const connection = await KafkaConnection.open(this.options.connection, this.topics(), this.ending.signal);
    try {
      return await tallyTopics(connection, this.topicsByRecord(), spans, await spoolBegan(this.spool, this.options.connection.now()));
    } finally {
      connection.disconnect();
    }
  }

  async close(): Promise<void> {
    this.ending.abort();
    this.drop();
  }

  private topic(record: RecordName): string {
    return topicName(this.options.topicPrefix, record);
  }

  get beyond(): string {
    return `topics ${this.topics().join(' and ')} of Kafka (${this.options.connection.brokers.join(', ')}), and whoever has read them`;
  }

  notes(): SinkNotes {
    const { bytes, whole } = this.limit;
    const small = `Messages have at most ${bytes} bytes instead of kafka.message_bytes, since the topics take no more: when they do, messages grow by themselves.`;
    return { sentences: [...this.delivery.notes(), ...(whole ? [] : [small])], messageBytes: bytes, unproven: this.delivery.unproven };
  }

  private topicsByRecord(): ReadonlyMap<RecordName, string> {
    return new Map(RECORDS.map((record) => [record, this.topic(record)]));
  }

  private topics(): string[] {
    return RECORDS.map((record) => this.topic(record));
  }

  private async connected(): Promise<KafkaConnection> {
    if (this.connection !== undefined) return this.connection;
    const connection = await KafkaConnection.open(this.options.connection, this.topics(), this.ending.signal);
    try {
      if (!this.schemaChecked) for (const topic of this.topics()) await checkSchema(connection, topic);
      this.schemaChecked = true;
      this.limit.heard(await this.largest(connection));
    } catch (error) {
      connection.disconnect();
      throw error;
    }
    this.connection = connection;
    return connection;
  }

  /** kafkajs is not trusted after an error: the next attempt has a connection of its own. */
  private drop(): void {
    this.connection?.disconnect();
    this.connection = undefined;
    this.replay = undefined;
  }

  /** After a segment, larger batches where there is room for them. */
  private async grow(connection: KafkaConnection): Promise<void> {
    const before = this.limit.bytes;
    this.limit.taken();
    if (this.limit.askAgain) this.limit.heard(await this.largest(connection));
    if (this.limit.bytes !== before) await this.delivery.replan(connection, this.limit.bytes);
  }

  /** Most bytes of a batch that every topic takes. */
  private async largest(connection: KafkaConnection): Promise<number> {
    let most = Number.POSITIVE_INFINITY;
    for (const topic of this.topics()) most = Math.min(most, await largestBatch(connection, topic));
    return most;
  }

  /** Sends what the topic lacks of a segment, or goes on with that. Resolves to how many events that are. */
  private async bringBack(connection: KafkaConnection, segment: Segment): Promise<number> {
    const topic = this.topic(segment.record);
    const plan = { framing: this.options.framing, partitions: connection.partitions(topic), limit: this.limit.bytes };
    const key = JSON.stringify([segment.id, segment.sha256, plan]);
    const { begun, inventory: known } = this.replay ?? {};
    // What another one has sent last may still come under its identity.
    if (known?.topic !== topic || known.node !== segment.node || (begun !== undefined && begun.key !== key))
      this.replay = { inventory: new Inventory(topic, segment.node), writer: undefined, found: false, begun: undefined };
    const replay = this.replay as Replay;
    if (replay.begun === undefined) {
      await replay.inventory.cover(connection, segment);
      const absent = replay.inventory.absent(segment);
      if (absent.size < segment.count) replay.found = true;
      if (absent.size === 0) return 0;
      if (replay.inventory.lacking && !replay.found) this.delivery.doubted(topic, absent.size);
      replay.writer ??= { identity: await connection.identify(), sequences: {} };
      replay.begun = { key, absent, position: { offset: 0, events: 0 } };
    }
    const { absent, position } = replay.begun;
    const source = rounds(segment, plan, position, absent, this.memory);
    const flight = { segment, topic, compression: this.options.compression, memory: this.memory };
    await sendRounds(connection, source, flight, replay.writer as Writer, async (round, next, placed) => {
      replay.writer = next;
      replay.begun = { key, absent, position: round.to };
      const counts = new Map(round.parts.map(({ partition, records }) => [partition, records.count]));
      await this.delivery.besides(placed.map((one) => ({ ...one, count: counts.get(one.partition) ?? 0 })));
    });
    replay.begun = undefined;
    return absent.size;
  }

  /** Smaller batches, until there is room for larger ones. */
  private lower({ id }: Segment, error: KafkaFailure): void {
    if (!this.limit.refuse()) throw new SinkRejection(`Segment ${id} cannot be sent. ${error.message}`);
  }
}
