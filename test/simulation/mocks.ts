import { vi } from 'vitest';

/*
 * Imported before anything of production: from then on that works on the disk in memory, by the simulated clock, with the simulated capture. Locks are left out, since of one
 * process after the other none lives beside the next.
 */

vi.mock('node:fs/promises', async (original) => (await import('./files.js')).promisedFiles(await original()));
vi.mock('node:fs', async (original) => (await import('./files.js')).filesAtOnce(await original()));
vi.mock('node:timers/promises', async (original) => {
  const { promisedTimeout } = await import('./clock.js');
  return { ...(await original<object>()), setTimeout: promisedTimeout };
});
vi.mock('../../src/spool/lock.js', () => ({ lockDirectory: async () => ({ close: async () => undefined }) }));
vi.mock('../../src/wire/client.js', async (original) => ({
  ...(await original<object>()),
  CaptureClient: (await import('./capture.js')).SimulatedClient,
}));
