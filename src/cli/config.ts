import { Command } from 'commander';
import { configDocs } from '../config/docs.js';
import { dumpJson, dumpToml } from '../config/dump.js';
import { ConfigError } from '../config/errors.js';
import { type Config, DEFAULT_FILE, loadConfig } from '../config/load.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';
import { examples } from './help.js';
import { type AnswerOptions, addAnswerOptions, writeObject } from './json-output.js';
import { checkCapture } from './native.js';
import { errorStyle, note, write } from './output.js';

const EXAMPLES = `
Examples:
  vslog config check /etc/vslog/vslog.toml
  vslog config dump --json
  vslog config docs > docs/config.md`;

export function configCommand(): Command {
  const command = new Command('config').description('Check, show and explain the configuration.').addHelpText('after', EXAMPLES);
  addAnswerOptions(command.command('check'), 'object')
    .argument('[file]', `the TOML file (default: $VSLOG_CONFIG, or ${DEFAULT_FILE})`)
    .description('Say what is wrong with a file and the environment; nothing is started.')
    .addHelpText('after', examples('config check', 'config check /etc/vslog/vslog.toml --json'))
    .action(async (file: string | undefined, { output }: AnswerOptions) => {
      const result = check(file);
      const { problems, notes } = result;
      if (output !== 'text') await writeObject(output, { ok: problems.length === 0, file: result.file ?? null, problems, notes });
      else if (result.problems.length === 0) await write(`${result.file ?? 'No file; the defaults and the environment'}: ok\n`);
      else process.stderr.write(`${result.problems.map(errorStyle).join('\n')}\n`);
      if (output === 'text') for (const line of result.notes) note(line);
      if (result.problems.length > 0) throw new Failure(Exit.usage, '');
    });
  addAnswerOptions(command.command('dump'), 'object')
    .description('The effective values, and where each comes from.')
    .addHelpText('after', examples('config dump', 'config dump --config vslog.toml --json'))
    .option('-c, --config <FILE>', 'the TOML file')
    .action(async (options: AnswerOptions & { config?: string }) => {
      const config = loadConfig({ file: options.config });
      await (options.output === 'text' ? write(dumpToml(config)) : writeObject(options.output, dumpJson(config)));
    });
  command
    .command('docs')
    .description('Every option, as markdown.')
    .addHelpText('after', examples('config docs', 'config docs > config.md'))
    .action(() => write(configDocs()));
  return command;
}

interface Verdict {
  readonly file: string | undefined;
  readonly problems: readonly string[];
  readonly notes: readonly string[];
}

function check(file: string | undefined): Verdict {
  let config: Config;
  try {
    config = loadConfig({ file });
  } catch (error) {
    if (error instanceof ConfigError) return { file, problems: error.problems, notes: [] };
    throw error;
  }
  return { file: config.file, problems: engineProblems(config), notes: config.notes };
}

/** What only the capture knows: which knobs there are, and whether the services go together. */
function engineProblems({ values, services, knobs }: Config): string[] {
  if (services.length === 0 && knobs.length === 0) return [];
  const { code, sentence } = checkCapture({ values, source: 'engine', services, knobs });
  return code === Exit.ok ? [] : sentence.split('\n');
}
