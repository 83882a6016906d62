import type { Command } from 'commander';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { sqlArguments, withoutHelpAll } from '../../../src/cli/help.js';
import { wrapped } from '../../../src/cli/help-wrap.js';
import { program } from '../../../src/cli/program.js';

const all = (command: Command): Command[] => [command, ...command.commands.flatMap(all)];

/** The help of every command, as it is written to a terminal of that width. */
async function helps(columns: number): Promise<{ readonly name: string; readonly help: string }[]> {
  const before = process.stdout.columns;
  process.stdout.columns = columns;
  let help = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    help += String(text);
    return true;
  });
  try {
    return all(await program()).map((command) => {
      help = '';
      command.outputHelp();
      return { name: command.name(), help };
    });
  } finally {
    write.mockRestore();
    process.stdout.columns = before;
  }
}

afterEach(() => vi.restoreAllMocks());

describe('the help of every command', () => {
  it.each([60, 80, 100])('fits a terminal of %i columns, but for single words', async (columns) => {
    for (const { name, help } of await helps(columns)) {
      const wide = help.split('\n').filter(
        (line) =>
          line.length > columns &&
          /\S \S/.test(
            line
              .slice(0, columns)
              .trimStart()
              .replace(/^.*? {2,}/, ''),
          ),
      );
      expect(wide, name).toEqual([]);
    }
  });

  it('says nothing of presets', async () => {
    for (const { name, help } of await helps(100)) expect(help, name).not.toMatch(/preset/);
  });
});

describe('wrapped()', () => {
  it('leaves what fits, and breaks the rest between words, two columns below the second', () => {
    expect(wrapped('short\n  name    what it is and does', 20)).toBe('short\n  name    what it is\n          and does');
    expect(wrapped('one two three four\nfive\n\nsix', 10)).toBe('one two\nthree four\nfive\n\nsix');
  });

  it('breaks a command as a shell takes it, and puts what it is for below', () => {
    expect(wrapped('  vslog tail --rs 10.0.0.7 --kind create     what comes', 24)).toBe(
      '  vslog tail --rs \\\n      10.0.0.7 --kind \\\n      create\n      what comes',
    );
  });
});

describe('a query that begins with a comment', () => {
  const argv = (...args: string[]): string[] => ['node', 'vslog', ...args];
  it('is no option, and options after -- are arguments', () => {
    expect(sqlArguments(argv('sql', '-- all\nSELECT 1'))).toEqual(argv('sql', '--', '-- all\nSELECT 1'));
    expect(sqlArguments(argv('sql', '--json', '-- all\nSELECT 1'))).toEqual(argv('sql', '--json', '--', '-- all\nSELECT 1'));
    expect(sqlArguments(argv('sql', '--', '--x'))).toEqual(argv('sql', '--', '--x'));
    expect(sqlArguments(argv('tail', '-- x y'))).toEqual(argv('tail', '-- x y'));
  });

  it.each([
    [['sql', '--json', '-- a comment\nSELECT 1'], '-- a comment\nSELECT 1', 'json'],
    [['sql', '-- a comment\nSELECT 1', '-f', 'csv'], '-- a comment\nSELECT 1', 'csv'],
    [['sql', '-f', 'csv', '--', '--x'], '--x', 'csv'],
  ])('%j is parsed so', async (args, query, format) => {
    const vslog = await program();
    let seen: unknown[] = [];
    vslog.commands
      .find((one) => one.name() === 'sql')
      ?.action((text: string, options: { format: string }) => {
        seen = [text, options.format];
      });
    await vslog.parseAsync(sqlArguments(argv(...args)));
    expect(seen).toEqual([query, format]);
  });

  it('--help-all after -- is an argument', () => {
    expect(withoutHelpAll(argv('sql', '--', '--help-all'))).toBeUndefined();
  });
});
