import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { junitCases, readVitest, readVm } from '../../gate/read.js';
import { withDirectory } from '../support/temporary.js';

const read = async <T>(reader: (path: string) => T, document: unknown): Promise<T> =>
  withDirectory(async (directory) => {
    const path = join(directory, 'report.json');
    writeFileSync(path, JSON.stringify(document));
    return reader(path);
  });

describe("vitest's report", () => {
  const file = (more: object): object => ({ name: '/root/test/a.test.ts', status: 'passed', message: '', assertionResults: [], ...more });
  const test = (more: object): object => ({ fullName: 'a b', status: 'passed', duration: 1500, failureMessages: [], meta: {}, ...more });

  it('tells each test with its seconds, its failure and its logs', async () => {
    const assertionResults = [test({}), test({ fullName: 'c', status: 'failed', failureMessages: ['expected 1'], meta: { logs: 'said' } })];
    const tests = await read((path) => readVitest('unit', path, '/root'), { testResults: [file({ status: 'failed', assertionResults })] });
    expect(tests).toEqual([
      { stage: 'unit', name: 'test/a.test.ts › a b', seconds: 1.5, outcome: 'passed', message: undefined, logs: undefined },
      { stage: 'unit', name: 'test/a.test.ts › c', seconds: 1.5, outcome: 'failed', message: 'expected 1', logs: 'said' },
    ]);
  });

  it('counts a file that could not be loaded as a failure', async () => {
    const tests = await read((path) => readVitest('unit', path, '/root'), {
      testResults: [file({ status: 'failed', message: 'no such module' })],
    });
    expect(tests).toMatchObject([{ name: 'test/a.test.ts', outcome: 'failed', message: 'no such module' }]);
  });

  it.each(['skipped', 'todo', 'pending'])('tells a test that is %s as left out', async (status) => {
    const tests = await read((path) => readVitest('unit', path, '/root'), {
      testResults: [file({ assertionResults: [test({ status })] })],
    });
    expect(tests).toMatchObject([{ outcome: 'skipped' }]);
  });
});

it.each([
  ['cut off', '[{"name": "masq", '],
  ['of another kind', '{"tests": 3}'],
])('a report that is %s is told by its path', (_what, text) =>
  withDirectory(async (directory) => {
    const path = join(directory, 'report.json');
    writeFileSync(path, text);
    const sentence = `${path} is no whole report: `;
    expect(() => readVm('vm', path)).toThrow(sentence);
    expect(() => readVitest('unit', path, '/root')).toThrow(sentence);
  }),
);

describe('a JUnit file', () => {
  it('is read as GoogleTest writes it', () => {
    const xml = `<testsuites><testsuite name="Frame">
      <testcase name="Whole" status="run" result="completed" time="0.25" classname="Frame" />
      <testcase name="Cut" status="run" time="0." classname="Frame">
        <failure message="a.cc:1&#x0A;Expected: 1 &lt; 2" type=""><![CDATA[a.cc:1
Expected: 1 < 2]]></failure>
      </testcase>
      <testcase name="Off" status="notrun" result="suppressed" time="0." classname="Frame" />
    </testsuite></testsuites>`;
    expect(junitCases('native', 'frame', xml)).toMatchObject([
      { name: 'frame › Frame.Whole', seconds: 0.25, outcome: 'passed' },
      { name: 'frame › Frame.Cut', outcome: 'failed', message: 'a.cc:1\nExpected: 1 < 2' },
      { name: 'frame › Frame.Off', outcome: 'skipped' },
    ]);
  });

  it('is read as ctest writes it', () => {
    const xml = `<testsuite name="x"><testcase name="Frame.Cut" classname="Frame.Cut" time="1.5" status="fail">
      <failure message="Failed"/><system-out>a.cc:1 &amp; more</system-out></testcase></testsuite>`;
    expect(junitCases('native', 'asan', xml)).toMatchObject([
      { name: 'asan › Frame.Cut', seconds: 1.5, outcome: 'failed', message: 'Failed', logs: 'a.cc:1 & more' },
    ]);
  });
});

it("the virtual machines' results tell a second try with what the first one failed with", async () => {
  const scenario = { name: 'udp', kernel: '6.1', seconds: 3 };
  const found = [scenario, { ...scenario, failure: 'no end' }, { ...scenario, flaky: 'first: no end' }];
  expect(await read((path) => readVm('vm', path), found)).toMatchObject([
    { name: 'udp on 6.1', outcome: 'passed' },
    { outcome: 'failed', message: 'no end' },
    { outcome: 'flaky', message: 'first: no end' },
  ]);
});
