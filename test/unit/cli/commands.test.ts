import { describe, expect, it } from 'vitest';
import { commands, needed } from '../../../src/cli/commands.js';
import { program } from '../../../src/cli/program.js';

const namesOf = (entries: readonly { readonly name: string }[]): string[] => entries.map(({ name }) => name);

describe('a command line loads', () => {
  it.each(commands)('$name under its name', async ({ name, load }) => {
    expect((await load('1')).name()).toBe(name);
  });

  it('the command that it names, alone', async () => {
    expect(namesOf(needed('status'))).toEqual(['status']);
    const vslog = await program(needed('status'));
    await expect(vslog.parseAsync(['node', 'vslog', 'tail'])).rejects.toThrow(/unknown command/);
  });

  it('none for its version', () => {
    expect(needed('--version')).toEqual([]);
    expect(needed('-V')).toEqual([]);
  });

  it.each([undefined, '--help', 'help', 'stauts', 'completion'])('all for %s', (argument) => {
    expect(namesOf(needed(argument))).toEqual(namesOf(commands));
  });
});
