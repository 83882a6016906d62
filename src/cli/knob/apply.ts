import { Command } from 'commander';
import type { KnobReading } from '../../wire/administration.js';
import { Exit } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { writeArray } from '../json-output.js';
import { note, write } from '../output.js';
import { addCapture, captureSocket, withAdministration } from './ask.js';
import { type FileEntry, readKnobFile } from './file.js';
import { addChange, type ChangeOptions, setAndTell } from './set.js';
import { isSame } from './text.js';

const EXAMPLES = `
The file has lines NAME = VALUE, and comments after #; or it is what "vslog knob ls --json" printed. All are set, or none; what has its value already is left alone.

Examples:
  vslog knob apply /etc/vslog/knobs --dry-run
  vslog knob apply knobs.json
  vslog knob apply - < knobs.json`;

export function applyCommand(): Command {
  const command = new Command('apply')
    .description('Set what a file says, all or none.')
    .argument('<file>', 'its path; -: standard input')
    .addHelpText('after', EXAMPLES);
  addCapture(addChange(command));
  return command.action(async (path: string, options: ChangeOptions) => {
    const entries = readKnobFile(path);
    if (entries.length === 0) throw new Failure(Exit.usage, `${path} sets no knob.`);
    const socket = captureSocket(command);
    const names = entries.map(({ knob }) => knob.name);
    const readings = await withAdministration(socket, (capture) => capture.knobs(names, options.netns));
    const changes = different(entries, readings);
    if (changes.length === 0)
      return options.output === 'text' ? write('every knob has its value already\n') : writeArray(options.output, []);
    if (changes.length < entries.length && options.output === 'text') note(`${entries.length - changes.length} have their value already`);
    await setAndTell(
      socket,
      changes.map(({ knob, value }) => ({ name: knob.name, value })),
      options,
    );
  });
}

/** The entries that change something. Throws Failure with a sentence for each that cannot be set here. */
function different(entries: readonly FileEntry[], read: readonly KnobReading[]): FileEntry[] {
  const readings = new Map(read.map((one) => [one.name, one]));
  const problems: string[] = [];
  const found = entries.filter(({ knob, value, origin, problem }) => {
    const reading = readings.get(knob.name);
    if (reading !== undefined && reading.problem === '' && isSame(reading.value, value)) return false;
    if (reading === undefined) problems.push(`${origin}: the capture does not tell of ${knob.name}.`);
    else if (reading.problem !== '') problems.push(`${origin}: ${knob.name} cannot be set here: ${reading.problem}`);
    else if (problem !== undefined) problems.push(`${origin}: ${problem}`);
    else if (!reading.settable) problems.push(`${origin}: ${knob.name} is ${reading.value}, and ${whyNot(knob)}`);
    return true;
  });
  if (problems.length > 0) throw new Failure(Exit.refused, problems.join('\n'));
  return found;
}

function whyNot({ writable, option }: FileEntry['knob']): string {
  if (!writable) return 'can be read only.';
  return option === undefined
    ? 'cannot be set while the capture runs.'
    : `works from the next start on: set ${option} in the configuration.`;
}
