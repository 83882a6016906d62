import { describe, expect, it } from 'vitest';
import { commands, needed } from '../../../src/cli/commands.js';
import { program } from '../../../src/cli/program.js';

const namesOf = (entries: readonly { readonly name: string }[]): string[] => entries.map(({ name }) => name);

describe('a command line loads', () => {
  it.each(commands)('$name under its name, with what the list of all says of it', async ({ name, description, load }) => {
    const command = await load('1', [name]);
    expect({ name: command.name(), aliases: command.aliases(), description: command.description() }).toEqual({
      name,
      aliases: [],
      description,
    });
  });

  it.each([
    [['status'], ['status']],
    [['--tz', 'UTC', 'status', '--json'], ['status']],
    [['help', 'sql'], ['sql']],
    [
      ['completion', 'words', '--', 'knob', 'ls', ''],
      ['knob', 'completion'],
    ],
    [[], []],
    [['--help'], []],
    [['stauts'], []],
  ])('for %j those that it names: %j', (words, names) => {
    expect(namesOf(needed(words))).toEqual(names);
  });

  it('of the others what the help says of them, and what a mistyped name may mean', async () => {
    const [few, all] = [await program([]), await program(commands)];
    expect(few.helpInformation()).toBe(all.helpInformation());
    let said = '';
    few.configureOutput({ writeErr: (text) => (said += text) });
    await expect(few.parseAsync(['node', 'vslog', 'stauts'])).rejects.toThrow(/unknown command/);
    expect(said).toContain('Did you mean status?');
  });
});

describe('a command line with knob', () => {
  const subcommands = async (...words: string[]): Promise<string[]> => {
    const knob = (await program(needed(words), false, words)).commands.find((one) => one.name() === 'knob');
    return knob?.commands.map((one) => one.name()) ?? [];
  };

  it('loads the command of knob that it names', async () => {
    expect(await subcommands('knob', 'ls', 'timeout')).toEqual(['ls']);
    expect(await subcommands('knob', 'expire_nodest_conn', '1')).toEqual(['expire-nodest-conn']);
    expect(await subcommands('knob', 'get', 'conn-reuse-mode')).toEqual(['get']);
    expect(await subcommands('--tz', 'UTC', 'knob', 'ls', 'get')).toEqual(['ls']);
  });

  it('loads all where it names none', async () => {
    const all = await subcommands('knob', '--help');
    expect(all).toEqual(expect.arrayContaining(['ls', 'docs', 'conn-reuse-mode']));
    expect(await subcommands('knob')).toEqual(all);
    expect(await subcommands('completion', 'words', '--', 'knob', 'l')).toEqual(all);
  });
});
