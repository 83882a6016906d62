import type { RecordName, Segment } from '../../spool/segment.js';
import { SequenceSet } from '../file/sequences.js';
import { type HourTally, type SequenceSpan, type Sink, SinkRejection } from '../sink.js';
import { KafkaConnection } from './connection.js';
import { KafkaFailure } from './failure.js';
import { sendRounds, type Writer } from './flight.js';
import { FRAMING_VERSION, type Plan, type Position, rounds } from './frame.js';
import { Inventory } from './inventory.js';
import { RECORDS, topicName } from './message.js';
import type { KafkaOptions } from './options.js';
import { SpareMemory } from './record-set.js';
import { type ProducerState, readState, removeState, resumeAt, writeState } from './state.js';
import { spoolBegan, tallyTopics } from './tally.js';
import { checkSchema, largestBatch } from './topics.js';

const BEGINNING: Position = { offset: 0, events: 0 };
/** Messages are not made smaller than this, bytes. */
const SMALLEST = 256;

/**
 * Brings segments to Kafka, each event exactly once. The identity and the sequences of Kafka's idempotent producers are kept on disk here, where other clients forget them with the process:
 * whatever died, the next batch is the one that may be there already, and the broker recognises it. Where that cannot be known (a state that was lost, another cluster, another grouping), the
 * topic is read from before the segment on, and only what it lacks is sent.
 */
export class KafkaSink implements Sink {
  readonly name = 'kafka';
  private readonly options: KafkaOptions;
  private readonly spool: string;
  private readonly ending = new AbortController();
  private readonly memory = new SpareMemory();
  private connection: KafkaConnection | undefined;
  /** Most bytes of a batch; lower than the option when a topic takes less. */
  private limit: number;
  private state: ProducerState | undefined;
  private stateRead = false;
  private schemaChecked = false;
  /** Of the replay that is under way. */
  private replay: { readonly inventory: Inventory; writer: Writer | undefined } | undefined;

  constructor(options: KafkaOptions, spoolDirectory: string) {
    this.options = options;
    this.spool = spoolDirectory;
    this.limit = options.messageBytes;
  }

  async start(): Promise<void> {
    const connection = await this.connected();
    if (!this.stateRead) this.state = await readState(this.spool);
    this.stateRead = true;
    if (this.state !== undefined && this.state.cluster !== connection.cluster) this.state = undefined;
  }

  async deliver(segment: Segment): Promise<void> {
    this.replay = undefined;
    for (;;) {
      await this.start();
      try {
        return await this.bring(segment);
      } catch (error) {
        if (!(error instanceof KafkaFailure)) throw error;
        this.drop();
        if (error.kind === 'too-large') this.lower(segment, error);
        else if (error.kind !== 'identity' || this.state === undefined) throw error;
        // From now on only the topic knows what it has.
        await this.forgetState();
      }
    }
  }

