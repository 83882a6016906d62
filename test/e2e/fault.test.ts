import { expect, it } from 'vitest';
import { anySeed, runFaults } from '../fault/faults.js';

const ROUNDS = 6;

// The long form: npm run test:fault.
it('loses nothing and keeps nothing twice, whatever of it is killed or frozen', async () => {
  const seed = anySeed();
  const said: string[] = [];
  const figures = await runFaults({ rounds: ROUNDS, rate: 1000, seed }, (line) => said.push(line)).catch((error: unknown) => {
    throw new Error(`Seed ${seed}: ${said.join('\n')}`, { cause: error });
  });
  expect(figures, `seed ${seed}`).toMatchObject({ lost: 0, duplicated: 0, complete: true });
  expect(figures.made).toBeGreaterThan(1000);
  expect(Object.keys({ ...figures.killed, ...figures.frozen }).sort()).toEqual(['broker', 'capture', 'collector', 'server']);
  const events = Object.entries(figures.sinks).map(([name, sink]) => [name, sink.events]);
  expect(events.sort()).toEqual(['clickhouse', 'embedded', 'file', 'kafka'].map((name) => [name, figures.made]));
});
