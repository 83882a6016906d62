import { chmodSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { PlaceError } from '../../../src/access/errors.js';
import { folderAt, makeFolder, makeRuntimeFolder, ownFolderAt } from '../../../src/access/place.js';
import { admitReaders } from '../../../src/access/readers.js';
import { withDirectory } from '../support/temporary.js';

const modeOf = (path: string): number => statSync(path).mode & 0o7777;
const before = process.umask();

afterEach(() => {
  admitReaders(undefined);
  process.umask(before);
});

/** Of another user: test/attack/files.test.ts. */
describe.each([0o000, 0o022, 0o077])('under umask %o', (mask) => {
  it('makes folders for who may read', () =>
    withDirectory(async (dir) => {
      process.umask(mask);
      makeFolder(join(dir, 'a/b'));
      expect([modeOf(join(dir, 'a')), modeOf(join(dir, 'a/b'))]).toEqual([0o700, 0o700]);
      admitReaders(process.getegid?.());
      process.umask(mask);
      makeFolder(join(dir, 'c/d'));
      expect([modeOf(join(dir, 'c')), modeOf(join(dir, 'c/d'))]).toEqual([0o750, 0o750]);
    }));

  it('makes folders for sockets', () =>
    withDirectory(async (dir) => {
      process.umask(mask);
      makeRuntimeFolder(join(dir, 'closed'), false, false);
      makeRuntimeFolder(join(dir, 'run/passable'), true, false);
      expect(['closed', 'run', 'run/passable'].map((name) => modeOf(join(dir, name)))).toEqual([0o700, 0o711, 0o711]);
    }));
});

it('takes rights away from a folder for sockets that is ours by its name, and from no other', () =>
  withDirectory(async (dir) => {
    for (const name of ['old', 'other']) {
      mkdirSync(join(dir, name));
      chmodSync(join(dir, name), 0o755);
    }
    makeRuntimeFolder(join(dir, 'old'), false, true);
    makeRuntimeFolder(join(dir, 'other'), false, false);
    expect([modeOf(join(dir, 'old')), modeOf(join(dir, 'other'))]).toEqual([0o711, 0o755]);
  }));

it('refuses what others may change', () =>
  withDirectory(async (dir) => {
    const open = join(dir, 'open');
    mkdirSync(open);
    chmodSync(open, 0o777);
    expect(() => ownFolderAt(open)).toThrow(
      new PlaceError(`Everybody may write to the folder ${open}: look what is in it, then "chmod 700 ${open}", or choose another place.`),
    );
    mkdirSync(join(open, 'below'));
    expect(() => folderAt(join(open, 'below'))).toThrow(/and so replace .*chmod o-w/);
    chmodSync(open, 0o1777);
    expect(ownFolderAt(join(open, 'below'))?.path).toBe(join(open, 'below'));
    writeFileSync(join(dir, 'file'), '');
    expect(() => makeFolder(join(dir, 'file'))).toThrow(/is no folder/);
  }));

it('follows links of ours, and comes to an end', () =>
  withDirectory(async (dir) => {
    mkdirSync(join(dir, 'target/in'), { recursive: true });
    symlinkSync('target', join(dir, 'link'));
    symlinkSync(join(dir, 'link', '..', 'target'), join(dir, 'far'));
    expect(folderAt(join(dir, 'link/in'))?.path).toBe(join(dir, 'target/in'));
    expect(folderAt(join(dir, 'far/in'))?.path).toBe(join(dir, 'target/in'));
    expect(folderAt(join(dir, 'link/none'))).toBeUndefined();
    symlinkSync('loop', join(dir, 'loop'));
    expect(() => folderAt(join(dir, 'loop'))).toThrow(/too many links/);
  }));
