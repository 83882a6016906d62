import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { COMMAND_MS } from '../support/patience.js';

/** Runs a program of the system to its end. Throws a sentence with what it said when it fails. */
export function runTool(command: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', timeout: COMMAND_MS });
  if (error !== undefined) throw new Error(`${command} cannot be run: ${error.message}.`);
  if (status !== 0) throw new Error(`${[command, ...args].join(' ')} failed: ${stderr.trim() || stdout.trim()}`);
  return stdout;
}

/** Compiles what stands in tools/ into a folder, and returns its path. `shared`: to be preloaded. */
export function compileTool(name: string, folder: string, shared = false): string {
  const made = join(folder, shared ? `${name}.so` : name);
  const source = join(import.meta.dirname, 'tools', `${name}.c`);
  runTool('cc', '-O1', '-Wall', '-Wextra', '-Werror', ...(shared ? ['-shared', '-fPIC'] : []), '-o', made, source);
  return made;
}
