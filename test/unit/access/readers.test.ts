import { chmodSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { findGroup } from '../../../src/access/group.js';
import { admitReaders, fileMode, folderMode, openToWrite, socketMode } from '../../../src/access/readers.js';
import { withDirectory } from '../support/temporary.js';

const before = process.umask();

afterEach(() => {
  admitReaders(undefined);
  process.umask(before);
});

it.each([0o000, 0o022, 0o077])('opens files for who may read, under umask %o', (mask) =>
  withDirectory(async (dir) => {
    process.umask(mask);
    for (const flags of ['w', 'a', 'a+'] as const) {
      await (await openToWrite(join(dir, flags), flags)).close();
      expect(statSync(join(dir, flags)).mode & 0o777).toBe(0o600);
    }
  }),
);

it('is the umask of what libraries make', () => {
  admitReaders(undefined);
  expect([process.umask(), fileMode(), folderMode(), socketMode()]).toEqual([0o077, 0o600, 0o700, 0o600]);
  admitReaders(process.getegid?.());
  expect([process.umask(), fileMode(), folderMode(), socketMode()]).toEqual([0o027, 0o640, 0o750, 0o660]);
});

it('keeps the mode of a file that is there: who starts mends it', () =>
  withDirectory(async (dir) => {
    await (await openToWrite(join(dir, 'a'), 'w')).close();
    chmodSync(join(dir, 'a'), 0o640);
    await (await openToWrite(join(dir, 'a'), 'a')).close();
    expect(statSync(join(dir, 'a')).mode & 0o777).toBe(0o640);
  }));

it('finds groups by name and number', () => {
  expect(findGroup('root')).toBe(0);
  expect(findGroup('42')).toBe(42);
  expect(findGroup('no-such-group')).toBeUndefined();
  expect(findGroup('.*')).toBeUndefined();
});
