import { existsSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { TEST_MS } from '../../support/patience.js';
import { programsOf } from './build.js';
import { each, run } from './command.js';
import { LOGS, ROOT } from './place.js';
import { casesOf, readReport } from './report.js';
import type { Case } from './results.js';

/**
 * Runs every test program of a build, each in one process from its first test to its last: a process a test takes twice as long. A test that does not end
 * within the longest time of a test is ended, with its program.
 */
export async function runPrograms(folder: string, tree: string): Promise<Case[]> {
  const programs = programsOf(folder, 'test-programs.txt');
  const cases = await each(programs, async (program) => {
    const name = basename(program);
    const log = join(LOGS, `native-${tree}-${name}.log`);
    const report = join(LOGS, `native-${tree}-${name}.report`);
    rmSync(report, { force: true });
    const { trouble } = await run([program], {
      cwd: ROOT,
      log,
      env: { VSLOG_TEST_REPORT: report, ...sanitizerOptions() },
      progress: { file: report, ms: TEST_MS },
    });
    return casesOf(name, readReport(existsSync(report) ? readFileSync(report, 'utf8') : ''), trouble, readFileSync(log, 'utf8'));
  });
  return cases.flat();
}

/** A program that is ended for making no progress says where it stood. */
function sanitizerOptions(): NodeJS.ProcessEnv {
  const options = (name: string): string => ['handle_abort=1', process.env[name] ?? ''].filter((part) => part !== '').join(':');
  return { ASAN_OPTIONS: options('ASAN_OPTIONS'), TSAN_OPTIONS: options('TSAN_OPTIONS') };
}
