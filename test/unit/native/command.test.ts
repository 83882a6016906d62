import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { each, JOBS, run } from '../../native/run/command.js';
import { words } from '../../native/run/tidy.js';
import { until } from '../../support/patience.js';
import { withDirectory } from '../support/temporary.js';

describe('a command', () => {
  it.each([
    [['sh', '-c', 'echo out; echo err >&2'], undefined, 'out\nerr\n'],
    [['sh', '-c', 'exit 3'], 'exit code 3', ''],
    [['sh', '-c', 'kill -SEGV $$'], 'signal SIGSEGV', ''],
  ])('%j ends as it does', (command, trouble, said) =>
    withDirectory(async (directory) => {
      const log = join(directory, 'log');
      expect(await run(command, { cwd: directory, log })).toMatchObject({ trouble });
      expect(readFileSync(log, 'utf8')).toBe(said);
    }),
  );

  it('that makes no progress is ended with all that it started', () =>
    withDirectory(async (directory) => {
      const [progress, started] = [join(directory, 'progress'), join(directory, 'started')];
      writeFileSync(progress, '');
      // It makes progress until it has started another one.
      const feeding = setInterval(() => void (existsSync(started) || appendFileSync(progress, '.')), 20);
      // time: it stays until it is ended, however long that takes
      const ending = await run(['sh', '-c', 'sleep 100000 & echo $! > pid; mv pid started; wait'], {
        cwd: directory,
        log: join(directory, 'log'),
        progress: { file: progress, ms: 1 },
      });
      clearInterval(feeding);
      expect(ending.trouble).toMatch(/^made no progress for/);
      const other = readFileSync(started, 'utf8').trim();
      await until('the other one ends', () => !existsSync(`/proc/${other}`) || / Z /.test(readFileSync(`/proc/${other}/stat`, 'utf8')));
    }));

  it('that is not there is told', () =>
    withDirectory(async (directory) => {
      await expect(run(['/does/not/exist'], { cwd: directory, log: join(directory, 'log') })).rejects.toThrow('/does/not/exist');
    }));
});

it('of many only so many run at once, and results keep their order', async () => {
  let now = 0;
  let most = 0;
  const results = await each([1, 2, 3, 4, 5, 6, 7, 8, 9], async (item) => {
    most = Math.max(most, ++now);
    await new Promise((resolve) => setImmediate(resolve));
    now--;
    return item * 2;
  });
  expect(results).toEqual([2, 4, 6, 8, 10, 12, 14, 16, 18]);
  expect(most).toBeLessThanOrEqual(JOBS);
});

it("a compiler's command is taken apart as a shell does it", () => {
  expect(words(`c++ -DA=\\"0.1\\" '-DB=a b' "-DC=\\"x\\"" -I/a\\ b  -c x.cc`)).toEqual([
    'c++',
    '-DA="0.1"',
    '-DB=a b',
    '-DC="x"',
    '-I/a b',
    '-c',
    'x.cc',
  ]);
});
