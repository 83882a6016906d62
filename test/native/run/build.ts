import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { JOBS, run } from './command.js';
import { LOGS, ROOT, say } from './place.js';
import { type Case, lastLines } from './results.js';

/** Names a build preset of native/CMakePresets.json, and the folder of its configuration. */
export interface Build {
  readonly preset: string;
  readonly folder: string;
}

/** Builds a preset. Returns undefined when that went well, else the case that says why not. */
export async function build({ preset, folder }: Build): Promise<Case | undefined> {
  say(`building ${preset}`);
  const log = join(LOGS, `native-build-${preset}.log`);
  const configured = await configure(folder, log);
  const trouble =
    configured ?? (await run(['cmake', '--build', '--preset', preset, '-j', String(JOBS)], { cwd: join(ROOT, 'native'), log })).trouble;
  if (trouble === undefined) return undefined;
  const said = readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => !/^\[\d+\/\d+\]/.test(line))
    .join('\n');
  return {
    group: 'build',
    name: preset,
    seconds: 0,
    failure: `The build ended with ${trouble}.\n${lastLines(said, 60)}`,
    output: `All of its output is in ${log}.`,
  };
}

/** Configures a folder anew when the presets have changed; everything else that changes, ninja sees. Returns what went wrong. */
async function configure(folder: string, log: string): Promise<string | undefined> {
  const presets = readFileSync(join(ROOT, 'native/CMakePresets.json'));
  const hash = createHash('sha256').update(presets).digest('hex');
  const stamp = join(folder, 'presets.sha256');
  if (existsSync(stamp) && existsSync(join(folder, 'build.ninja')) && readFileSync(stamp, 'utf8') === hash) return undefined;
  const preset = folder.slice(folder.lastIndexOf('native-') + 'native-'.length);
  const { trouble } = await run(['cmake', '--fresh', '--preset', preset], { cwd: join(ROOT, 'native'), log });
  if (trouble !== undefined) return trouble;
  mkdirSync(folder, { recursive: true });
  writeFileSync(stamp, hash);
  return undefined;
}

/** The programs that a build lists in one of its files, one a line. */
export function programsOf(folder: string, list: string): string[] {
  return readFileSync(join(folder, 'test', list), 'utf8')
    .split('\n')
    .filter((line) => line !== '');
}
