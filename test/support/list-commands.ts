import type { Command } from 'commander';
import { program } from '../../src/cli/program.js';

/** Every command that lists, as it is typed: `report who`. */
export async function listCommands(): Promise<string[]> {
  const within = (command: Command, before: string): string[] =>
    command.commands.flatMap((one) => {
      const name = `${before}${one.name()}`;
      return [...(one.options.some(({ long }) => long === '--columns') ? [name] : []), ...within(one, `${name} `)];
    });
  return within(await program(), '');
}
