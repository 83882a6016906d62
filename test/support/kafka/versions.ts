import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DOWNLOADS } from '../downloads.js';

const LINES = readFileSync(join(import.meta.dirname, 'versions.txt'), 'utf8').split('\n');

/** What the tests run of Apache Kafka: a broker of the newest release, one of the last 3.x, and the tools. */
export type KafkaPart = 'newest' | 'last3' | 'tools';

/** The version of a part, and the folder that scripts/fetch-kafka.sh puts its jars in. */
export function kafkaPart(part: KafkaPart): { readonly version: string; readonly libs: string } {
  const [, artifact, version] = LINES.map((line) => line.split(' ')).find(([name]) => name === part) ?? [];
  if (artifact === undefined || version === undefined) throw new Error(`test/support/kafka/versions.txt has no line "${part}".`);
  return { version, libs: join(DOWNLOADS, 'kafka', `${artifact}-${version}`) };
}

/** Whether this is `npm run test:long`. */
const LONG = (process.env.VSLOG_TEST_LONG ?? '') !== '';

/** The brokers that errors and faults are tried on: both in `npm run test:long`, the newest in `npm test`, which has delivery to both. */
export const BROKERS: readonly ('newest' | 'last3')[] = LONG ? ['newest', 'last3'] : ['newest'];
