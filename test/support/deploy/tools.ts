import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DOWNLOADS } from '../downloads.js';
import { COMMAND_MS } from '../patience.js';

export const ROOT = join(import.meta.dirname, '../../..');
const TOOLS = join(DOWNLOADS, 'deploy-tools');

export interface Told {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs one of the programs of scripts/fetch-deploy-tools.sh. */
export function tool(name: 'kustomize' | 'deploy-check', ...args: readonly string[]): Told {
  return run(join(TOOLS, name), args, {});
}

/** Kubernetes objects against the schemas of a release such as 1.34. */
export function validateObjects(release: string, yaml: string): Told {
  const script = join(import.meta.dirname, 'validate.py');
  return run('python3', [script, release], { PYTHONPATH: join(TOOLS, 'python') }, yaml);
}

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv, input?: string): Told {
  if (!existsSync(TOOLS)) throw new Error(`${TOOLS} is missing: run "npm run setup -- --tests".`);
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    cwd: ROOT,
    env: { ...process.env, ...env },
    timeout: COMMAND_MS,
    ...(input === undefined ? {} : { input }),
  });
  if (error !== undefined) throw error;
  return { code: status, out: stdout, err: stderr };
}

/** JSON lines. */
export function lines<T>(told: Told): T[] {
  if (told.code !== 0) throw new Error(told.err);
  return told.out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}
