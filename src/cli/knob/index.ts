import { Command } from 'commander';
import { knobs } from '../../knob/catalogue.js';
import { knobDocs } from '../../knob/docs.js';
import { examples } from '../help.js';
import { write } from '../output.js';
import { applyCommand } from './apply.js';
import { diffCommand } from './diff.js';
import { knobCommandOf } from './each.js';
import { explainCommand } from './explain.js';
import { getCommand } from './get.js';
import { logCommand } from './log.js';
import { lsCommand } from './ls.js';
import { resetCommand } from './reset.js';
import { setCommand } from './set.js';
import { watchCommand } from './watch.js';

/** `vslog knob`: what of a balancer can be turned, one command a knob among them. */
export function knobCommand(): Command {
  const command = new Command('knob').description('What of a balancer can be turned: show it, turn it, see who turned it.').configureHelp({
    // A knob's own name is an alias: twice in one line it would only make the list wide.
    subcommandTerm: (one) => [one.name(), ...one.registeredArguments.map((argument) => argumentText(argument.name(), argument))].join(' '),
  });
  for (const one of [
    lsCommand(),
    getCommand(),
    setCommand(),
    resetCommand(),
    watchCommand(),
    diffCommand(),
    applyCommand(),
    explainCommand(),
    logCommand(),
    docsCommand(),
    ...knobs.map(knobCommandOf),
  ]) {
    command.addCommand(one);
  }
  return command;
}

function docsCommand(): Command {
  return new Command('docs')
    .description('Every knob, as markdown: what it does, takes, costs, and which records it changes.')
    .addHelpText('after', examples('knob docs', 'knob docs > knobs.md'))
    .action(() => write(knobDocs()));
}

function argumentText(name: string, { required, variadic }: { required: boolean; variadic: boolean }): string {
  const text = `${name}${variadic ? '...' : ''}`;
  return required ? `<${text}>` : `[${text}]`;
}
