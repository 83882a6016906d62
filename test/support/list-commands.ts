import type { Command } from 'commander';
import { program } from '../../src/cli/program.js';

/** A command without commands of its own, as it is typed: `report who`. */
export interface Leaf {
  readonly path: string;
  readonly command: Command;
}

/** Every leaf of a program. */
export function leavesOf(command: Command, before = ''): Leaf[] {
  return command.commands.flatMap((one) => {
    const path = `${before}${one.name()}`;
    return one.commands.length === 0 ? [{ path, command: one }] : leavesOf(one, `${path} `);
  });
}

export const hasOption = (command: Command, flag: string): boolean => command.options.some(({ long }) => long === flag);

/** Every command that lists. */
export async function listCommands(): Promise<Leaf[]> {
  return leavesOf(await program()).filter(({ command }) => hasOption(command, '--columns'));
}
