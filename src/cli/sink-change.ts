import { Command } from 'commander';
import { ApiClient } from '../api/client.js';
import { SocketError } from '../api/errors.js';
import type { Config } from '../config/load.js';
import type { Values } from '../config/schema.js';
import { configuredSinks } from '../sink/registry.js';
import { makeRequest, removeRequest, SINK_NAME, type SinkRequest } from '../spool/requests.js';
import { SinkChanges } from '../spool/sink-changes.js';
import { plural } from '../text/format.js';
import { goOnAsOwner } from './collector-user.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';
import { examples } from './help.js';
import { spoolDirectory } from './open-store.js';
import { addConfigOptions, configOf } from './options.js';
import { note, write } from './output.js';
import { admitConfigured } from './readers.js';

const FORGET = `
The spool keeps what a sink has not got, also while that sink is switched off: "vslog status" names such a sink, and how much is kept for it. When it is switched on again
later it is a new sink, and does not get what was removed meanwhile. Take it out of the configuration first. The collector's own user and root may do this.
`;

const ACCEPT = `
A sink that came when the oldest segments had been removed, or that lost some, does not have the whole log. "vslog verify" fails because of it until somebody accepts that: from
here on. The collector's own user and root may do this.
`;

/** `vslog sink forget NAME`. */
export function sinkForgetCommand(version: string): Command {
  const command = new Command('forget')
    .description('Hold nothing back any more for a sink that is not configured.')
    .argument('<NAME>', 'as `vslog status` has it')
    .addHelpText('after', FORGET + examples('sink forget kafka'));
  addConfigOptions(command, 'sink');
  return command.action(async (name: string) => {
    const { segments, events } = await change(configOf(command, 'sink'), version, name, 'forget');
    await write(
      `Nothing is held back for sink ${name} any more; it had not got ${plural(events, 'event')} in ${plural(segments, 'segment')}.\n`,
    );
  });
}

/** `vslog sink accept NAME`. */
export function sinkAcceptCommand(version: string): Command {
  const command = new Command('accept')
    .description('Say that what a sink lacks is all right: verify judges it from here on.')
    .argument('<NAME>', 'as `vslog status` has it')
    .addHelpText('after', ACCEPT + examples('sink accept kafka'));
  addConfigOptions(command, 'sink');
  return command.action(async (name: string) => {
    await change(configOf(command, 'sink'), version, name, 'accept');
    await write(`What sink ${name} lacks is accepted: "vslog verify" tells it, and does not fail because of it.\n`);
  });
}

/** Asks the running collector, or does it where none runs. */
async function change(
  { values, origins }: Config,
  version: string,
  name: string,
  request: SinkRequest,
): Promise<{ segments: number; events: number }> {
  if (!SINK_NAME.test(name)) throw new Failure(Exit.usage, `${JSON.stringify(name)} is no name of a sink: "vslog status" has them.`);
  for (const line of goOnAsOwner(values)) note(line);
  admitConfigured(values);
  const directory = spoolDirectory(values);
  await makeRequest(directory, name, request).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT')
      throw new Failure(Exit.unreachable, `There is no spool in ${values['collector.data_dir']}: name the directory by --data-dir.`);
    if (error.code === 'EACCES' || error.code === 'EPERM')
      throw new Failure(Exit.failure, `${directory} may not be written: run this as the collector's user or as root.`);
    throw error;
  });
  try {
    return await new ApiClient(values['collector.api_socket']).changeSink(name, request);
  } catch (error) {
    // A collector that was named must be the one that answers.
    if (!(error instanceof SocketError) || origins['collector.api_socket'] === '--api-socket') throw error;
    return await alone(values, version, directory, name, request);
  } finally {
    await removeRequest(directory, name, request);
  }
}

async function alone(
  values: Values,
  version: string,
  directory: string,
  name: string,
  request: SinkRequest,
): Promise<{ segments: number; events: number }> {
  const others = await configuredSinks(values, { spoolDirectory: directory, version });
  for (const sink of others) await sink.close();
  const store = values['store.kind'] === 'server' ? ['clickhouse'] : values['store.kind'] === 'embedded' ? ['embedded'] : [];
  const changes = await SinkChanges.open(directory, [...store, ...others.map((sink) => sink.name)]);
  try {
    return await (request === 'forget' ? changes.forget(name) : changes.accept(name));
  } finally {
    await changes.close();
  }
}
