import type { Command } from 'commander';
import { Exit } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { addConfigOptions, configOf } from '../options.js';

export function addKeyOptions(command: Command): Command {
  return addConfigOptions(command, 'key');
}

/** The key file. Throws Failure when none is configured. */
export function keyPath(command: Command): string {
  const path = configOf(command, 'key').values['capture.client_key'];
  if (path === '') throw new Failure(Exit.usage, 'No key file is configured: set capture.client_key, or give --client-key FILE.');
  return path;
}
