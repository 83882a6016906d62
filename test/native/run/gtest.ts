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
 * within the longest time of a test is ended, with its program. A build without test programs is a case that failed. `logs`: folder of what the programs print and tell.
 */
export async function runPrograms(folder: string, tree: string, logs = LOGS): Promise<Case[]> {
  const programs = programsOf(folder, 'test-programs.txt');
  if (programs.length === 0) return [{ group: tree, name: 'programs', seconds: 0, failure: 'No test program was built.' }];
  const cases = await each(programs, async (program) => {
    const name = basename(program);
    const log = join(logs, `native-${tree}-${name}.log`);
    const report = join(logs, `native-${tree}-${name}.report`);
    rmSync(report, { force: true });
    const { trouble } = await run([program], {
      cwd: ROOT,
      log,
      env: { ...withoutChoice(), VSLOG_TEST_REPORT: report, ...sanitizerOptions() },
      progress: { file: report, ms: TEST_MS },
    });
    return casesOf(name, readReport(existsSync(report) ? readFileSync(report, 'utf8') : ''), trouble, readFileSync(log, 'utf8'));
  });
  return cases.flat();
}

/** Unsets what would have GoogleTest choose among the tests, shuffle or repeat them. */
function withoutChoice(): NodeJS.ProcessEnv {
  const names = Object.keys(process.env).filter((name) => /^(?:GTEST|TESTBRIDGE)_/.test(name));
  return Object.fromEntries(names.map((name) => [name, undefined]));
}

/** A program that is ended for making no progress says where it stood. */
function sanitizerOptions(): NodeJS.ProcessEnv {
  const options = (name: string): string => ['handle_abort=1', process.env[name] ?? ''].filter((part) => part !== '').join(':');
  return { ASAN_OPTIONS: options('ASAN_OPTIONS'), TSAN_OPTIONS: options('TSAN_OPTIONS') };
}