  async restore(segment: Segment): Promise<number> {
    for (;;) {
      const connection = await this.connected();
      const topic = this.topic(segment.record);
      try {
        if (this.replay?.inventory.topic !== topic || this.replay.inventory.node !== segment.node)
          this.replay = { inventory: new Inventory(connection, topic, segment.node), writer: undefined };
        const { replay } = this;
        await replay.inventory.cover(segment);
        const absent = replay.inventory.absent(segment);
        if (absent.size > 0) {
          const writer = replay.writer ?? { identity: await connection.identify(), sequences: {} };
          replay.writer = await this.sendAbsent(connection, segment, absent, writer);
        }
        return absent.size;
      } catch (error) {
        this.replay = undefined;
        if (!(error instanceof KafkaFailure)) throw error;
        this.drop();
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
      const topics = new Map(RECORDS.map((record) => [record, this.topic(record)]));
      return await tallyTopics(connection, topics, spans, await spoolBegan(this.spool, this.options.connection.now()));
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

  private topics(): string[] {
    return RECORDS.map((record) => this.topic(record));
  }

  private async connected(): Promise<KafkaConnection> {
    if (this.connection !== undefined) return this.connection;
    const connection = await KafkaConnection.open(this.options.connection, this.topics(), this.ending.signal);
    try {
      if (!this.schemaChecked) for (const topic of this.topics()) await checkSchema(connection, topic);
      this.schemaChecked = true;
      for (const topic of this.topics()) this.limit = Math.min(this.limit, await largestBatch(connection, topic));
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

  private async forgetState(): Promise<void> {
    this.state = undefined;
    await removeState(this.spool);
  }

  private async save(state: ProducerState): Promise<void> {
    this.state = { ...state, savedMs: this.options.connection.now() };
    await writeState(this.spool, this.state);
  }

  private plan(connection: KafkaConnection, record: RecordName): Plan {
    return { framing: this.options.framing, partitions: connection.partitions(this.topic(record)), limit: this.limit };
  }

  /** All that makes batches what they are. */
  private planName(connection: KafkaConnection): string {
    const partitions = this.topics().map((topic) => `${topic}:${connection.partitions(topic)}`);
    return [FRAMING_VERSION, this.options.framing, this.limit, ...partitions].join(' ');
  }

  private async bring(segment: Segment): Promise<void> {
    const connection = await this.connected();
    const plan = this.planName(connection);
    const { state } = this;
    const resumed = state?.plan === plan ? resumeAt(state, segment, this.options.connection.now()) : undefined;
    if (resumed === 'whole') return;
    const begun = { segment: { id: segment.id, sha256: segment.sha256 }, position: resumed ?? BEGINNING, whole: false };
    if (resumed !== undefined && state !== undefined) {
      await this.sendRest(connection, segment, { ...state, ...begun, absent: state.whole ? undefined : state.absent });
      return;
    }
    // Nobody knows what of it is there.
    const inventory = new Inventory(connection, this.topic(segment.record), segment.node);
    await inventory.cover(segment);
    const absent = inventory.absent(segment);
    const fresh: ProducerState = {
      ...{ cluster: connection.cluster, identity: await connection.identify(), plan, sequences: {}, ...begun },
      absent: absent.size === segment.count ? undefined : absent.spans,
    };
    // Before anything is sent: an attempt that fails goes on under this identity, since its request may still be carried out.
    await this.save(fresh);
    await this.sendRest(connection, segment, fresh);
  }

  /** The rest of a segment, or of what the topic lacked of it, each batch under the sequence that it has for ever. */
  private async sendRest(connection: KafkaConnection, segment: Segment, from: ProducerState): Promise<void> {
    let saving: Promise<void> = Promise.resolve();
    const wanted = from.absent === undefined ? undefined : new SequenceSet(from.absent);
    const source = rounds(segment, this.plan(connection, segment.record), from.position, wanted, this.memory);
    await sendRounds(connection, source, this.flightPlan(segment), from, async ({ to }, { sequences }) => {
      await saving;
      // Written while the next batch is on its way: the broker still knows the one before that.
      saving = this.save({ ...from, sequences, position: to, whole: to.offset === segment.bytes });
      saving.catch(() => undefined);
    });
    await saving;
  }

  /** What is not there, under an identity for this. Resolves to what comes next. */
  private async sendAbsent(connection: KafkaConnection, segment: Segment, absent: SequenceSet, writer: Writer): Promise<Writer> {
    let after = writer;
    const source = rounds(segment, this.plan(connection, segment.record), BEGINNING, absent, this.memory);
    await sendRounds(
      connection,
      source,
      this.flightPlan(segment),
      { identity: writer.identity, sequences: writer.sequences },
      async (_round, next) => {
        after = next;
      },
    );
    return after;
  }

  private flightPlan(segment: Segment): Parameters<typeof sendRounds>[2] {
    return { segment, topic: this.topic(segment.record), compression: this.options.compression, memory: this.memory };
  }

  /** Smaller batches from now on. */
  private lower({ id }: Segment, error: KafkaFailure): void {
    if (this.limit <= SMALLEST) throw new SinkRejection(`Segment ${id} cannot be sent. ${error.message}`);
    this.limit = Math.max(SMALLEST, Math.floor(this.limit / 2));
  }
}
