import { type Command, Option } from 'commander';
import { type Config, loadConfig } from '../config/load.js';
import type { CommandName } from '../config/option.js';
import { type Key, keys, optionOf } from '../config/schema.js';

const ARGUMENT = { string: 'TEXT', path: 'PATH', int: 'N', bytes: 'SIZE', duration: 'TIME', bool: 'BOOL', enum: 'WORD' } as const;

/** Keys of the configuration that a command takes as flags. */
export function keysOf(name: CommandName): Key[] {
  return keys.filter((key) => optionOf(key).commands.includes(name));
}

/** Adds --config and the command's flags of the configuration. They are read by configOf(). */
export function addConfigOptions(command: Command, name: CommandName): Command {
  command.option('-c, --config <FILE>', 'the TOML file (default: $VSLOG_CONFIG, or /etc/vslog/vslog.toml when it is there)');
  for (const key of keysOf(name)) {
    const { type, flag, doc, values } = optionOf(key);
    const argument = values === undefined ? ARGUMENT[type] : values.join('|');
    command.addOption(type === 'bool' ? new Option(`--${flag} [BOOL]`, doc).preset('true') : new Option(`--${flag} <${argument}>`, doc));
  }
  return command;
}

/** The effective configuration of a command that was parsed. Throws ConfigError. */
export function configOf(command: Command, name: CommandName): Config {
  const given = command.opts<Record<string, unknown>>();
  const flags: Partial<Record<Key, unknown>> = {};
  for (const key of keysOf(name)) {
    const value = given[new Option(`--${optionOf(key).flag} <X>`).attributeName()];
    if (value !== undefined) flags[key] = value;
  }
  return loadConfig({ file: given.config as string | undefined, flags });
}
