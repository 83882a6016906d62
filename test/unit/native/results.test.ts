import { expect, it } from 'vitest';
import { junitCases } from '../../gate/read.js';
import { junit } from '../../native/run/results.js';

it('a report in JUnit is read again as it was written', () => {
  const xml = junit('asan', [
    { group: 'Frame', name: 'Whole', seconds: 0.25 },
    { group: 'Frame', name: 'Cut', seconds: 1, failure: 'a.cc:1\nExpected: 1 < "2" & 3\u0001', output: '</system-out> ]]>' },
  ]);
  expect(xml).toContain('tests="2" failures="1"');
  expect(junitCases('native', 'native-asan', xml)).toMatchObject([
    { name: 'native-asan › Frame.Whole', seconds: 0.25, outcome: 'passed' },
    {
      name: 'native-asan › Frame.Cut',
      seconds: 1,
      outcome: 'failed',
      message: 'a.cc:1\nExpected: 1 < "2" & 3\ufffd',
      logs: '</system-out> ]]>',
    },
  ]);
});

it('of a text that is too long the beginning and the end are kept', () => {
  const xml = junit('asan', [{ group: 'A', name: 'b', seconds: 0, failure: `begin${'x'.repeat(20_000)}end` }]);
  const message = junitCases('native', 'asan', xml)[0]?.message ?? '';
  expect(message.length).toBeLessThan(8100);
  expect(message).toMatch(/^begin[\s\S]*characters[\s\S]*end$/);
});
