import { Socket } from 'node:net';
import { Command, Option } from 'commander';
import { CollectorRoom } from './collector-room.js';
import { chooseUser, goOnAs } from './collector-user.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';
import { addConfigOptions, configOf } from './options.js';
import { note } from './output.js';
import { admitConfigured } from './readers.js';
import { endAtOnceUntilStarted, StopSignal } from './stop-signal.js';

const EXAMPLES = `
Prints a line that begins with "ready" when it can be asked. The capture may come later, and go and come again. A stop waits for the sinks, for collector.drain at most;
when something is left, which the next start delivers, the exit code is 8.

Examples:
  vslog collect
  vslog collect --data-dir /srv/vslog --spool-fsync interval`;

export function collectCommand(version: string): Command {
  const command = new Command('collect')
    .description('Run the collector, store and API, the unprivileged half, in the foreground.')
    .addHelpText('after', EXAMPLES);
  // For whoever starts it: the collector ends with that one.
  command.addOption(new Option('--with-parent').hideHelp());
  addConfigOptions(command, 'collect');
  return command.action(async ({ withParent }: { withParent?: boolean }) => {
    const config = configOf(command, 'collect');
    const { values } = config;
    admitConfigured(values);
    const { user, notes } = chooseUser(config, false);
    for (const line of [...notes, ...(user === undefined ? [] : goOnAs(user, values))]) note(line);
    const started = endAtOnceUntilStarted();
    const gone = withParent === true ? inputEnds() : undefined;
    const room = await CollectorRoom.make(config, version);
    for (const line of await room.start()) note(line);
    started();
    const stop = new StopSignal(() => undefined);
    process.stdout.write(`ready: collector at ${values['collector.api_socket']}, capture at ${values['capture.socket']}\n`);
    note(`${await (gone === undefined ? stop.first : Promise.race([stop.first, gone]))}: stopping`);
    const delivered = await room.stop(note);
    stop.dispose();
    // What is left was said.
    if (!delivered) throw new Failure(Exit.behind, '');
  });
}

/** Standard input ends with whoever holds its other end. */
function inputEnds(): Promise<string> {
  return new Promise((resolve) => {
    const ended = (): void => resolve('whoever started it is gone');
    process.stdin.once('end', ended).once('error', ended).resume();
    // It must not keep us when all else is done.
    if (process.stdin instanceof Socket) process.stdin.unref();
  });
}
