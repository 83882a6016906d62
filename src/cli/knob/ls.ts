import { Command } from 'commander';
import { groups, type Knob, knobs } from '../../knob/catalogue.js';
import { plainText } from '../../text/plain.js';
import type { KnobReading } from '../../wire/administration.js';
import { Exit } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { addListOptions, checkColumns, type Listing, type ListOptions, writeListing } from '../listing.js';
import { colour } from '../output.js';
import { addCapture, addNetns, captureSocket, isOfServices, withAdministration } from './ask.js';
import { defaultOf, isChanged, plainKnob, whereOf } from './text.js';

const EXAMPLES = `
PATTERN is a part of a name, or a name with * for any letters. A value with * is not the default.

Examples:
  vslog knob ls
  vslog knob ls timeout
  vslog knob ls "sync_*" --changed
  vslog knob ls --group expiry --netns blue
  vslog knob ls --json | jq length`;

interface LsOptions extends ListOptions {
  readonly group?: string;
  readonly changed?: boolean;
  readonly netns?: string;
}

export function lsCommand(): Command {
  const command = new Command('ls')
    .description('Knobs with their values, and what differs from the default.')
    .argument('[pattern]', 'only names like this')
    .option('--group <GROUP>', `only of this group: ${groups().join(', ')}`)
    .option('--changed', 'only those that have not their default')
    .addHelpText('after', EXAMPLES);
  addCapture(addNetns(addListOptions(command)));
  return command.action(async (pattern: string | undefined, options: LsOptions) => {
    checkColumns(knobListing(new Map()), options);
    const wanted = knobsOfGroup(options.group).filter(({ name }) => isLike(name, pattern));
    const read = await withAdministration(captureSocket(command), (capture) => capture.knobs([], options.netns));
    const readings = new Map(read.map((one) => [one.name, one]));
    const found = options.changed === true ? wanted.filter((knob) => isChanged(knob, readings.get(knob.name))) : wanted;
    return writeListing(knobListing(readings), found, options);
  });
}

/** The knobs of a group; all without one. Throws Failure when there is no such group. */
export function knobsOfGroup(group: string | undefined): readonly Knob[] {
  if (group === undefined) return knobs;
  const found = knobs.filter((knob) => knob.group === group);
  if (found.length === 0) throw new Failure(Exit.usage, `There is no group ${group}: it must be one of ${groups().join(', ')}.`);
  return found;
}

function isLike(name: string, pattern: string | undefined): boolean {
  if (pattern === undefined) return true;
  const plain = pattern.replaceAll('-', '_');
  if (!plain.includes('*')) return name.includes(plain);
  const escaped = plain.split('*').map((part) => part.replaceAll(/[^A-Za-z0-9_]/g, '\\$&'));
  return new RegExp(`^${escaped.join('.*')}$`).test(name);
}

/** Knobs as a list, with what the capture told of each by its name. `apply` and `diff` read its JSON, too. */
export function knobListing(readings: ReadonlyMap<string, KnobReading>): Listing<Knob> {
  return {
    one: 'knob',
    none: 'no knobs',
    columns: [
      { title: 'name', name: 'name', cell: ({ name }) => name },
      { title: 'value', name: 'value', min: 12, cell: (knob) => valueText(knob, readings.get(knob.name)) },
      { title: 'default', name: 'default', min: 8, cell: defaultOf },
      { title: 'unit', name: 'unit', cell: ({ unit }) => unit ?? '' },
      { title: 'where', name: 'where', priority: 3, min: 12, cell: whereOf },
      { title: 'group', name: 'group', wide: true, cell: ({ group }) => group },
      { title: 'what it does', name: 'doc', wide: true, cell: ({ doc }) => plainText(doc) },
    ],
    plain: (knob) => plainKnob(knob, readings.get(knob.name)),
  };
}

function valueText(knob: Knob, reading: KnobReading | undefined): string {
  if (isOfServices(knob)) return colour.dim(knob.backing === 'service' ? 'of each service' : 'of each real server');
  if (reading === undefined) return colour.dim('The capture does not tell it.');
  if (reading.problem !== '') return colour.dim(plainText(reading.problem));
  const value = plainText(reading.value);
  return isChanged(knob, reading) ? colour.bold(`${value} *`) : value;
}
