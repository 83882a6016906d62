import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { endToEndFiles } from './test/gate/files.js';
import { memoryFolder } from './test/support/memory-folder.js';
import { PATIENCE_VARIABLE, patienceFactor, TEST_MS } from './test/support/patience.js';

// Every process of this run waits as long.
process.env[PATIENCE_VARIABLE] = String(patienceFactor());

const { light, heavy } = endToEndFiles(import.meta.dirname);
const times = { testTimeout: TEST_MS, hookTimeout: TEST_MS };
const endToEnd = { ...times, globalSetup: ['test/e2e/support/built.ts'], setupFiles: ['test/support/process-logs-setup.ts'] };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...times,
          name: 'unit',
          // Its own choice leaves a processor free.
          maxWorkers: availableParallelism(),
          include: ['test/unit/**/*.test.ts', 'test/contract/**/*.test.ts'],
          env: { TMPDIR: memoryFolder() },
        },
      },
      // End-to-end tests start real processes: the capture, the collector, the ClickHouse engine. They wait most of the time, so more run than there are processors.
      { test: { ...endToEnd, name: 'e2e', include: [...light], maxWorkers: 2, sequence: { groupOrder: 1 } } },
      { test: { ...endToEnd, name: 'heavy', include: [...heavy], maxWorkers: 1, sequence: { groupOrder: 2 } } },
      // What only `npm run test:long` runs.
      { test: { ...endToEnd, name: 'long', include: ['test/long/**/*.test.ts'], maxWorkers: 1, sequence: { groupOrder: 3 } } },
    ],
  },
});
