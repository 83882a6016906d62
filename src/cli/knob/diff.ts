import { Command } from 'commander';
import { findKnob, type Knob, knobs } from '../../knob/catalogue.js';
import type { KnobReading } from '../../wire/administration.js';
import { Exit } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { addListOptions, checkColumns, type Listing, type ListOptions, writeListing } from '../listing.js';
import { colour } from '../output.js';
import { addCapture, addNetns, captureSocket, isOfServices, withAdministration } from './ask.js';
import { type FileEntry, readKnobFile } from './file.js';
import { isChanged, isSame, plainValueOf, shown } from './text.js';

const EXAMPLES = `
Exit code 0: nothing differs; 1: something does. The file is as "vslog knob apply" takes it. What has no fixed default is not compared with the defaults.

Examples:
  vslog knob diff
  vslog knob diff /etc/vslog/knobs
  vslog knob diff --other-socket /run/vslog/blue.sock --json`;

interface DiffOptions extends ListOptions {
  readonly otherSocket?: string;
  readonly netns?: string;
}

/** A knob with two values. Undefined: there is none. */
export interface Difference {
  readonly name: string;
  readonly value: string | undefined;
  readonly other: string | undefined;
}

export function diffCommand(): Command {
  const command = new Command('diff')
    .description('What differs from the defaults, from a file, or from another capture. Exit code 1 when something does.')
    .argument('[file]', 'compare with this file; -: standard input')
    .option('--other-socket <PATH>', 'compare with the capture that listens here')
    .addHelpText('after', EXAMPLES);
  addCapture(addNetns(addListOptions(command)));
  return command.action(async (file: string | undefined, options: DiffOptions) => {
    if (file !== undefined && options.otherSocket !== undefined) {
      throw new Failure(Exit.usage, 'Compare with a file or with --other-socket, not with both.');
    }
    checkColumns(diffListing(''), options);
    const entries = file === undefined ? undefined : readKnobFile(file);
    const here = await readingsAt(captureSocket(command), options.netns);
    const against = file ?? options.otherSocket ?? 'default';
    const found =
      entries !== undefined
        ? fromFile(here, entries)
        : options.otherSocket !== undefined
          ? fromOther(here, await readingsAt(options.otherSocket, options.netns))
          : fromDefaults(here);
    await writeListing(diffListing(against), found, options);
    // The table has said it.
    if (found.length > 0) throw new Failure(Exit.failure, '');
  });
}

/** `against`: with what the values here are compared. */
/** Differences as a list; `against`: the title of the other side. */
export function diffListing(against: string): Listing<Difference> {
  return {
    one: 'knob differs',
    more: 'knobs differ',
    none: 'nothing differs',
    columns: [
      { title: 'name', name: 'name', cell: ({ name }) => name },
      { title: 'here', name: 'value', min: 8, cell: ({ value }) => cell(value) },
      { title: against, name: 'other', min: 8, cell: ({ other }) => cell(other) },
    ],
    plain: ({ name, value, other }) => {
      const plain = (text: string | undefined): unknown => (text === undefined ? null : plainValueOf(findKnob(name), text));
      return { name, value: plain(value), other: plain(other) };
    },
  };
}

type Readings = ReadonlyMap<string, KnobReading>;

async function readingsAt(socket: string, netns: string | undefined): Promise<Readings> {
  const read = await withAdministration(socket, (capture) => capture.knobs([], netns));
  return new Map(read.map((one) => [one.name, one]));
}

function fromDefaults(here: Readings): Difference[] {
  return knobs.flatMap((knob) =>
    isChanged(knob, here.get(knob.name)) ? [{ name: knob.name, value: known(here, knob), other: knob.default }] : [],
  );
}

function fromFile(here: Readings, entries: readonly FileEntry[]): Difference[] {
  return entries.flatMap(({ knob, value: other }) => different({ name: knob.name, value: known(here, knob), other }));
}

function fromOther(here: Readings, there: Readings): Difference[] {
  return knobs
    .filter((knob) => !isOfServices(knob))
    .flatMap((knob) => different({ name: knob.name, value: known(here, knob), other: known(there, knob) }));
}

function different(one: Difference): Difference[] {
  const { value, other } = one;
  if (value === undefined || other === undefined) return value === other ? [] : [one];
  return isSame(value, other) ? [] : [one];
}

function known(readings: Readings, { name }: Knob): string | undefined {
  const reading = readings.get(name);
  return reading === undefined || reading.problem !== '' ? undefined : reading.value;
}

function cell(value: string | undefined): string {
  return value === undefined ? colour.dim('not there') : shown(value);
}
