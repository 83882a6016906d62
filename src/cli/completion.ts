import { Argument, Command } from 'commander';
import { completionScripts, type Shell } from './completion-scripts.js';
import { candidates } from './completion-words.js';
import { examples } from './help.js';
import { write } from './output.js';

const EXAMPLES = `
In bash: source <(vslog completion bash), in ~/.bashrc; or the script as /etc/bash_completion.d/vslog.
In zsh: the script as a file _vslog in a folder of $fpath. In fish: as ~/.config/fish/completions/vslog.fish.

Examples:
  vslog completion bash
  vslog completion zsh
  vslog completion fish`;

/** How the script of each shell is put where that finds it. */
const FILES: Readonly<Record<Shell, string>> = {
  bash: 'completion bash > /etc/bash_completion.d/vslog',
  zsh: 'completion zsh > /usr/local/share/zsh/site-functions/_vslog',
  fish: 'completion fish > ~/.config/fish/completions/vslog.fish',
};

/** `vslog completion SHELL`, and `vslog completion words`, which the scripts ask at every TAB. */
export function completionCommand(): Command {
  const command = new Command('completion')
    .description('A script that completes commands, options, knobs and their values in a shell.')
    .addHelpText('after', EXAMPLES);
  for (const shell of Object.keys(completionScripts) as Shell[]) {
    command.addCommand(
      new Command(shell)
        .description(`For ${shell}.`)
        .addHelpText('after', examples(FILES[shell]))
        .action(() => write(completionScripts[shell])),
    );
  }
  command.addCommand(wordsCommand(), { hidden: true });
  return command;
}

function wordsCommand(): Command {
  const command = new Command('words')
    .description('What the last word may become: the words after "vslog" come after --.')
    .addArgument(new Argument('[words...]'))
    .addHelpText('after', examples('completion words -- knob set'));
  return command.action(async (words: string[]) => {
    const found = candidates(rootOf(command), words.length === 0 ? [''] : words);
    // Only one line of what a word is: descriptions may go on.
    await write(found.map(({ word, doc }) => `${word}\t${doc.split('\n', 1)[0] ?? ''}\n`).join(''));
  });
}

function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent);
}
