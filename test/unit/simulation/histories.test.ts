import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { accountOf, faultsOf } from '../../simulation/account.js';
import { anyHistory, type History, Player, type Step } from '../../simulation/steps.js';

vi.mock('node:fs/promises', async (original) => (await import('../../simulation/files.js')).promisedFiles(await original()));
vi.mock('node:fs', async (original) => (await import('../../simulation/files.js')).filesAtOnce(await original()));
vi.mock('node:timers/promises', async (original) => {
  const { promisedTimeout } = await import('../../simulation/clock.js');
  return { ...(await original<object>()), setTimeout: promisedTimeout };
});
vi.mock('../../../src/spool/lock.js', () => ({ lockDirectory: async () => ({ close: async () => undefined }) }));
vi.mock('../../../src/wire/client.js', async (original) => ({
  ...(await original<object>()),
  CaptureClient: (await import('../../simulation/capture.js')).SimulatedClient,
}));

async function played(history: History): Promise<string[]> {
  if (process.env.TRACE) (await vi.importActual<typeof import('node:fs')>('node:fs')).writeFileSync(process.env.TRACE, JSON.stringify(history));
  const player = new Player(history);
  return player.world.run(async () => {
    await player.play(history.steps);
    await player.heal();
    return faultsOf(await accountOf(player.world), player.isTouched, player.isExact);
  });
}

const RUNS = Number(process.env.RUNS ?? 200);
const KINDS: Record<string, Step['do'][]> = {
  'sinks that are away': ['events', 'pass', 'start', 'stop', 'away', 'back', 'answer'],
  kills: ['events', 'pass', 'start', 'stop', 'away', 'back', 'answer', 'die'],
  'sinks off and on': ['events', 'pass', 'start', 'stop', 'away', 'back', 'die', 'off', 'on'],
  'full disks': ['events', 'pass', 'start', 'stop', 'away', 'back', 'die', 'room', 'eio'],
  captures: ['events', 'pass', 'start', 'stop', 'die', 'capture'],
  clocks: ['events', 'pass', 'start', 'stop', 'die', 'clock', 'away', 'back'],
  copies: ['events', 'pass', 'start', 'stop', 'die', 'copy', 'restore', 'away', 'back'],
  hands: ['events', 'pass', 'start', 'stop', 'die', 'damage', 'remove', 'away', 'back'],
};

describe('histories', () => {
  it.each(Object.keys(KINDS))('%s', async (name) => {
    await fc.assert(
      fc.asyncProperty(anyHistory(KINDS[name] ?? []), async (history) => {
        expect(await played(history)).toEqual([]);
      }),
      { numRuns: RUNS, endOnFailure: false },
    );
  });
});
