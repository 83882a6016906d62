import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

interface Entry {
  readonly version?: string;
  readonly integrity?: string;
  readonly link?: boolean;
}

/**
 * The engine for platforms that are not tested here: the hashes were not to be learnt from a registry. `npm run setup` refuses to install on these. Nothing is to be added.
 */
const UNKNOWN = ['lib-darwin-arm64', 'lib-darwin-x64', 'lib-linux-arm64-gnu'].map((name) => `node_modules/@chdb/${name} 26.7.3-stable.1`);

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Readonly<Record<string, Entry>> };
const bare = Object.entries(packages).filter(
  ([path, { integrity, link }]) => path !== '' && link !== true && !/^sha512-.{88}$/.test(integrity ?? ''),
);

it('has a hash for every package of the lock file', () => {
  expect(bare.map(([path, { version }]) => `${path} ${version}`).filter((one) => !UNKNOWN.includes(one))).toEqual([]);
});

it('would install nothing without a hash on this platform', () => {
  expect(execFileSync('node', ['scripts/lock-integrity.mjs', '--check'], { encoding: 'utf8' })).toBe('');
});
