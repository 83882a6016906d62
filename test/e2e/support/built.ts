import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/**
 * Builds what has changed before the first end-to-end test of a run: the tests start dist/main.js and build/native/vslog-capture, as users do, and an old one would pass or
 * fail for code that is gone. Takes a moment when nothing has changed.
 */
export default function build(): void {
  const { status, error } = spawnSync('bash', [join(import.meta.dirname, '../../../scripts/build.sh')], { stdio: 'inherit' });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error('What the end-to-end tests start could not be built, see above.');
}
