import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until as shared } from '../../support/patience.js';

/** Runs `action` with a directory of its own, which is removed afterwards. */
export async function withDirectory<T>(action: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'vslog-test-'));
  try {
    return await action(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The shared wait in an older order of arguments; the time is not used. For end-to-end tests that still call it so. */
export async function until(condition: () => boolean | Promise<boolean>, what: string, _ms?: number): Promise<void> {
  await shared(what, condition);
}
