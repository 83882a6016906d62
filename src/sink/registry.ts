import type { Sink } from './sink.js';

/** Makes a sink from its own part of the configuration. */
export type SinkFactory = (options: Readonly<Record<string, unknown>>) => Sink;

const factories = new Map<string, SinkFactory>();

/** A new kind of sink: one folder beside this file and one call. */
export function registerSink(kind: string, factory: SinkFactory): void {
  factories.set(kind, factory);
}

/** Kinds that are known, ascending. */
export function sinkKinds(): string[] {
  return [...factories.keys()].sort();
}

/** Throws RangeError, a sentence, when the kind is not known. */
export function createSink(kind: string, options: Readonly<Record<string, unknown>>): Sink {
  const factory = factories.get(kind);
  if (factory === undefined)
    throw new RangeError(`There is no sink of kind ${JSON.stringify(kind)}: known are ${sinkKinds().join(', ') || 'none'}.`);
  return factory(options);
}
