import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { playOnEngine } from './engine.js';
import { readScenario, readScenarios, type Scenario } from './scenario.js';

const FOLDER = join(import.meta.dirname, '../scenarios');
const scenarios = readScenarios(FOLDER);

test('there are scenarios for the engine', () => {
  expect(scenarios.filter(({ only }) => only !== 'kernel').length).toBeGreaterThan(50);
});

describe('the embedded balancer tells the story that the kernel tells', () => {
  test.each(scenarios.filter((scenario) => scenario.only !== 'kernel').map((scenario) => [scenario.name, scenario] as const))(
    '%s',
    async (_, scenario) => {
      expect((await playOnEngine(scenario)) ?? 'the same story').toBe('the same story');
    },
  );
});

describe('another story is noticed', () => {
  const told = (change: Partial<Scenario>): Promise<string | undefined> =>
    playOnEngine({ ...readScenario(join(FOLDER, 'tcp-refused.toml')), ...change });

  test('a line that does not come', async () => {
    const { expect: lines = [] } = readScenario(join(FOLDER, 'tcp-refused.toml'));
    expect(await told({ expect: [...lines, 'expire #2'] })).toContain('- expire #2');
  });

  test('a line that nobody expects', async () => {
    expect(await told({ expect: [] })).toContain('+ create #1 tcp c1:4001 > vip:80 > rs1:80 masq by=scheduler');
  });

  test('another timer', async () => {
    const { expect: lines = [] } = readScenario(join(FOLDER, 'tcp-refused.toml'));
    expect(await told({ expect: lines.map((line) => line.replace('timeout=10s', 'timeout=11s')) })).toContain('timeout=10s');
  });

  test('a connection that has not ended', async () => {
    const steps = readScenario(join(FOLDER, 'udp-timeout.toml')).steps.slice(0, 1);
    const scenario = { ...readScenario(join(FOLDER, 'udp-timeout.toml')), steps, timeouts: undefined, expect: undefined };
    expect(await playOnEngine({ ...scenario, totals: { create: 1 } })).toContain('1 begins, 0 ends');
  });

  test('a step that should have failed', async () => {
    const { steps } = readScenario(join(FOLDER, 'udp-timeout.toml'));
    const failing = steps.map((step) => (step.do === 'send' ? { ...step, fails: true } : step));
    expect(await playOnEngine({ ...readScenario(join(FOLDER, 'udp-timeout.toml')), steps: failing })).toContain('should have failed');
  });

  test('a step that fails by a mistake of its own', async () => {
    const steps = [{ do: 'send', on: 'nobody', fails: true } as const];
    expect(await told({ steps })).toContain('nothing is open as nobody');
  });

  test('silence where a refusal must come, and a refusal where there must be silence', async () => {
    const { steps } = readScenario(join(FOLDER, 'tcp-refused.toml'));
    const silent = { do: 'unanswered', protocol: 'tcp', from: 'c1:4001', to: 'vip:80' } as const;
    expect(await told({ steps: [silent] })).toContain('connection refused');
    expect(await told({ steps, direct_replies: true })).toContain('no answer');
  });
});

test('the README says of every scenario which rule it is for', () => {
  const readme = readFileSync(join(FOLDER, 'README.md'), 'utf8');
  const named = [...readme.matchAll(/[a-z][a-z0-9-]*(\\\*)?/g)].map(([name]) => name);
  const missing = scenarios.filter(
    ({ name }) => !named.some((word) => (word.endsWith('\\*') ? name.startsWith(word.slice(0, -2)) : word === name)),
  );
  expect(missing.map(({ name }) => name)).toEqual([]);
});
