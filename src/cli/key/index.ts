import { Command } from 'commander';
import { plainText } from '../../text/plain.js';
import { formatAddress, parseAddress } from '../address.js';
import { Exit } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { examples } from '../help.js';
import { type AnswerOptions, addAnswerOptions, writeArray } from '../json-output.js';
import { addListOptions, checkColumns, type Listing, type ListOptions, writeListing } from '../listing.js';
import { write } from '../output.js';
import { table } from '../small-table.js';
import { type ClientKey, hashOf, keptIds, keptPath, readKey } from './file.js';
import { addKeyOptions, keyPath } from './options.js';
import { rotateCommand } from './rotate.js';

const HASH_EXAMPLES = `
Who may run this can find out whom a hash means, by trying: so it wants the key file, which its owner alone may read.

Examples:
  vslog key hash 203.0.113.7
  vslog key hash 203.0.113.7 --all
  vslog key hash 203.0.113.7 --id 5f924cb3`;

export function keyCommand(): Command {
  const command = new Command('key').description(
    'The key of hashed addresses (capture.client_address = "hash"): change it, and hash an address.',
  );
  for (const one of [lsCommand(), hashCommand(), rotateCommand()]) command.addCommand(one);
  return command;
}

/** A key that is there. */
export interface KeyFile {
  readonly id: string;
  readonly file: string;
  readonly current: boolean;
}

/** Keys as a list. */
export const KEYS: Listing<KeyFile> = {
  one: 'key',
  none: 'no keys',
  columns: [
    { title: 'id', name: 'id', cell: ({ id }) => id },
    { title: 'file', name: 'file', cell: ({ file }) => plainText(file) },
    { title: 'notes', name: 'current', cell: ({ current }) => (current ? 'current' : '') },
  ],
  plain: (key) => ({ ...key }),
};

function lsCommand(): Command {
  const command = new Command('ls')
    .description('The ids of the key and of those that it replaced; the latest last.')
    .addHelpText('after', examples('key ls', 'key ls --client-key /etc/vslog/client.key --json'));
  addListOptions(addKeyOptions(command));
  return command.action(async (options: ListOptions) => {
    checkColumns(KEYS, options);
    const path = keyPath(command);
    const now = readKey(path);
    const rows = [
      ...keptIds(path).map((id) => ({ id, file: keptPath(path, id), current: false })),
      { id: now.id, file: path, current: true },
    ];
    return writeListing(KEYS, rows, options);
  });
}

interface HashOptions extends AnswerOptions {
  readonly id?: string;
  readonly all?: boolean;
}

function hashCommand(): Command {
  const command = new Command('hash')
    .description('The hash that stands in the log for an address.')
    .argument('<address>', 'IPv4 or IPv6')
    .option('--id <ID>', 'by this key, which may be one that was replaced (default: the current one)')
    .option('--all', 'by every key that is there')
    .addHelpText('after', HASH_EXAMPLES);
  addKeyOptions(addAnswerOptions(command, 'array'));
  return command.action(async (text: string, { id, all, output }: HashOptions) => {
    const address = parseAddress(text);
    if (address === undefined) throw new Failure(Exit.usage, `${JSON.stringify(text)} is no address: an IPv4 or IPv6 address is wanted.`);
    if (id !== undefined && all === true)
      throw new Failure(Exit.usage, '--id names one key and --all means every one: leave one of them out.');
    const found = keysFor(keyPath(command), id, all === true).map((key) => ({ id: key.id, hash: formatAddress(hashOf(key, address)) }));
    if (output !== 'text') return writeArray(output, found);
    if (all !== true) return write(`${found[0]?.hash ?? ''}\n`);
    return write(
      table(
        ['id', 'hash'],
        found.map((one) => [one.id, one.hash]),
      ),
    );
  });
}

function keysFor(path: string, id: string | undefined, all: boolean): ClientKey[] {
  const now = readKey(path);
  if (all) return [...keptIds(path).map((one) => readKey(keptPath(path, one))), now];
  if (id === undefined || id === now.id) return [now];
  const kept = keptIds(path);
  if (kept.includes(id)) return [readKey(keptPath(path, id))];
  throw new Failure(Exit.failure, `There is no key ${id} here: there are ${[...kept, now.id].join(', ')}.`);
}
