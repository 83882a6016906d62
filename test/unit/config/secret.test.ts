import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { admitReaders } from '../../../src/access/readers.js';
import { readNamedFile, readSecret, readSecretFile } from '../../../src/config/secret.js';
import { withDirectory } from '../support/temporary.js';

const before = process.umask();
afterEach(() => {
  admitReaders(undefined);
  process.umask(before);
});

it('lets a group read one that is our own, or that of the readers', () =>
  withDirectory(async (dir) => {
    const path = join(dir, 'token');
    writeFileSync(path, 'a secret\n');
    const other = 45_000;
    chmodSync(path, 0o640);
    expect(readSecret('metrics.token_file', path)).toBe('a secret');
    if (process.geteuid?.() !== 0) return;
    chownSync(path, 0, other);
    expect(() => readSecret('metrics.token_file', path)).toThrow(
      `metrics.token_file names ${path}, which group ${other} may read, which is neither our own nor collector.read_group: "chmod 600 ${path}".`,
    );
    expect(readSecretFile('--token-file', path, 'client').toString()).toBe('a secret\n');
    admitReaders(other);
    expect(readSecret('metrics.token_file', path)).toBe('a secret');
  }));

it('keeps from the readers what lets change something', () =>
  withDirectory(async (dir) => {
    const path = join(dir, 'tokens');
    writeFileSync(path, 'a secret\n');
    chmodSync(path, 0o640);
    admitReaders(process.getegid?.());
    expect(readSecretFile('console.token_file', path, 'read').toString()).toBe('a secret\n');
    expect(() => readSecretFile('console.token_file', path, 'operate')).toThrow(
      `console.token_file names ${path}, which the members of collector.read_group may read, who may not change anything: "chmod 600 ${path}".`,
    );
    chmodSync(path, 0o644);
    expect(() => readSecretFile('console.token_file', path, 'operate')).toThrow(`everybody on this machine may read: "chmod 600 ${path}".`);
  }));

it('refuses a secret that others may read or change, and says the chmod', () =>
  withDirectory(async (dir) => {
    const path = join(dir, 'token');
    writeFileSync(path, 'a secret\nmore\n');
    for (const [mode, sentence] of [
      [0o644, `metrics.token_file names ${path}, which everybody on this machine may read: "chmod 640 ${path}".`],
      [0o604, `metrics.token_file names ${path}, which everybody on this machine may read: "chmod 600 ${path}".`],
      [0o660, `metrics.token_file names ${path}, which others than its owner may change: "chmod 640 ${path}".`],
      [0o602, `metrics.token_file names ${path}, which others than its owner may change: "chmod 600 ${path}".`],
    ] as const) {
      chmodSync(path, mode);
      expect(() => readSecret('metrics.token_file', path)).toThrow(sentence);
      expect(() => readSecretFile('kafka.key_file', path)).toThrow(/^kafka\.key_file names/);
      expect(readNamedFile('kafka.ca_file', path).toString()).toContain('a secret'); // no secret
    }
    for (const mode of [0o600, 0o640, 0o440, 0o400]) {
      chmodSync(path, mode);
      expect(readSecret('metrics.token_file', path)).toBe('a secret');
    }
  }));

it('says why it cannot read one', () =>
  withDirectory(async (dir) => {
    expect(readSecret('metrics.token_file', '')).toBeUndefined();
    expect(() => readSecret('metrics.token_file', join(dir, 'none'))).toThrow('there is no such file');
    writeFileSync(join(dir, 'empty'), '\n', { mode: 0o600 });
    expect(() => readSecret('metrics.token_file', join(dir, 'empty'))).toThrow('whose first line is empty');
  }));
