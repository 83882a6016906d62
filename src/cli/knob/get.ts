import { Command } from 'commander';
import { Exit } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { type AnswerOptions, addAnswerOptions, writeArray } from '../json-output.js';
import { write } from '../output.js';
import { addCapture, addNetns, captureSocket, knobNamed, wantOneValue, withAdministration } from './ask.js';
import { plainKnob } from './text.js';

const EXAMPLES = `
Examples:
  vslog knob get expire_nodest_conn
  vslog knob get timeout_tcp timeout_udp
  vslog knob get net.ipv4.vs.conntrack --json`;

export function getCommand(): Command {
  const command = new Command('get')
    .description('Values: of one knob the value alone, of several K=V a line.')
    .argument('<knobs...>', 'names, also as sysctls')
    .addHelpText('after', EXAMPLES);
  addCapture(addNetns(addAnswerOptions(command, 'array')));
  return command.action(async (names: string[], options: AnswerOptions & { netns?: string }) => {
    const wanted = names.map(knobNamed);
    for (const knob of wanted) wantOneValue(knob);
    const found = await withAdministration(captureSocket(command), (capture) =>
      capture.knobs(
        wanted.map(({ name }) => name),
        options.netns,
      ),
    );
    const readings = new Map(found.map((one) => [one.name, one]));
    if (options.output !== 'text')
      return writeArray(
        options.output,
        wanted.map((knob) => plainKnob(knob, readings.get(knob.name))),
      );
    const values = wanted.map(({ name }) => {
      const reading = readings.get(name);
      const problem = reading === undefined ? 'The capture does not tell it.' : reading.problem;
      if (problem !== '') throw new Failure(Exit.refused, `${name} has no value here: ${problem}`);
      return { name, value: reading?.value ?? '' };
    });
    return write(values.map(({ name, value }) => (values.length === 1 ? `${value}\n` : `${name}=${value}\n`)).join(''));
  });
}
