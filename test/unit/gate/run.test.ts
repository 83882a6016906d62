import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCommand } from '../../gate/process.js';
import type { StageResult, TestResult } from '../../gate/results.js';
import { judged, runStage } from '../../gate/run.js';
import type { Stage } from '../../gate/stages.js';
import { until } from '../../support/patience.js';
import { withDirectory } from '../support/temporary.js';

const passed: TestResult = { stage: 's', name: 'a', seconds: 1, outcome: 'passed' };

function ran(stage: Omit<Stage, 'name' | 'what'>): Promise<{ result: StageResult; said: string[]; log: string }> {
  return withDirectory(async (directory) => {
    const logs = join(directory, 'logs');
    mkdirSync(logs);
    const said: string[] = [];
    const surroundings = { root: directory, logs, env: process.env, say: (line: string) => void said.push(line) };
    const result = await runStage({ name: 's', what: '', ...stage }, surroundings);
    return { result, said, log: readFileSync(result.log, 'utf8') };
  });
}

describe('a stage of commands', () => {
  it('goes on behind one that fails, and tells what it said', async () => {
    const { result, said, log } = await ran({
      commands: [
        ['sh', '-c', 'echo wrong; exit 3'],
        ['sh', '-c', 'echo right >&2'],
      ],
    });
    expect(result).toMatchObject({ passed: 1, failed: 1, problems: [] });
    expect(result.tests[0]).toMatchObject({ outcome: 'failed', message: 'wrong' });
    expect(said).toEqual(['s      | wrong', 's      | right']);
    expect(log).toBe('wrong\nright\n');
  });

  it('fails for a program that is not there', async () => {
    const { result } = await ran({ commands: [['/does/not/exist']] });
    expect(result).toMatchObject({ passed: 0, failed: 1 });
    expect(result.tests[0]?.message).toContain('/does/not/exist');
  });
});

describe('a stage whose place is no good', () => {
  it('goes on, and says so, where its output cannot be written', () =>
    withDirectory(async (logs) => {
      symlinkSync('/dev/full', join(logs, 'linked.log'));
      const said: string[] = [];
      const told = runCommand(['echo', 'hello'], {
        cwd: logs,
        env: process.env,
        log: join(logs, 'linked.log'),
        say: (line) => void said.push(line),
      });
      expect(await told).toBe(0);
      expect(said).toEqual(['hello', expect.stringMatching(/^the rest of this is not in .*ENOSPC/)]);
    }));

  it('fails with a sentence where its log cannot be made', () =>
    withDirectory(async (directory) => {
      const logs = join(directory, 'file');
      writeFileSync(logs, '');
      const said: string[] = [];
      const surroundings = { root: directory, logs, env: process.env, say: (line: string) => void said.push(line) };
      const result = await runStage({ name: 's', what: '', commands: [['true']] }, surroundings);
      expect(result).toMatchObject({ passed: 0, failed: 1, problems: [expect.stringMatching(/^(EEXIST|ENOTDIR)/)] });
    }));
});

it('nothing that a command started outlives it', () =>
  withDirectory(async (directory) => {
    const command = ['sh', '-c', 'tail -f /dev/null & echo $!'];
    const said: string[] = [];
    const say = (line: string): void => void said.push(line);
    expect(await runCommand(command, { cwd: directory, env: process.env, log: join(directory, 'log'), say })).toBe(0);
    const left = Number(said[0]);
    expect(left).toBeGreaterThan(1);
    await until('its end', () => !existsSync(`/proc/${left}/cmdline`) || readFileSync(`/proc/${left}/cmdline`, 'utf8') === '');
  }));

describe('a stage with a report', () => {
  it('fails when the program wrote none, with its last lines', async () => {
    const { result } = await ran({
      commands: [['sh', '-c', 'echo out of memory; exit 137']],
      read: () => {
        throw new Error('no report');
      },
    });
    expect(result).toMatchObject({
      passed: 0,
      failed: 1,
      problems: [expect.stringMatching(/^no report; its last lines: \nout of memory$/)],
    });
  });

  it("does not take an earlier run's report for its own", async () => {
    const forgotten: string[] = [];
    await ran({ commands: [['true']], forget: (logs) => void forgotten.push(logs), read: () => [passed] });
    expect(forgotten).toHaveLength(1);
  });
});

describe('a stage fails although no test did', () => {
  const withLog = (text: string, judge: (log: string) => void): Promise<void> =>
    withDirectory(async (directory) => {
      const log = join(directory, 'log');
      writeFileSync(log, text);
      judge(log);
    });

  it('when it ran none', () =>
    withLog('', (log) => expect(judged({ name: 's' }, [], 0, log)).toMatchObject({ failed: 1, problems: ['it ran no test'] })));
  it('when a test was skipped', () =>
    withLog('', (log) =>
      expect(judged({ name: 's' }, [passed, { ...passed, outcome: 'skipped' }], 0, log)).toMatchObject({ passed: 1, failed: 1 }),
    ));
  it('when its program ended badly', () =>
    withLog('', (log) => expect(judged({ name: 's' }, [passed], 134, log)).toMatchObject({ passed: 1, failed: 1 })));
  it('when its line of results is missing', () =>
    withLog('crashed\n', (log) =>
      expect(judged({ name: 's', counts: true }, [passed], 0, log)).toMatchObject({
        failed: 1,
        problems: [expect.stringContaining('crashed')],
      }),
    ));
  it('when its line of results counts failures that no file tells', () =>
    withLog('clang-tidy complains\n3 passed, 2 failed\n', (log) => {
      const result = judged({ name: 's', counts: true }, [passed], 1, log);
      expect(result).toMatchObject({ passed: 3, failed: 2, problems: [expect.stringContaining('clang-tidy complains')] });
    }));
  it('but not when all is well', () =>
    withLog('3 passed, 0 failed\n', (log) =>
      expect(judged({ name: 's', counts: true }, [passed], 0, log)).toMatchObject({ passed: 3, failed: 0, problems: [] }),
    ));
});
