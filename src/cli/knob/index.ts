import { Command } from 'commander';
import { commandName, knobs } from '../../knob/catalogue.js';

/** The commands for all knobs, in the order of the help; each is loaded by itself. */
const COMMANDS = new Map<string, () => Promise<Command>>(
  Object.entries({
    ls: async () => (await import('./ls.js')).lsCommand(),
    get: async () => (await import('./get.js')).getCommand(),
    set: async () => (await import('./set.js')).setCommand(),
    reset: async () => (await import('./reset.js')).resetCommand(),
    watch: async () => (await import('./watch.js')).watchCommand(),
    diff: async () => (await import('./diff.js')).diffCommand(),
    apply: async () => (await import('./apply.js')).applyCommand(),
    explain: async () => (await import('./explain.js')).explainCommand(),
    log: async () => (await import('./log.js')).logCommand(),
    docs: async () => (await import('./docs.js')).docsCommand(),
  }),
);

/**
 * `vslog knob`: what of a balancer can be turned, one command a knob among them. Of its commands the one that the word after `knob` of the command line names; all where
 * that is none, as for the help.
 */
export async function knobCommand(words: readonly string[] = []): Promise<Command> {
  const command = new Command('knob').description('What of a balancer can be turned: show it, turn it, see who turned it.').configureHelp({
    // A knob's own name is an alias: twice in one line it would only make the list wide.
    subcommandTerm: (one) => [one.name(), ...one.registeredArguments.map((argument) => argumentText(argument.name(), argument))].join(' '),
  });
  const word = words[words.indexOf('knob') + 1];
  const named = [...COMMANDS].filter(([name]) => name === word);
  const namedKnobs = knobs.filter((knob) => knob.name === word || commandName(knob) === word);
  const all = named.length === 0 && namedKnobs.length === 0;
  for (const [, load] of all ? COMMANDS : named) command.addCommand(await load());
  const shown = all ? knobs : namedKnobs;
  if (shown.length > 0) {
    const { knobCommandOf } = await import('./each.js');
    for (const knob of shown) command.addCommand(knobCommandOf(knob));
  }
  return command;
}

function argumentText(name: string, { required, variadic }: { required: boolean; variadic: boolean }): string {
  const text = `${name}${variadic ? '...' : ''}`;
  return required ? `<${text}>` : `[${text}]`;
}
