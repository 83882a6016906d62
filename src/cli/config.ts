import { Command } from 'commander';
import { configDocs } from '../config/docs.js';
import { dumpJson, dumpToml } from '../config/dump.js';
import { ConfigError } from '../config/errors.js';
import { DEFAULT_FILE, loadConfig } from '../config/load.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';
import { errorStyle, write } from './output.js';

const EXAMPLES = `
Examples:
  vslog config check /etc/vslog/vslog.toml
  vslog config dump --json
  vslog config docs > docs/config.md`;

export function configCommand(): Command {
  const command = new Command('config').description('Check, show and explain the configuration.').addHelpText('after', EXAMPLES);
  command
    .command('check')
    .argument('[file]', `the TOML file (default: $VSLOG_CONFIG, or ${DEFAULT_FILE})`)
    .description('Say what is wrong with a file and the environment; nothing is started.')
    .option('--json', '{"ok": ..., "problems": [...]}')
    .action(async (file: string | undefined, options: { json?: boolean }) => {
      const result = check(file);
      if (options.json === true) await write(`${JSON.stringify({ ok: result.problems.length === 0, ...result })}\n`);
      else if (result.problems.length === 0) await write(`${result.file ?? 'No file; the defaults and the environment'}: ok\n`);
      else process.stderr.write(`${result.problems.map(errorStyle).join('\n')}\n`);
      if (result.problems.length > 0) throw new Failure(Exit.usage, '');
    });
  command
    .command('dump')
    .description('The effective values, and where each comes from.')
    .option('-c, --config <FILE>', 'the TOML file')
    .option('--json', 'for machines: sizes in bytes, times in ms')
    .action(async (options: { config?: string; json?: boolean }) => {
      const config = loadConfig({ file: options.config });
      await write(options.json === true ? `${JSON.stringify(dumpJson(config), undefined, 2)}\n` : dumpToml(config));
    });
  command
    .command('docs')
    .description('Every option, as markdown.')
    .action(() => write(configDocs()));
  return command;
}

function check(file: string | undefined): { file: string | undefined; problems: readonly string[] } {
  try {
    return { file: loadConfig({ file }).file, problems: [] };
  } catch (error) {
    if (error instanceof ConfigError) return { file, problems: error.problems };
    throw error;
  }
}
