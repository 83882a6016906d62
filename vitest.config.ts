import { defineConfig } from 'vitest/config';
import { PATIENCE_VARIABLE, patienceFactor, TEST_MS } from './test/support/patience.js';

// Every process of this run waits as long.
process.env[PATIENCE_VARIABLE] = String(patienceFactor());

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'test/contract/**/*.test.ts'],
          testTimeout: TEST_MS,
          hookTimeout: TEST_MS,
        },
      },
      // End-to-end tests start real processes: the capture, the collector, the ClickHouse engine.
      {
        test: {
          name: 'e2e',
          globalSetup: ['test/e2e/support/built.ts'],
          include: ['test/e2e/**/*.test.ts', 'test/browser/**/*.test.ts', 'test/fault/**/*.test.ts', 'test/conformance/**/*.test.ts'],
          testTimeout: TEST_MS,
          hookTimeout: TEST_MS,
          fileParallelism: false,
        },
      },
    ],
  },
});
