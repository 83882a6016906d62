import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a test file imports that starts a Kafka broker, a server of ClickHouse's or a virtual machine, or measures: such files run one at a time. */
const HEAVY = /from '[^']*\/support\/(kafka\/broker|clickhouse\/(server|debian-server))\.js'|from '[^']*\/fault\/faults\.js'/;

/** Files that compare times of several processes, or wait for many of them: one at a time, too. */
const TIMED: readonly string[] = [
  'test/e2e/cli.test.ts',
  'test/e2e/conntrack-overrun.test.ts',
  'test/e2e/drain.test.ts',
  'test/e2e/console-security.test.ts',
];

export interface EndToEndFiles {
  /** Any of them run beside each other: ports, folders and namespaces are their own. */
  readonly light: readonly string[];
  readonly heavy: readonly string[];
}

/** The end-to-end tests, by what they start. Paths are relative to `root`. */
export function endToEndFiles(root: string): EndToEndFiles {
  const folders = ['test/e2e', 'test/browser', 'test/conformance', 'test/attack'];
  const files = folders
    .flatMap((folder) => readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/${name}`))
    .filter((file) => file.endsWith('.test.ts'))
    .sort();
  const isHeavy = (file: string): boolean => TIMED.includes(file) || HEAVY.test(readFileSync(join(root, file), 'utf8'));
  return { light: files.filter((file) => !isHeavy(file)), heavy: files.filter(isHeavy) };
}
