import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { playOnEngine } from './engine.js';
import { readScenarios } from './scenario.js';

const scenarios = readScenarios(join(import.meta.dirname, '../scenarios')).filter((scenario) => scenario.only !== 'kernel');

describe('the embedded balancer tells the story that the kernel tells', () => {
  test.each(scenarios.map((scenario) => [scenario.name, scenario] as const))('%s', async (_, scenario) => {
    expect((await playOnEngine(scenario)) ?? 'the same story').toBe('the same story');
  });
});
