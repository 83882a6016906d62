import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type SecureContextOptions } from 'node:tls';
import type { SASLOptions } from 'kafkajs';
import { CODEC_IDS, type Compression, codecOf, registerCodecs } from './codec.js';
import { type Asked, failureOf, KafkaFailure } from './failure.js';
import { Cluster, errorOfCode, type FetchedMessage, SILENT, type SocketRequest } from './kafkajs-core.js';
import { PRODUCE, PRODUCE_VERSION, produce } from './produce.js';
import type { EncodedBatch, KafkaProducer, PartitionBatch, Placed } from './producer.js';
import { encodeBatch, type ProducerIdentity } from './record-set.js';

const TOPIC_RESOURCE = 2;
/** Bytes asked for in one fetch. */
const FETCH_BYTES = 1 << 20;
/** So many answers without a message are waited through. */
const EMPTY_ANSWERS = 5;
const EARLIEST = -2;
const LATEST = -1;

export interface ConnectionOptions {
  /** `HOST:PORT`. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** How long a broker may be silent, ms. */
  readonly timeoutMs: number;
  /** Undefined: no TLS. */
  readonly tls: SecureContextOptions | undefined;
  /** A new one for each connection: tokens change. Undefined: no login. */
  readonly sasl: (() => SASLOptions) | undefined;
  readonly asked: Asked;
  /** The believed time, ms since 1970: messages bear it, and brokers keep them by it. */
  readonly now: () => number;
}

/** A topic as it is to be made. */
export interface NewTopic {
  readonly topic: string;
  readonly partitions: number;
  /** -1: the broker's default. */
  readonly replication: number;
  readonly config: Readonly<Record<string, string>>;
}

/** Connections to a cluster. Every method rejects with KafkaFailure; after that it is thrown away. */
export class KafkaConnection implements KafkaProducer {
  readonly cluster: string;
  private readonly options: ConnectionOptions;
  private readonly core: Cluster;
  private readonly release: () => void;

  private constructor(options: ConnectionOptions, core: Cluster, release: () => void) {
    this.options = options;
    this.core = core;
    this.release = release;
    this.cluster = core.brokerPool.metadata?.clusterId ?? '';
  }

  /** Resolves when the topics are known to be there. `signal` ends the connection, also while it is being made. */
  static async open(options: ConnectionOptions, topics: readonly string[], signal?: AbortSignal): Promise<KafkaConnection> {
    registerCodecs();
    const sockets = new Set<Socket>();
    let released = false;
    if (signal?.aborted === true) throw new KafkaFailure('later', 'The connection to Kafka was closed.');
    const release = (): void => {
      released = true;
      signal?.removeEventListener('abort', release);
      for (const socket of sockets) socket.destroy(closed());
    };
    signal?.addEventListener('abort', release);
    const { brokers, clientId, timeoutMs, tls, sasl, asked } = options;
    const core = new Cluster({
      logger: SILENT,
      socketFactory: (request) => {
        const socket = openSocket(request, tls, sockets);
        // kafkajs may be trying the next broker.
        if (released) socket.destroy(closed());
        return socket;
      },
      brokers,
      ssl: null,
      sasl: sasl === undefined ? null : sasl(),
      clientId,
      connectionTimeout: timeoutMs,
      authenticationTimeout: timeoutMs,
      reauthenticationThreshold: 10_000,
      requestTimeout: timeoutMs,
      enforceRequestTimeout: true,
      metadataMaxAge: 300_000,
      allowAutoTopicCreation: false,
      maxInFlightRequests: 1,
      isolationLevel: 1,
      // As many as it takes to ask each of them once; the pump repeats.
      retry: { retries: brokers.length - 1, initialRetryTime: 20, maxRetryTime: 20 },
    });
    let about: string | undefined;
    try {
      await core.connect();
      await core.refreshMetadata();
      for (const topic of topics) {
        about = topic;
        await core.addMultipleTargetTopics([topic]);
      }
      return new KafkaConnection(options, core, release);
    } catch (error) {
      release();
      throw failureOf(error, asked, about);
    }
  }

  /** Looks for a topic; once it is found, its partitions are known. */
  async has(topic: string): Promise<boolean> {
    try {
      await this.asking(topic, () => this.core.addMultipleTargetTopics([topic]));
      return true;
    } catch (error) {
      if (error instanceof KafkaFailure && error.kind === 'no-topic') return false;
      throw error;
    }
  }

