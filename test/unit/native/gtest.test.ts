import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { runPrograms } from '../../native/run/gtest.js';
import type { Case } from '../../native/run/results.js';
import { withDirectory } from '../support/temporary.js';

/** Runs programs, which are given as scripts by name, as those of a build. */
const running = (programs: Readonly<Record<string, string>>): Promise<Case[]> =>
  withDirectory(async (directory) => {
    const folder = join(directory, 'test');
    mkdirSync(folder);
    const paths = Object.entries(programs).map(([name, script]) => {
      const path = join(folder, name);
      writeFileSync(path, `#!/bin/sh\n${script}\n`);
      chmodSync(path, 0o755);
      return path;
    });
    writeFileSync(join(folder, 'test-programs.txt'), paths.map((path) => `${path}\n`).join(''));
    return runPrograms(directory, 'tree', directory);
  });

/** Shell that tells one test, as test/native/main.cc does. */
const tells = (name: string, outcome: string): string =>
  `printf 'plan\\t${name}\\nrun\\t${name}\\nend\\t${name}\\t%s\\t0\\n' ${outcome} > "$VSLOG_TEST_REPORT"`;

afterEach(() => void vi.unstubAllEnvs());

describe('the test programs of a build', () => {
  it('are all run', async () => {
    expect(await running({ 'a-tests': tells('A.one', 'passed'), 'b-tests': tells('B.two', 'passed') })).toEqual([
      { group: 'A', name: 'one', seconds: 0 },
      { group: 'B', name: 'two', seconds: 0 },
    ]);
  });

  it('fail when there are none', async () => {
    expect(await running({})).toEqual([{ group: 'tree', name: 'programs', seconds: 0, failure: 'No test program was built.' }]);
  });

  it.each(['GTEST_FILTER', 'GTEST_TOTAL_SHARDS', 'GTEST_ALSO_RUN_DISABLED_TESTS', 'TESTBRIDGE_TEST_ONLY'])(
    'know nothing of %s, which chooses among tests',
    async (name) => {
      vi.stubEnv(name, '1');
      const cases = await running({ 'a-tests': tells('A.one', `"$(test -z "\${${name}+set}" && echo passed || echo failed)"`) });
      expect(cases).toEqual([{ group: 'A', name: 'one', seconds: 0 }]);
    },
  );
});
