import { Command } from 'commander';
import type { Values } from '../config/schema.js';
import { configuredSinks } from '../sink/registry.js';
import { plainText } from '../text/plain.js';
import { addListOptions, checkColumns, type Listing, type ListOptions, writeListing } from './listing.js';
import { spoolDirectory } from './open-store.js';
import { addConfigOptions, configOf } from './options.js';
import { admitConfigured } from './readers.js';

const EXAMPLES = `
How far each of them is: vslog status.

Examples:
  vslog sink ls
  vslog sink ls --json`;

/** Where each kind of sink delivers to. */
const PLACES: Readonly<Record<string, (values: Values) => string>> = {
  clickhouse: (values) => values['clickhouse.url'],
  file: (values) => values['file.dir'],
  kafka: (values) => values['kafka.brokers'],
};

/** A sink of the configuration, and where it delivers to. */
export interface Sink {
  readonly name: string;
  readonly place: string;
}

/** Sinks as a list. */
export const SINKS: Listing<Sink> = {
  one: 'sink',
  none: 'There is none: events stay in the spool.',
  columns: [
    { title: 'sink', name: 'name', cell: ({ name }) => name },
    { title: 'place', name: 'place', cell: ({ place }) => plainText(place) },
  ],
  plain: (sink) => ({ ...sink }),
};

/** `vslog sink ls`: the sinks of the configuration, besides the embedded store. */
export function sinkLsCommand(version: string): Command {
  const command = new Command('ls')
    .description('The sinks that the configuration asks for. Asks none of them.')
    .addHelpText('after', EXAMPLES);
  addConfigOptions(addListOptions(command), 'sink');
  return command.action(async (options: ListOptions) => {
    checkColumns(SINKS, options);
    const { values } = configOf(command, 'sink');
    admitConfigured(values);
    const found = await configuredSinks(values, { spoolDirectory: spoolDirectory(values), version });
    const store =
      values['store.kind'] === 'server' ? [{ name: 'clickhouse' }] : values['store.kind'] === 'embedded' ? [{ name: 'embedded' }] : [];
    const sinks = [...store, ...found].map(({ name }) => ({ name, place: PLACES[name]?.(values) ?? 'the embedded ClickHouse' }));
    for (const sink of found) await sink.close();
    await writeListing(SINKS, sinks, options);
  });
}
