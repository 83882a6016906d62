import { Command } from 'commander';
import { CollectorRoom } from './collector-room.js';
import { addConfigOptions, configOf } from './options.js';
import { note } from './output.js';
import { admitConfigured } from './readers.js';
import { StopSignal } from './stop-signal.js';

const EXAMPLES = `
Prints a line that begins with "ready" when it can be asked. The capture may come later, and go and come again.

Examples:
  vslog collect
  vslog collect --data-dir /srv/vslog --spool-fsync interval`;

export function collectCommand(version: string): Command {
  const command = new Command('collect')
    .description('Run the collector, store and API, the unprivileged half, in the foreground.')
    .addHelpText('after', EXAMPLES);
  addConfigOptions(command, 'collect');
  return command.action(async () => {
    const config = configOf(command, 'collect');
    const { values } = config;
    admitConfigured(values);
    const stop = new StopSignal(() => undefined);
    const room = await CollectorRoom.make(config, version);
    for (const line of await room.start()) note(line);
    process.stdout.write(`ready: collector at ${values['collector.api_socket']}, capture at ${values['capture.socket']}\n`);
    note(`${await stop.first}: stopping`);
    for (const line of await room.stop()) note(line);
    stop.dispose();
  });
}
