import { Command } from 'commander';
import type { Values } from '../config/schema.js';
import { configuredSinks } from '../sink/registry.js';
import { spoolDirectory } from './open-store.js';
import { addConfigOptions, configOf } from './options.js';
import { table, write } from './output.js';
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

/** `vslog sink ls`: the sinks of the configuration, besides the embedded store. */
export function sinkLsCommand(version: string): Command {
  const command = new Command('ls')
    .description('The sinks that the configuration asks for. Asks none of them.')
    .option('--json', '[{"name": ..., "place": ...}, ...]')
    .addHelpText('after', EXAMPLES);
  addConfigOptions(command, 'sink');
  return command.action(async ({ json = false }: { json?: boolean }) => {
    const { values } = configOf(command, 'sink');
    admitConfigured(values);
    const found = await configuredSinks(values, { spoolDirectory: spoolDirectory(values), version });
    const store =
      values['store.kind'] === 'server' ? [{ name: 'clickhouse' }] : values['store.kind'] === 'embedded' ? [{ name: 'embedded' }] : [];
    const sinks = [...store, ...found].map(({ name }) => ({ name, place: PLACES[name]?.(values) ?? 'the embedded ClickHouse' }));
    for (const sink of found) await sink.close();
    if (json) await write(`${JSON.stringify(sinks)}\n`);
    else
      await write(
        sinks.length === 0
          ? 'There is none: events stay in the spool.\n'
          : table(
              ['sink', 'place'],
              sinks.map(({ name, place }) => [name, place]),
            ),
      );
  });
}
