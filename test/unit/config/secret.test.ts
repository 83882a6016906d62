import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readNamedFile, readSecret, readSecretFile } from '../../../src/config/secret.js';
import { withDirectory } from '../support/temporary.js';

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
