import { chmodSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { closeDataFolder } from '../../../src/access/data-folder.js';
import { admitReaders } from '../../../src/access/readers.js';
import { withDirectory } from '../support/temporary.js';

const before = process.umask();

afterEach(() => {
  admitReaders(undefined);
  process.umask(before);
});

const modesOf = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => `${name} ${(statSync(join(dir, name)).mode & 0o7777).toString(8)}`);

/** As an earlier version left it. */
function earlier(data: string, mask: number): void {
  process.umask(mask);
  mkdirSync(join(data, 'spool/quarantine'), { recursive: true });
  mkdirSync(join(data, 'store/data'), { recursive: true });
  for (const name of ['spool/lock', 'spool/000000000001.conn.pb', 'store/data/part']) writeFileSync(join(data, name), '');
  chmodSync(join(data, 'store/data/part'), 0o440);
}

const close = (data: string): readonly string[] => closeDataFolder(data, [join(data, 'spool'), join(data, 'store')]);

it('mends what an earlier version left open, once, and says so', () =>
  withDirectory(async (dir) => {
    const data = join(dir, 'data');
    earlier(data, 0o022);
    expect(close(data)).toEqual([`${data}: 8 files and folders could be read by others than those who may read the log; that was mended.`]);
    expect(modesOf(dir)).toEqual([
      ...[
        'data 700',
        'data/spool 700',
        'data/spool/000000000001.conn.pb 600',
        'data/spool/lock 600',
        'data/spool/quarantine 700',
        'data/store 700',
      ],
      ...['data/store/data 700', 'data/store/data/part 400'],
    ]);
    expect(close(data)).toEqual([]);
  }));

it('warns of what others could write', () =>
  withDirectory(async (dir) => {
    earlier(join(dir, 'data'), 0);
    expect(close(join(dir, 'data'))).toEqual([expect.stringContaining('7 of them could be written, too')]);
  }));

it('lets a group read', () =>
  withDirectory(async (dir) => {
    const data = join(dir, 'data');
    earlier(data, 0o077);
    admitReaders(process.getegid?.());
    expect(close(data)).toEqual([`${data}: 7 files and folders can be read by the members of collector.read_group from now on.`]);
    expect(modesOf(join(data, 'spool'))).toEqual(['000000000001.conn.pb 640', 'lock 640', 'quarantine 750']);
    expect(close(data)).toEqual([]);
  }));

it('leaves alone what is not its own', () =>
  withDirectory(async (dir) => {
    earlier(dir, 0o022);
    writeFileSync(join(dir, 'else'), '');
    writeFileSync(join(dir, 'target'), '');
    symlinkSync(join(dir, 'target'), join(dir, 'spool/link'));
    chmodSync(dir, 0o755);
    expect(close(dir)).toEqual([expect.stringContaining('7 files and folders')]);
    expect(['', 'else', 'target', 'spool'].map((name) => statSync(join(dir, name)).mode & 0o777)).toEqual([0o755, 0o644, 0o644, 0o700]);
    chmodSync(dir, 0o777);
    expect(() => close(dir)).toThrow(/Everybody may write to the folder/);
  }));

it('makes it where it is missing', () =>
  withDirectory(async (dir) => {
    expect(close(join(dir, 'a/data'))).toEqual([]);
    expect(modesOf(dir)).toEqual(['a 700', 'a/data 700']);
  }));
