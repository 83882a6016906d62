import type { Values } from '../config/schema.js';
import type { Sink } from './sink.js';

/** What a sink may need to know beside its options. */
export interface SinkContext {
  /** The spool that it is fed from. */
  readonly spoolDirectory: string;
  /** Version of vslog. */
  readonly version: string;
  /** The believed time, ms since 1970. Default: the wall clock. */
  readonly now?: (() => number) | undefined;
  /** Told what a person should know. */
  readonly note?: (line: string) => void;
}

/** A kind of sink. Its code is loaded only where it is configured. */
export interface SinkKind {
  readonly name: string;
  /** Whether the configuration asks for it. */
  configured(values: Values): boolean;
  /** Not started. Rejects with a sentence when its options contradict each other. */
  make(values: Values, context: SinkContext): Promise<Sink>;
}

/** A new kind of sink: one folder beside this file and one entry. */
const kinds: readonly SinkKind[] = [
  {
    name: 'clickhouse',
    // A server that is the store is a sink already.
    configured: (values) => values['clickhouse.url'] !== '' && values['store.kind'] !== 'server',
    async make(values, { now }) {
      const { openServer } = await import('../store/open-server.js');
      return openServer(values, now);
    },
  },
  {
    name: 'file',
    configured: (values) => values['file.dir'] !== '',
    async make(values, { note }) {
      const { FileSink } = await import('./file/sink.js');
      return new FileSink({
        dir: values['file.dir'],
        format: values['file.format'],
        compression: values['file.compression'],
        rotateBytes: values['file.rotate_bytes'],
        rotateAgeMs: values['file.rotate_age'],
        keepBytes: values['file.keep_bytes'],
        keepFiles: values['file.keep_files'],
        note,
      });
    },
  },
  {
    name: 'kafka',
    configured: (values) => values['kafka.brokers'] !== '',
    async make(values, { spoolDirectory, now }) {
      const [{ KafkaSink }, { kafkaOptions }] = await Promise.all([import('./kafka/sink.js'), import('./kafka/options.js')]);
      return new KafkaSink(kafkaOptions(values, now), spoolDirectory);
    },
  },
];

/** Names of the kinds there are, ascending. */
export function sinkKinds(): string[] {
  return kinds.map(({ name }) => name).sort();
}

/** The sinks that the configuration asks for, not started. */
export async function configuredSinks(values: Values, context: SinkContext): Promise<Sink[]> {
  return Promise.all(kinds.filter((kind) => kind.configured(values)).map((kind) => kind.make(values, context)));
}
