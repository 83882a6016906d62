import { Command } from 'commander';
import { userNames, userText } from '../report/users.js';
import type { CaptureClient } from '../wire/client.js';
import { toBigInt } from '../wire/proto.js';
import { withCapture } from './capture-answer.js';
import { elapsed, whole } from './numbers.js';
import { addConfigOptions, configOf } from './options.js';
import { table, write } from './output.js';

const EXAMPLES = `
A durable subscriber is whom the capture keeps events for until they are acknowledged:
a collector. One that is not run any more fills the journal; give it up by "forget".

Examples:
  vslog subscriber ls
  vslog subscriber ls --json
  vslog subscriber forget collector`;

/** A durable subscriber, as the capture tells. */
interface Subscriber {
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
    .option('--json', '[{"name": ..., "owner": ..., "connected": ..., "away_ns": ..., "acknowledged": ..., "owed": ...}, ...]');
  addConfigOptions(command, 'conn');
  return command.action(async ({ json = false }: { json?: boolean }) => {
    await withCapture(configOf(command, 'conn').values['capture.socket'], 'vslog subscriber', async (client) => {
      const all = await subscribers(client);
      if (json) return write(`${JSON.stringify(all)}\n`);
      if (all.length === 0) return write('There is none: the journal keeps what it has room for.\n');
      return write(
        table(
          ['name', 'user', 'connected', 'acknowledged', 'owed'],
          all.map(({ name, owner, connected, away_ns, acknowledged, owed }) => [
            name,
            owner === null ? 'nobody yet' : (userText(userNames(), owner) ?? String(owner)),
            connected ? 'yes' : `away for ${elapsed(away_ns)}`,
            whole(acknowledged),
            whole(owed),
          ]),
        ),
      );
    });
  });
}

function forgetCommand(): Command {
  const command = new Command('forget')
    .description('Keep nothing for this subscriber any more. Its own user and root may; end its collector first.')
    .argument('<NAME>', 'as `vslog subscriber ls` has it');
  addConfigOptions(command, 'conn');
  return command.action(async (name: string) => {
    await withCapture(configOf(command, 'conn').values['capture.socket'], 'vslog subscriber', async (client) => {
      const known = (await subscribers(client)).find((one) => one.name === name);
      await client.forget(name);
      await write(`Nothing is kept for ${name} any more; it had not got ${whole(known?.owed ?? 0)} events.\n`);
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
