import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import type { SASLOptions } from 'kafkajs';

/*
 * The part of kafkajs 2.2.4 below its producer and consumer: connections, logins, versions of the protocol, metadata. Its producer is left out, since it begins with a new identity at each
 * start and has no way to go on with an old one. What is used of it is declared here; package.json names the exact version.
 */

export interface Logger {
  readonly namespace: () => Logger;
  readonly setLogLevel: () => void;
  readonly info: () => void;
  readonly error: () => void;
  readonly warn: () => void;
  readonly debug: () => void;
}

export interface SocketRequest {
  readonly host: string;
  readonly port: number;
  readonly onConnect: () => void;
}

export interface ClusterOptions {
  readonly logger: Logger;
  readonly socketFactory: (request: SocketRequest) => Socket;
  readonly brokers: readonly string[];
  readonly ssl: object | null;
  readonly sasl: SASLOptions | null;
  readonly clientId: string;
  readonly connectionTimeout: number;
  readonly authenticationTimeout: number;
  readonly reauthenticationThreshold: number;
  readonly requestTimeout: number;
  readonly enforceRequestTimeout: boolean;
  readonly metadataMaxAge: number;
  readonly allowAutoTopicCreation: boolean;
  readonly maxInFlightRequests: number;
  readonly isolationLevel: number;
  readonly retry: { readonly retries: number; readonly initialRetryTime: number; readonly maxRetryTime: number };
}

/** One of a broker's connections. */
export interface Connection {
  readonly socket: Socket;
  isAuthenticated(): boolean;
  authenticate(): Promise<void>;
  nextCorrelationId(): number;
  readonly requestQueue: {
    push(request: {
      readonly entry: {
        readonly apiKey: number;
        readonly apiName: string;
        readonly apiVersion: number;
        readonly correlationId: number;
        readonly resolve: (answer: { readonly payload: Buffer }) => void;
        readonly reject: (error: Error) => void;
      };
      readonly expectResponse: true;
      readonly requestTimeout: null;
      readonly sendRequest: () => void;
    }): void;
  };
}

export interface FetchedMessage {
  readonly offset: string;
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer | string | readonly (Buffer | string)[] | undefined>>;
  readonly isControlRecord: boolean;
  /** The batch that it came in; messages of before Kafka 0.11 have none. */
  readonly batchContext?: { readonly firstOffset: string; readonly producerId: string; readonly firstSequence: number } | undefined;
}

export interface Broker {
  readonly nodeId: number;
  readonly versions: Readonly<Record<number, { readonly minVersion: number; readonly maxVersion: number }>>;
  readonly connectionPool: { getConnection(): Promise<Connection> };
  initProducerId(options: { transactionTimeout: number }): Promise<{ producerId: string; producerEpoch: number }>;
  listOffsets(options: {
    replicaId: number;
    isolationLevel: number;
    topics: readonly { topic: string; partitions: readonly { partition: number; timestamp: number }[] }[];
  }): Promise<{ responses: readonly { topic: string; partitions: readonly { partition: number; offset: string }[] }[] }>;
  fetch(options: {
    isolationLevel: number;
    maxWaitTime: number;
    maxBytes: number;
    topics: readonly { topic: string; partitions: readonly { partition: number; fetchOffset: string; maxBytes: number }[] }[];
  }): Promise<{ responses: readonly { partitions: readonly { partition: number; messages: readonly FetchedMessage[] }[] }[] }>;
  describeConfigs(options: { resources: readonly { type: number; name: string; configNames: readonly string[] }[] }): Promise<{
    resources: readonly { resourceName: string; configEntries: readonly { configName: string; configValue: string | null }[] }[];
  }>;
  createTopics(options: {
    topics: readonly {
      topic: string;
      numPartitions: number;
      replicationFactor: number;
      configEntries: readonly { name: string; value: string }[];
    }[];
    timeout: number;
  }): Promise<unknown>;
}

export interface Cluster {
  readonly brokerPool: { readonly metadata: { readonly clusterId: string | null; readonly brokers: readonly unknown[] } | null };
  connect(): Promise<void>;
  refreshMetadata(): Promise<void>;
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>;
  findTopicPartitionMetadata(topic: string): readonly { partitionId: number; leader: number; replicas: readonly number[] }[];
  findBroker(options: { nodeId: number }): Promise<Broker>;
  findControllerBroker(): Promise<Broker>;
}

const require = createRequire(import.meta.url);

export const Cluster = require('kafkajs/src/cluster') as new (options: ClusterOptions) => Cluster;

/** The error of a code that a broker answered. */
export const errorOfCode = (require('kafkajs/src/protocol/error') as { createErrorFromCode: (code: number) => Error }).createErrorFromCode;

const nothing = (): void => undefined;

/** kafkajs says nothing: what went wrong is ours to say. */
export const SILENT: Logger = {
  namespace: () => SILENT,
  setLogLevel: nothing,
  info: nothing,
  error: nothing,
  warn: nothing,
  debug: nothing,
};
