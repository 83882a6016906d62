import { Command } from 'commander';
import { Administration } from '../../wire/administration.js';
import { CaptureClient } from '../../wire/client.js';
import { ConnectionError, sentenceOf } from '../../wire/errors.js';
import { explained } from '../capture-answer.js';
import { Failure } from '../failure.js';
import { configOf } from '../options.js';
import { note, write } from '../output.js';
import { keptPath, replaceKey } from './file.js';
import { addKeyOptions, keyPath } from './options.js';

const KNOB = 'capture_client_key';

const HELP = `
The new key is made here, and the file is replaced as a whole. The old key stays beside it, as FILE.ID, so that "vslog key hash" still finds its hashes; remove that file
where nobody shall. A running capture takes the new key at once: connections that it logged or listed before keep their hash until they end. The log has who rotated it.
Where there is no file yet, it is made.

Examples:
  vslog key rotate
  vslog key rotate --client-key /etc/vslog/client.key`;

export function rotateCommand(): Command {
  const command = new Command('rotate')
    .description('Put another key into the key file, and have the running capture take it.')
    .addHelpText('after', HELP);
  addKeyOptions(command);
  return command.action(async () => {
    const path = keyPath(command);
    const { before, now } = replaceKey(path);
    await write(before === undefined ? `${now.id}\n` : `${before.id} → ${now.id}\n`);
    if (before !== undefined) note(`The old key is kept in ${keptPath(path, before.id)}.`);
    await tell(configOf(command, 'key').values['capture.socket'], now.id);
  });
}

/** Has the capture read its key file again. Throws Failure when it does not take the key. */
async function tell(socket: string, id: string): Promise<void> {
  const client = new CaptureClient({ path: socket, software: 'vslog key' });
  try {
    await client.connect();
    const capture = new Administration(client);
    const [running] = await capture.knobs([KNOB]);
    if (running === undefined || running.value === '') return note('The running capture hashes no addresses: the key holds once it does.');
    await capture.setKnobs([{ name: KNOB, value: id }]);
  } catch (error) {
    if (error instanceof ConnectionError && isAbsent(error))
      return note(`No capture listens at ${socket}: the key holds from its next start on.`);
    const { exit = 1 } = explained(error) as Partial<Failure>;
    throw new Failure(
      exit,
      `The file has the new key, but the running capture did not take it, and will at its next start: ${sentenceOf(error)}`,
    );
  } finally {
    client.close();
  }
}

function isAbsent({ cause }: ConnectionError): boolean {
  const { code } = (cause ?? {}) as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ECONNREFUSED';
}
