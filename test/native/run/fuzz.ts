import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { WAIT_MS } from '../../support/patience.js';
import { programsOf } from './build.js';
import { each, JOBS, run } from './command.js';
import { ASAN, CORPUS, LOGS, ROOT, say } from './place.js';
import { type Case, lastLines } from './results.js';

/** Memory that one input may take, MiB. */
const MEMORY_MIB = 1024;

/** Feeds each libFuzzer target for `seconds`. It goes on with the inputs that earlier runs found; golden bytes and committed seeds are where the first one starts. */
export async function fuzz(seconds: number): Promise<Case[]> {
  const programs = programsOf(ASAN, 'fuzz-programs.txt');
  if (programs.length === 0) return [{ group: 'fuzz', name: 'targets', seconds: 0, failure: 'No libFuzzer target was built.' }];
  const crashes = join(LOGS, 'crash');
  mkdirSync(crashes, { recursive: true });
  say(`${programs.length} fuzz targets for ${seconds} s each, ${JOBS} at a time`);
  return each(programs, async (program): Promise<Case> => {
    const name = basename(program);
    const log = join(LOGS, `native-${name}.log`);
    const corpus = join(CORPUS, name);
    mkdirSync(corpus, { recursive: true });
    const seeds = [join(ROOT, 'test/native/fuzz/corpus', name), join(ROOT, 'test/contract/golden')].filter(existsSync);
    const limits = [`-max_total_time=${seconds}`, `-timeout=${Math.round(WAIT_MS / 1000)}`, `-rss_limit_mb=${MEMORY_MIB}`];
    const ending = await run(
      [program, corpus, ...seeds, ...limits, '-print_final_stats=1', '-verbosity=0', `-artifact_prefix=${crashes}/${name}-`],
      { cwd: ROOT, log },
    );
    const said = readFileSync(log, 'utf8');
    const units = /number_of_executed_units: +(\d+)/.exec(said)?.[1];
    if (ending.trouble === undefined && units !== undefined) {
      say(`${name}: ${units} inputs`);
      return { group: 'fuzz', name, seconds: ending.seconds };
    }
    const failure = `The target ended with ${ending.trouble ?? 'exit code 0, and tried no input'}. The input that it failed with is kept as .cache/test/crash/${name}-*.`;
    return { group: 'fuzz', name, seconds: ending.seconds, failure, output: lastLines(said, 60) };
  });
}
