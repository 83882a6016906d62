import { expect, it } from 'vitest';
import { anySeed, runFaults } from '../fault/faults.js';

/** Each fault comes once. */
const ROUNDS = 9;

// The long form: npm run test:fault.
it('loses nothing and keeps nothing twice, whatever goes wrong', async () => {
  const seed = anySeed();
  const said: string[] = [];
  const figures = await runFaults({ rounds: ROUNDS, rate: 1000, seed }, (line) => said.push(line)).catch((error: unknown) => {
    throw new Error(`Seed ${seed}: ${said.join('\n')}`, { cause: error });
  });
  const all = `Seed ${seed}: ${said.join('\n')}\n${JSON.stringify(figures)}`;
  expect(figures, all).toMatchObject({ lost: 0, duplicated: 0, told: [], complete: true });
  expect(figures.made).toBeGreaterThan(1000);
  const faults = ['broker', 'capture', 'clock', 'collector', 'full disk', 'older copy', 'power cut', 'server', 'sink off and on'];
  expect(figures.struck).toEqual(Object.fromEntries(faults.map((name) => [name, 1])));
  for (const [name, count] of Object.entries(figures.sinks)) expect(count, name).toEqual({ events: figures.made, distinct: figures.made });
});
