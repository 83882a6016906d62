import { Command } from 'commander';
import { ApiClient } from '../../api/client.js';
import { Drain, DrainError } from '../../drain/drain.js';
import { DrainMemory, drainMemoryBeside } from '../../drain/memory.js';
import { CaptureClient } from '../../wire/client.js';
import { explained } from '../capture-answer.js';
import { Exit } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { addCapture, addCollector, apiSocket, captureSocket } from '../knob/ask.js';
import { parseServerKey, parseServiceKey, SERVICE_FORMS } from '../service-address.js';
import { parseDuration } from '../time.js';

import { Draining } from './draining.js';

const EXAMPLES = `
Sets the weight to 0, remembers the old one, and watches what is left: new connections go elsewhere, those that are there live on. When they will be gone is predicted
from how long connections of the same virtual service lived before. Ctrl-C ends the watching; the real server stays quiesced.
ADDRESS is an address with port. SERVICE is ${SERVICE_FORMS}.

Exit codes: 0 safe to unplug (or cancelled), 7 something was still live when the time was over.

Examples:
  vslog rs drain 10.0.0.7:8080
  vslog rs drain 10.0.0.7:8080 --within 1h --then remove --yes
  vslog rs drain 10.0.0.7:8080 --no-watch        how does it stand?
  vslog rs drain 10.0.0.7:8080 --cancel`;

interface Options {
  readonly vs?: string;
  readonly within?: string;
  readonly watch?: boolean;
  readonly then?: string;
  readonly yes?: boolean;
  readonly cancel?: boolean;
  readonly json?: boolean;
}

export function drainCommand(): Command {
  const command = new Command('drain')
    .description('Take a real server out of service without cutting anybody off, and say when its cable can be pulled.')
    .argument('<address>')
    .option('--vs <SERVICE>', 'only in this virtual service (default: in all that have it)')
    .option('--within <TIME>', 'wait so long at most: 90s, 15m, 1h (default: until it is empty)')
    .option('--no-watch', 'quiesce it, say how it stands, and end: as --within 0s')
    .option('--then <ACTION>', 'when it is empty: remove')
    .option('--yes', 'remove it without a terminal to look at')
    .option('--cancel', 'give it its old weight back')
    .option('--json', 'a line of JSON a look')
    .addHelpText('after', EXAMPLES);
  addCapture(addCollector(command));
  return command.action(async (address: string, options: Options) => {
    const real = parseServerKey(address);
    const service = options.vs === undefined ? undefined : parseServiceKey(options.vs);
    if (options.then !== undefined && options.then !== 'remove')
      throw new Failure(Exit.usage, `--then is ${JSON.stringify(options.then)}: it must be remove.`);
    if (options.then !== undefined && options.yes !== true && process.stdout.isTTY !== true)
      throw new Failure(Exit.usage, '--then remove needs --yes where there is no terminal.');
    if (options.cancel === true && (options.then ?? options.within) !== undefined)
      throw new Failure(Exit.usage, '--cancel gives the weight back: leave --within and --then out.');
    const withinMs =
      options.watch === false ? 0 : options.within === undefined ? Number.POSITIVE_INFINITY : parseDuration('within', options.within);
    const socket = captureSocket(command);
    const client = new CaptureClient({ path: socket, software: 'vslog rs drain' });
    try {
      await client.connect();
      const drain = new Draining(
        new Drain({
          client,
          log: new ApiClient(apiSocket(command)),
          memory: new DrainMemory(drainMemoryBeside(socket)),
          real,
          only: service,
        }),
      );
      if (options.cancel === true) await drain.cancel();
      else await drain.run(withinMs, options.then === 'remove', options.json === true);
    } catch (error) {
      throw error instanceof DrainError ? new Failure(Exit.failure, error.message) : explained(error);
    } finally {
      client.close();
    }
  });
}
