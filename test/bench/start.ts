import { spawnSync } from 'node:child_process';
import { freePort } from '../support/ports.js';
import { MAIN, percentile, rounded, Setup } from './setup.js';

export interface StartOptions {
  /** How often each command is run, in turn with bare Node. */
  readonly times: number;
}

const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  version: ['--version'],
  help: ['--help'],
  knob_ls: ['knob', 'ls'],
  sql: ['sql', 'SELECT 1'],
  completion: ['completion', 'words', '--', 'knob', 'ls', '--'],
};

/** User time of a process, seconds: as bash has it of one that has ended. */
function userSeconds(args: readonly string[], env: NodeJS.ProcessEnv): number {
  const script = 'TIMEFORMAT=%U; time "$@" >/dev/null';
  const { status, stderr } = spawnSync('bash', ['-c', script, 'bash', process.execPath, ...args], { env, encoding: 'utf8' });
  const seconds = Number(stderr.trim().split('\n').at(-1));
  if (status !== 0 || !Number.isFinite(seconds)) throw new Error(`${args.join(' ')} ended with ${status}: ${stderr}`);
  return seconds;
}

/**
 * User time of short commands against `node -e 0`, each pair one after the other: the machine's speed changes from one second to the next. `*_ratio` is the median of the
 * pairs; `*_least_ratio` compares the shortest runs of both, which had least to wait for others.
 */
export async function start({ times }: StartOptions, say: (line: string) => void): Promise<Record<string, number>> {
  const setup = new Setup();
  try {
    say('starting a capture and a collector to be asked');
    await setup.startCollector();
    await setup.startCapture(['--source', 'engine', '--service', `tcp://127.0.0.1:${await freePort()}`, '--real', '127.0.0.1:9']);
    const figures: Record<string, number> = { times };
    for (const [name, args] of Object.entries(COMMANDS)) {
      say(`${times} times: vslog ${args.join(' ')}`);
      const pairs = Array.from({ length: times }, () => ({
        bare: userSeconds(['-e', '0'], setup.env),
        ours: userSeconds([MAIN, ...args], setup.env),
      }));
      const least = (which: 'bare' | 'ours'): number => Math.min(...pairs.map((pair) => pair[which]));
      figures[`${name}_s`] = rounded(
        percentile(
          pairs.map(({ ours }) => ours),
          0.5,
        ),
        3,
      );
      figures[`${name}_ratio`] = rounded(
        percentile(
          pairs.map(({ bare, ours }) => ours / bare),
          0.5,
        ),
      );
      figures[`${name}_least_ratio`] = rounded(least('ours') / least('bare'));
    }
    return figures;
  } finally {
    await setup.end();
  }
}
