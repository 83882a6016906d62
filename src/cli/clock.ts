import { Command } from 'commander';
import { ApiClient } from '../api/client.js';
import { SocketError } from '../api/errors.js';
import { writeAccept } from '../clock/memory.js';
import { timeOf } from '../text/rfc3339.js';
import { goOnAsOwner } from './collector-user.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';
import { spoolDirectory } from './open-store.js';
import { addConfigOptions, configOf } from './options.js';
import { note, write } from './output.js';
import { admitConfigured } from './readers.js';

const EXAMPLES = `
A clock that steps by more than a day is not believed until it comes back, somebody accepts it, or it has run for as long as it went ahead, at most a week. Until then the
store removes nothing for its age.

Examples:
  vslog clock accept
  vslog doctor --json | jq '.[] | select(.name == "clock")'`;

const ACCEPT_EXAMPLES = `
Examples:
  vslog clock accept
  vslog clock accept --data-dir /srv/vslog`;

/** `vslog clock`: what is believed of the collector's clock. */
export function clockCommand(): Command {
  const command = new Command('clock')
    .description("The collector's clock, by which the store removes what is too old: show it, accept it.")
    .addHelpText('after', EXAMPLES);
  command.addCommand(acceptCommand());
  return command;
}

function acceptCommand(): Command {
  const command = new Command('accept').description(
    'Say that the clock of this machine is right now. For the user that the collector runs as, and root.',
  );
  command.addHelpText('after', ACCEPT_EXAMPLES);
  addConfigOptions(command, 'clock');
  return command.action(async () => {
    const { values } = configOf(command, 'clock');
    for (const line of goOnAsOwner(values)) note(line);
    admitConfigured(values);
    const wallMs = Date.now();
    try {
      await writeAccept(spoolDirectory(values), wallMs);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const data = values['collector.data_dir'];
      if (code === 'ENOENT') throw new Failure(Exit.unreachable, `There is no data in ${data}: name the directory by --data-dir.`);
      if (code === 'EACCES' || code === 'EPERM')
        throw new Failure(Exit.denied, `Only the user that the collector runs as, to whom ${data} belongs, and root may accept its clock.`);
      throw error;
    }
    const runs = await new ApiClient(values['collector.api_socket']).status().then(
      () => true,
      (error: unknown) => {
        if (error instanceof SocketError) return false;
        throw error;
      },
    );
    const when = runs ? 'The collector takes note of it within seconds' : 'No collector runs; the next one takes note of it';
    await write(`${timeOf(wallMs)} is right. ${when}, unless the clock is set again by more than a day.\n`);
  });
}
