import { Command } from 'commander';
import { commandName, type Knob } from '../../knob/catalogue.js';
import { allowed } from '../../knob/value.js';
import { Exit } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { type AnswerOptions, addAnswerOptions, writeArray } from '../json-output.js';
import { colour, write } from '../output.js';
import { addCapture, addNetns, captureSocket, isOfServices, parsedValue, withAdministration } from './ask.js';
import { serviceKnobCommand } from './each-service.js';
import { setAndTell } from './set.js';
import { descriptionOf, knobExamples, plainKnob, shown } from './text.js';

/** The command of one knob: its value, or another one for it. Its name is the knob's with dashes; the knob's own is taken, too. */
export function knobCommandOf(knob: Knob): Command {
  const command = isOfServices(knob) ? serviceKnobCommand(knob) : plainKnobCommand(knob);
  if (knob.name !== commandName(knob)) command.alias(knob.name);
  return command.summary(knob.doc).helpGroup(`Knobs of group ${knob.group}:`);
}

function plainKnobCommand(knob: Knob): Command {
  const command = new Command(commandName(knob))
    .description(descriptionOf(knob))
    .argument('[value]', `set it: ${allowed(knob)}`)
    .addHelpText('after', knobExamples(knob));
  addCapture(addNetns(addAnswerOptions(command, 'array')));
  return command.action(async (written: string | undefined, options: AnswerOptions & { netns?: string }) => {
    if (written !== undefined) {
      await setAndTell(captureSocket(command), [{ name: knob.name, value: parsedValue(knob, written) }], options);
      return;
    }
    const [reading] = await withAdministration(captureSocket(command), (capture) => capture.knobs([knob.name], options.netns));
    if (options.output !== 'text') return writeArray(options.output, [plainKnob(knob, reading)]);
    const problem = reading === undefined ? 'The capture does not tell it.' : reading.problem;
    if (problem !== '') throw new Failure(Exit.refused, `${knob.name} has no value here: ${problem}`);
    return write(`${shown(reading?.value ?? '')}  ${colour.dim(knob.doc)}\n`);
  });
}
