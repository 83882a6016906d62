import { Command } from 'commander';
import { userNames, userText } from '../report/users.js';
import { countText, elapsedText } from '../text/format.js';
import { plainText } from '../text/plain.js';
import type { CaptureClient } from '../wire/client.js';
import { toBigInt } from '../wire/proto.js';
import { withCapture } from './capture-answer.js';
import { examples } from './help.js';
import { addListOptions, checkColumns, type Listing, type ListOptions, writeListing } from './listing.js';
import { addConfigOptions, configOf } from './options.js';
import { write } from './output.js';

const EXAMPLES = `
A durable subscriber is whom the capture keeps events for until they are acknowledged:
a collector. One that is not run any more fills the journal; give it up by "forget".

Examples:
  vslog subscriber ls
  vslog subscriber ls --json
  vslog subscriber forget collector`;

/** A durable subscriber, as the capture tells. */
export interface Subscriber {
  readonly name: string;
  /** uid; null: the next to subscribe by that name. */
  readonly owner: number | null;
  readonly connected: boolean;
  /** Since it was last connected; 0: it is. */
  readonly away_ns: number;
  /** The last sequence that it has. */
  readonly acknowledged: number;
  /** Events that the capture has and it has not. */
  readonly owed: number;
}

/** Durable subscribers as a list. */
export const SUBSCRIBERS: Listing<Subscriber> = {
  one: 'subscriber',
  none: 'There is none: the journal keeps what it has room for.',
  columns: [
    { title: 'name', name: 'name', cell: ({ name }) => plainText(name) },
    {
      title: 'user',
      name: 'owner',
      cell: ({ owner }) => (owner === null ? 'nobody yet' : (userText(userNames(), owner) ?? String(owner))),
    },
    { title: 'connected', name: 'connected', cell: ({ connected, away_ns }) => (connected ? 'yes' : `away for ${elapsedText(away_ns)}`) },
    { title: 'acknowledged', name: 'acknowledged', right: true, priority: 3, cell: ({ acknowledged }) => countText(acknowledged) },
    { title: 'owed', name: 'owed', right: true, cell: ({ owed }) => countText(owed) },
  ],
  plain: (subscriber) => ({ ...subscriber }),
};

export function subscriberCommand(): Command {
  const command = new Command('subscriber')
    .description('For whom the capture keeps events: list them, give one up.')
    .addHelpText('after', EXAMPLES);
  command.addCommand(lsCommand());
  command.addCommand(forgetCommand());
  return command;
}

function lsCommand(): Command {
  const command = new Command('ls')
    .description('The durable subscribers, whose they are, and what each has not got yet.')
    .addHelpText('after', examples('subscriber ls', 'subscriber ls --json'));
  addConfigOptions(addListOptions(command), 'conn');
  return command.action(async (options: ListOptions) => {
    checkColumns(SUBSCRIBERS, options);
    await withCapture(configOf(command, 'conn').values['capture.socket'], 'vslog subscriber', async (client) => {
      await writeListing(SUBSCRIBERS, await subscribers(client), options);
    });
  });
}

function forgetCommand(): Command {
  const command = new Command('forget')
    .description('Keep nothing for this subscriber any more. Its own user and root may; end its collector first.')
    .argument('<NAME>', 'as `vslog subscriber ls` has it')
    .addHelpText('after', examples('subscriber forget collector'));
  addConfigOptions(command, 'conn');
  return command.action(async (name: string) => {
    await withCapture(configOf(command, 'conn').values['capture.socket'], 'vslog subscriber', async (client) => {
      const known = (await subscribers(client)).find((one) => one.name === name);
      await client.forget(name);
      await write(`Nothing is kept for ${name} any more; it had not got ${countText(known?.owed ?? 0)} events.\n`);
    });
  });
}

async function subscribers(client: CaptureClient): Promise<Subscriber[]> {
  const status = await client.sourceStatus();
  const last = toBigInt(status.next_sequence) - 1n;
  return status.durable.map(({ name, owner, connected, away_ns, acknowledged }) => ({
    name: name ?? '',
    owner: owner ?? null,
    connected: connected ?? false,
    away_ns: Number(toBigInt(away_ns ?? 0)),
    acknowledged: Number(toBigInt(acknowledged ?? 0)),
    owed: Number(last - toBigInt(acknowledged ?? 0)),
  }));
}
