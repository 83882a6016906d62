import { createInterface } from 'node:readline/promises';
import { Command } from 'commander';
import type { Knob } from '../../knob/catalogue.js';
import { plural } from '../../text/format.js';
import { plainOutput } from '../../text/plain.js';
import type { KnobAssignment, KnobReading } from '../../wire/administration.js';
import { Exit } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { writeArray } from '../json-output.js';
import { write } from '../output.js';
import { addCapture, captureSocket, isOfServices, knobNamed, wantOneValue, withAdministration } from './ask.js';
import { knobsOfGroup } from './ls.js';
import { addChange, type ChangeOptions, setAndTell } from './set.js';
import { changeText, isChanged } from './text.js';

const EXAMPLES = `
The defaults are the kernel's. --group and --all leave out what has no fixed default, and what cannot be set here.

Examples:
  vslog knob reset expire_nodest_conn conn_reuse_mode
  vslog knob reset --group timeouts --dry-run
  vslog knob reset --all --yes`;

interface ResetOptions extends ChangeOptions {
  readonly group?: string;
  readonly all?: boolean;
  readonly yes?: boolean;
}

export function resetCommand(): Command {
  const command = new Command('reset')
    .description('Set knobs back to their defaults, all or none.')
    .argument('[knobs...]', 'names')
    .option('--group <GROUP>', 'every knob of this group')
    .option('--all', 'every knob')
    .option('--yes', 'do not ask')
    .addHelpText('after', EXAMPLES);
  addCapture(addChange(command));
  return command.action(async (names: string[], options: ResetOptions) => {
    const ways = [names.length > 0, options.group !== undefined, options.all === true].filter(Boolean).length;
    if (ways !== 1) throw new Failure(Exit.usage, 'Say which knobs: by their names, by --group GROUP, or by --all.');
    const socket = captureSocket(command);
    if (names.length > 0) {
      await setAndTell(socket, [...new Set(names.map(knobNamed))].map(toDefault), options);
      return;
    }
    const wanted = knobsOfGroup(options.group);
    const read = await withAdministration(socket, (capture) => capture.knobs([], options.netns));
    const changes = changedOnes(wanted, read);
    if (changes.length === 0)
      return options.output === 'text' ? write('every knob has its default already\n') : writeArray(options.output, []);
    if (options.dryRun !== true && options.yes !== true) await confirm(changes);
    await setAndTell(
      socket,
      changes.map(({ name, newValue: value }) => ({ name, value })),
      options,
    );
  });
}

function toDefault(knob: Knob): KnobAssignment {
  wantOneValue(knob);
  if (knob.default === undefined) {
    throw new Failure(Exit.usage, `${knob.name} has no fixed default (${knob.defaultDoc ?? ''}): set it by \`vslog knob set\`.`);
  }
  return { name: knob.name, value: knob.default };
}

function changedOnes(wanted: readonly Knob[], read: readonly KnobReading[]) {
  const readings = new Map(read.map((one) => [one.name, one]));
  return wanted.flatMap((knob) => {
    const reading = readings.get(knob.name);
    if (isOfServices(knob) || reading?.settable !== true || !isChanged(knob, reading)) return [];
    return [{ name: knob.name, oldValue: reading.value, newValue: knob.default ?? '' }];
  });
}

/** Throws Failure when the answer is no, or nobody can answer. */
async function confirm(changes: readonly { name: string; oldValue: string; newValue: string }[]): Promise<void> {
  if (process.stdin.isTTY !== true) {
    throw new Failure(Exit.usage, `${plural(changes.length, 'knob')} would be set: say --yes, or --dry-run to see which.`);
  }
  process.stderr.write(plainOutput(changes.map((change) => `${changeText(change)}\n`).join('')));
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`Set ${plural(changes.length, 'knob')} to the default? [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) throw new Failure(Exit.failure, 'Nothing was changed.');
  } finally {
    terminal.close();
  }
}