  /** Brokers of the cluster. */
  get brokers(): number {
    return this.core.brokerPool.metadata?.brokers.length ?? 0;
  }

  /** The believed time, ms since 1970. */
  now(): number {
    return this.options.now();
  }

  partitions(topic: string): number {
    return this.core.findTopicPartitionMetadata(topic).length;
  }

  /** Replicas of each partition; the least. */
  replicas(topic: string): number {
    return Math.min(...this.core.findTopicPartitionMetadata(topic).map(({ replicas }) => replicas.length));
  }

  identify(): Promise<ProducerIdentity> {
    return this.asking(undefined, async () => {
      const broker = await this.core.findControllerBroker();
      const end = performance.now() + this.options.timeoutMs;
      for (;;) {
        try {
          const { producerId, producerEpoch } = await broker.initProducerId({ transactionTimeout: 60_000 });
          return { id: String(producerId), epoch: producerEpoch };
        } catch (error) {
          // A broker that has just started is still looking up where it was.
          const { type } = error as { type?: string };
          if (
            !/^(GROUP_LOAD_IN_PROGRESS|GROUP_COORDINATOR_NOT_AVAILABLE|NOT_COORDINATOR_FOR_GROUP)$/.test(type ?? '') ||
            performance.now() > end
          )
            throw error;
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }
    });
  }

  async encode(
    { topic, partition, sequence, records }: PartitionBatch,
    identity: ProducerIdentity,
    compression: Compression,
  ): Promise<EncodedBatch> {
    const codec = await codecOf(compression);
    const body = codec === undefined ? records.bytes : await codec.compress(records.bytes);
    const frame = { identity, sequence, count: records.count, codec: CODEC_IDS[compression], timeMs: this.options.now() };
    return { topic, partition, bytes: encodeBatch(body, frame) };
  }

  send(batches: readonly EncodedBatch[]): Promise<readonly Placed[]> {
    const topic = batches[0]?.topic;
    return this.asking(topic, async () => {
      const byLeader = new Map<number, EncodedBatch[]>();
      for (const batch of batches) {
        const leader = this.leader(batch.topic, batch.partition);
        byLeader.set(leader, [...(byLeader.get(leader) ?? []), batch]);
      }
      const outcomes = await Promise.allSettled([...byLeader].map(([nodeId, own]) => this.produce(nodeId, own)));
      return outcomes.flatMap((outcome) => {
        if (outcome.status === 'rejected') throw outcome.reason;
        return outcome.value;
      });
    });
  }

  /** Where the messages of a partition begin and end. */
  async offsets(topic: string, partition: number): Promise<{ first: number; end: number }> {
    const [first, end] = [await this.offset(topic, partition, EARLIEST), await this.offset(topic, partition, LATEST)];
    return { first, end };
  }

  /** Where the messages of each partition end. */
  async ends(topic: string): Promise<Map<number, number>> {
    const byLeader = new Map<number, number[]>();
    for (let partition = 0; partition < this.partitions(topic); partition++) {
      const leader = await this.asking(topic, async () => this.leader(topic, partition));
      byLeader.set(leader, [...(byLeader.get(leader) ?? []), partition]);
    }
    const ends = new Map<number, number>();
    for (const [nodeId, own] of byLeader)
      await this.asking(topic, async () => {
        const broker = await this.core.findBroker({ nodeId });
        const partitions = own.map((partition) => ({ partition, timestamp: LATEST }));
        const { responses } = await broker.listOffsets({ replicaId: -1, isolationLevel: 1, topics: [{ topic, partitions }] });
        for (const { partition, offset } of responses.flatMap((one) => one.partitions)) ends.set(partition, Number(offset));
      });
    return ends;
  }

  /** The first message that is not older than this, ms since 1970; undefined when all are. */
  async offsetAt(topic: string, partition: number, timeMs: number): Promise<number | undefined> {
    const offset = await this.offset(topic, partition, Math.max(0, Math.floor(timeMs)));
    return offset < 0 ? undefined : offset;
  }

  /** The messages of a partition from one offset to before another. `each` may take its time. */
  async read(
    topic: string,
    partition: number,
    from: number,
    end: number,
    each: (message: FetchedMessage) => void | Promise<void>,
  ): Promise<void> {
    let next = from;
    let empty = 0;
    while (next < end) {
      const messages = await this.asking(topic, async () => {
        const broker = await this.core.findBroker({ nodeId: this.leader(topic, partition) });
        const answer = await broker.fetch({
          isolationLevel: 1,
          maxWaitTime: 500,
          maxBytes: FETCH_BYTES,
          topics: [{ topic, partitions: [{ partition, fetchOffset: String(next), maxBytes: FETCH_BYTES }] }],
        });
        return answer.responses.flatMap(({ partitions }) => partitions.flatMap((one) => one.messages));
      });
      // A broker may answer with nothing for a moment; who stops there takes the rest for absent.
      empty = messages.length === 0 ? empty + 1 : 0;
      if (empty > EMPTY_ANSWERS)
        throw new KafkaFailure(
          'later',
          `Kafka gives no message of ${topic}, partition ${partition}, from offset ${next} on, and it ends at ${end}.`,
        );
      for (const message of messages) {
        const offset = Number(message.offset);
        if (offset < next) continue;
        if (offset >= end) return;
        next = offset + 1;
        if (!message.isControlRecord) await each(message);
      }
    }
  }

  /** Settings of a topic. */
  config(topic: string, names: readonly string[]): Promise<Map<string, string>> {
    return this.asking(topic, async () => {
      const broker = await this.core.findControllerBroker();
      const { resources } = await broker.describeConfigs({ resources: [{ type: TOPIC_RESOURCE, name: topic, configNames: names }] });
      return new Map(
        resources.flatMap(({ configEntries }) => configEntries.map(({ configName, configValue }) => [configName, configValue ?? ''])),
      );
    });
  }

  create({ topic, partitions, replication, config }: NewTopic): Promise<void> {
    return this.asking(topic, async () => {
      const broker = await this.core.findControllerBroker();
      const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
      const topics = [{ topic, numPartitions: partitions, replicationFactor: replication, configEntries }];
      try {
        await broker.createTopics({ topics, timeout: this.options.timeoutMs });
      } catch (error) {
        // kafkajs keeps the broker's own words in a list.
        throw error instanceof AggregateError || !Array.isArray((error as { errors?: unknown }).errors)
          ? error
          : (error as { errors: unknown[] }).errors[0];
      }
    });
  }

  disconnect(): void {
    this.release();
  }

  private leader(topic: string, partition: number): number {
    const found = this.core.findTopicPartitionMetadata(topic).find(({ partitionId }) => partitionId === partition);
    if (found === undefined || found.leader < 0) throw errorOfCode(5);
    return found.leader;
  }

  private offset(topic: string, partition: number, timestamp: number): Promise<number> {
    return this.asking(topic, async () => {
      const broker = await this.core.findBroker({ nodeId: this.leader(topic, partition) });
      const { responses } = await broker.listOffsets({
        replicaId: -1,
        isolationLevel: 1,
        topics: [{ topic, partitions: [{ partition, timestamp }] }],
      });
      return Number(responses[0]?.partitions[0]?.offset ?? -1);
    });
  }

  private async produce(nodeId: number, batches: readonly EncodedBatch[]): Promise<readonly Placed[]> {
    const broker = await this.core.findBroker({ nodeId });
    if ((broker.versions[PRODUCE]?.maxVersion ?? 0) < PRODUCE_VERSION)
      throw new KafkaFailure('later', `Kafka at ${this.options.asked.brokers} is too old: it must be at least 2.1.`);
    const { clientId, timeoutMs, sasl } = this.options;
    const connection = await broker.connectionPool.getConnection();
    if (sasl !== undefined && !connection.isAuthenticated()) await connection.authenticate();
    const answers = await produce(connection, batches, { clientId, timeoutMs });
    for (const { code } of answers) if (code !== 0) throw errorOfCode(code);
    return answers;
  }

  private async asking<T>(topic: string | undefined, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw failureOf(error, this.options.asked, topic);
    }
  }
}

function openSocket({ host, port, onConnect }: SocketRequest, tls: SecureContextOptions | undefined, sockets: Set<Socket>): Socket {
  const socket =
    tls === undefined
      ? connectTcp({ host, port }, onConnect)
      : connectTls({ host, port, ...(isIP(host) === 0 && { servername: host }), ...tls }, onConnect);
  socket.setKeepAlive(true, 60_000);
  socket.setNoDelay(true);
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
  return socket;
}

/** Destroys a socket: kafkajs itself would wait for answers that may never come. */
function closed(): Error {
  return new Error('The connection was closed');
}
