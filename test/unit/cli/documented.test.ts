import { readdirSync, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { program } from '../../../src/cli/program.js';
import { leavesOf } from '../../support/list-commands.js';

/** Arguments of every `vslog ...` in the code blocks of a text; lines that end in a backslash go on. */
function commandsIn(markdown: string): string[] {
  const blocks = [...markdown.matchAll(/```sh\n(.*?)```/gs)].map(([, block = '']) => block.replace(/\\\n\s*/g, ''));
  return blocks.flatMap((block) =>
    block.split('\n').flatMap((line) => /^(?:sudo )?(?:vslog|node dist\/main\.js) (.*?)(?:\s+#.*)?$/.exec(line)?.[1] ?? []),
  );
}

/** Arguments of every example in the help of a command. */
function examplesOf(command: Command): string[] {
  let help = '';
  command.configureOutput({
    writeOut: (text) => {
      help += text;
    },
  });
  command.outputHelp();
  const examples = help.slice(help.indexOf('\nExamples:\n'));
  return examples.split('\n').flatMap((line) => /^ {2}vslog (.*?)(?:\s{4,}.*)?$/.exec(line)?.[1] ?? []);
}

/** `knob get`. */
/** As a shell would part them, up to a pipe or a file. */
function words(text: string): string[] {
  const found: string[] = [];
  for (const word of text.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? []) {
    if (/^[<>|]$/.test(word)) break;
    found.push(word.replaceAll(/["']/g, ''));
  }
  return found;
}

const whole = await program();

/** Parses and runs nothing. */
async function parses(text: string): Promise<void> {
  const vslog = await program();
  let taken = 0;
  for (const { command: leaf } of leavesOf(vslog)) {
    leaf.configureOutput({ writeErr: () => undefined });
    leaf.action(() => {
      taken++;
    });
  }
  vslog.configureOutput({ writeErr: () => undefined });
  await vslog.parseAsync(['node', 'vslog', ...words(text)]);
  expect(taken).toBe(1);
}

describe('every command in the documentation is one that there is', () => {
  const files = ['README.md', ...readdirSync('docs').flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : []))];
  const found = files.flatMap((file) => commandsIn(readFileSync(file, 'utf8')).map((command) => ({ file, command })));
  it.each(['README.md', 'docs/cli.md', 'docs/clickhouse.md', 'docs/config.md', 'docs/console.md', 'docs/drain.md'])(
    '%s has some',
    (file) => {
      expect(found.map((one) => one.file)).toContain(file);
    },
  );
  it.each(found)('$file: $command', ({ command }) => parses(command));
});

describe('every example of a help text is a command that there is', () => {
  const commands = leavesOf(whole);
  const found = commands.flatMap(({ command }) => examplesOf(command));
  it('every command has some', () => {
    expect(commands.filter(({ command }) => examplesOf(command).length === 0).map(({ path }) => path)).toEqual([]);
    expect(commands.length).toBeGreaterThan(100);
  });
  it('they are of the command itself', () => {
    for (const { path, command } of commands)
      expect(
        examplesOf(command).filter((example) => example.startsWith(path)),
        path,
      ).not.toEqual([]);
  });
  it('no option takes times of UTC where all others take those of the reader', () => {
    for (const { path, command } of commands)
      for (const { flags, description } of command.options) expect(description, `${path} ${flags}`).not.toMatch(/\(UTC\)/);
  });
  it.each(found)('%s', (example) => parses(example));
});
