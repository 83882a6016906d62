import { Command } from 'commander';
import { ApiClient } from '../../api/client.js';
import { Drain, DrainError } from '../../drain/drain.js';
import { DrainMemory, drainMemoryBeside } from '../../drain/memory.js';
import type { DrainTarget } from '../../drain/target.js';
import { CaptureClient } from '../../wire/client.js';
import { explained } from '../capture-answer.js';
import { Exit } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { addressesOf } from '../host-name.js';
import { type AnswerOptions, addAnswerOptions } from '../json-output.js';
import { addCapture, addCollector, apiSocket, captureSocket } from '../knob/ask.js';
import { parseServerKey, parseServiceKey, SERVICE_FORMS } from '../service-address.js';
import { parseDuration } from '../time.js';

import { type DrainedDirector, Draining } from './draining.js';

const EXAMPLES = `
Sets the weight to 0, remembers the old one, and watches what is left: new connections go elsewhere, established ones live on. When they will be gone is forecast
from how long connections of the same virtual service lived before. Ctrl-C ends the watching; nothing gets its weight back by that.
Entries of the balancer's table that are closing, over or half open hold nothing up.

A cable belongs to a host. ADDRESS alone, an IPv4 or IPv6 address or a name, means everything at it: all ports, in all virtual services. "Safe to unplug" is said of a
host only. With a port it is one real server, "safe to stop"; what else of the host goes on is said. Several addresses are one host: IPv4 and IPv6.
SERVICE is ${SERVICE_FORMS}.

Exit codes: 0 safe (or cancelled), 7 something was still established when the time was over.

Examples:
  vslog rs drain 10.0.0.7
  vslog rs drain 10.0.0.7 2001:db8::7 --within 1h --then remove --yes
  vslog rs drain 10.0.0.7:8080
  vslog rs drain 10.0.0.7 --no-watch             how does it stand?
  vslog rs drain 10.0.0.7 --director /run/lb2.sock   on two directors at once
  vslog rs drain 10.0.0.7 --cancel`;

interface Options extends AnswerOptions {
  readonly vs?: string;
  readonly director?: readonly string[];
  readonly within?: string;
  readonly watch?: boolean;
  readonly then?: string;
  readonly yes?: boolean;
  readonly cancel?: boolean;
}

export function drainCommand(): Command {
  const command = new Command('drain')
    .description('Take a host or a real server out of service without cutting anybody off, and say when its cable can be pulled.')
    .argument('<address...>')
    .option('--vs <SERVICE>', 'only in this virtual service (default: in all that have it)')
    .option('--director <SOCKET...>', "on these directors too: their captures' sockets, for instance forwarded by ssh -L")
    .option('--within <TIME>', 'wait so long at most: 90s, 15m, 1h (default: until it is empty)')
    .option('--no-watch', 'quiesce it, say how it stands, and end: as --within 0s')
    .option('--then <ACTION>', 'when it is empty: remove')
    .option('--yes', 'remove it without a terminal to look at')
    .option('--cancel', 'give it its old weight back')
    .addHelpText('after', EXAMPLES);
  addCapture(addCollector(addAnswerOptions(command, 'stream')));
  return command.action(async (addresses: readonly string[], options: Options) => {
    const target = await targetOf(addresses, options.vs);
    if (options.then !== undefined && options.then !== 'remove')
      throw new Failure(Exit.usage, `--then is ${JSON.stringify(options.then)}: it must be remove.`);
    if (options.then !== undefined && options.yes !== true && process.stdout.isTTY !== true)
      throw new Failure(Exit.usage, '--then remove needs --yes where there is no terminal.');
    if (options.cancel === true && (options.then ?? options.within) !== undefined)
      throw new Failure(Exit.usage, '--cancel gives the weight back: leave --within and --then out.');
    const withinMs =
      options.watch === false ? 0 : options.within === undefined ? Number.POSITIVE_INFINITY : parseDuration('within', options.within);
    const log = new ApiClient(apiSocket(command));
    const clients: CaptureClient[] = [];
    try {
      const directors: DrainedDirector[] = [];
      for (const socket of [captureSocket(command), ...(options.director ?? [])]) {
        const client = new CaptureClient({ path: socket, software: 'vslog rs drain' });
        clients.push(client);
        const { node } = await client.connect();
        directors.push({ name: node, drain: new Drain({ client, log, memory: new DrainMemory(drainMemoryBeside(socket)), target }) });
      }
      const draining = new Draining(target, directors);
      if (options.cancel === true) await draining.cancel();
      else await draining.run(withinMs, options.then === 'remove', options.output);
    } catch (error) {
      throw error instanceof DrainError ? new Failure(Exit.failure, error.message) : explained(error);
    } finally {
      for (const client of clients) client.close();
    }
  });
}

/** Rejects with Failure. */
async function targetOf(texts: readonly string[], vs: string | undefined): Promise<DrainTarget> {
  const only = vs === undefined ? {} : { only: parseServiceKey(vs) };
  const [first = ''] = texts;
  if (/^(\[.*\]|[^:]*):\d*$/.test(first)) {
    if (texts.length > 1) throw new Failure(Exit.usage, `${first} has a port: that is one real server, so leave the other addresses out.`);
    const { address, port } = parseServerKey(first);
    return { addresses: [address], port, ...only };
  }
  const addresses: Uint8Array[] = [];
  for (const text of texts)
    for (const one of await addressesOf(text)) if (!addresses.some((known) => Buffer.compare(known, one) === 0)) addresses.push(one);
  return { addresses, ...only };
}
