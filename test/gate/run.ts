import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ended, runCommand } from './process.js';
import type { StageResult, TestResult } from './results.js';
import { countedIn, type Stage } from './stages.js';

export interface Surroundings {
  readonly root: string;
  /** Folder of logs and reports. */
  readonly logs: string;
  readonly env: NodeJS.ProcessEnv;
  readonly say: (line: string) => void;
}

/** Runs one stage to its end. Never rejects: a problem is one of its results. */
export async function runStage(stage: Stage, surroundings: Surroundings): Promise<StageResult> {
  const began = performance.now();
  const log = join(surroundings.logs, `${stage.name}.log`);
  const told = await attempted(stage, surroundings, log).catch((error: unknown) => judged(stage, [], 1, log, [sentence(error)]));
  return { ...told, seconds: (performance.now() - began) / 1000, log };
}

const sentence = (error: unknown): string => (error instanceof Error ? error.message : String(error));

async function attempted(stage: Stage, { root, logs, env, say }: Surroundings, log: string): Promise<Omit<StageResult, 'seconds' | 'log'>> {
  mkdirSync(logs, { recursive: true });
  rmSync(log, { force: true });
  stage.forget?.(logs);
  const problems: string[] = [];
  const commands: TestResult[] = [];
  let status = 0;
  for (const command of stage.commands) {
    if (ended()) {
      problems.push('the run was ended before all of it was done');
      break;
    }
    const start = performance.now();
    const said: string[] = [];
    const nice = stage.nice === undefined ? [] : ['nice', '-n', String(stage.nice)];
    const code = await runCommand([...nice, ...command], {
      cwd: root,
      env,
      log,
      say: (line) => {
        said.push(line);
        say(`${stage.name.padEnd(6)} | ${line}`);
      },
    }).catch((error: unknown) => {
      said.push(sentence(error));
      return 1;
    });
    status ||= code;
    commands.push({
      stage: stage.name,
      name: command.join(' ').replace('node_modules/.bin/', ''),
      seconds: (performance.now() - start) / 1000,
      outcome: code === 0 ? 'passed' : 'failed',
      message: code === 0 ? undefined : said.slice(-40).join('\n'),
    });
  }
  let tests = commands;
  if (stage.read !== undefined) {
    try {
      tests = stage.read(logs, root);
    } catch (error) {
      tests = [];
      problems.push(`${sentence(error)}; its last lines: ${lastLines(log, 15)}`);
    }
  }
  return judged(stage, tests, status, log, problems);
}

/** Counts a stage's tests, and finds what speaks against it although its tests do not. */
export function judged(
  stage: Pick<Stage, 'name' | 'counts'>,
  tests: readonly TestResult[],
  status: number,
  log: string,
  found: readonly string[] = [],
): Omit<StageResult, 'seconds' | 'log'> {
  const problems = [...found];
  let passed = tests.filter(({ outcome }) => outcome === 'passed' || outcome === 'flaky').length;
  let failed = tests.filter(({ outcome }) => outcome === 'failed' || outcome === 'skipped').length;
  const skipped = tests.filter(({ outcome }) => outcome === 'skipped').length;
  if (skipped > 0) problems.push(`${skipped} tests were skipped: a test that cannot run must fail and say why`);
  if (stage.counts === true) {
    const counted = existsSync(log) ? countedIn(log) : undefined;
    if (counted === undefined)
      problems.push(`it ended with status ${status} and without its line of results; its last lines: ${lastLines(log, 15)}`);
    else {
      if (counted.failed > failed)
        problems.push(`${counted.failed - failed} failures are told by its output only; its last lines: ${lastLines(log, 30)}`);
      passed = Math.max(counted.passed, passed);
      failed = Math.max(counted.failed, failed);
    }
  }
  if (passed + failed === 0 && problems.length === 0) problems.push('it ran no test');
  if (status !== 0 && failed === 0 && problems.length === 0) problems.push(`it ended with status ${status} although no test failed`);
  // A problem is counted as a failure unless the tests' own failures say the same.
  if (problems.length > 0 && failed === 0) failed = problems.length;
  return { name: stage.name, passed, failed, problems, tests };
}

function lastLines(log: string, count: number): string {
  try {
    return `\n${readFileSync(log, 'utf8').trimEnd().split('\n').slice(-count).join('\n')}`;
  } catch {
    return 'none';
  }
}
