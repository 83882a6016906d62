import { chmodSync, chownSync, existsSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { prepareReaderToken, readerTokenFile, readReaderToken } from '../../../src/access/reader-token.js';
import { admitReaders } from '../../../src/access/readers.js';
import { withDirectory } from '../support/temporary.js';

const before = process.umask();
afterEach(() => {
  admitReaders(undefined);
  process.umask(before);
});

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

describe('the reading token', () => {
  it('is made once, of 32 random bytes, for us alone', () =>
    withDirectory(async (dir) => {
      process.umask(0);
      const { path, token, made } = prepareReaderToken(dir);
      expect([path, made, modeOf(path)]).toEqual([readerTokenFile(dir), 'first', '600']);
      expect(token).toMatch(/^[\w-]{43}$/);
      expect(readFileSync(path, 'utf8')).toBe(`${token}\n`);
      expect(prepareReaderToken(dir)).toEqual({ path, token, made: 'found' });
      expect(readdirSync(dir)).toEqual(['reader.token']);
      rmSync(path);
      expect(prepareReaderToken(dir).token).not.toBe(token);
    }));

  it('is for the readers where there are some', () =>
    withDirectory(async (dir) => {
      admitReaders(process.getegid?.());
      const { path, token } = prepareReaderToken(dir);
      expect(modeOf(path)).toBe('640');
      expect(prepareReaderToken(dir)).toMatchObject({ token, made: 'found' });
    }));

  it('is given to readers that there are from now on', () =>
    withDirectory(async (dir) => {
      const { path, token } = prepareReaderToken(dir);
      admitReaders(process.getegid?.());
      expect(prepareReaderToken(dir)).toMatchObject({ token, made: 'found' });
      expect(modeOf(path)).toBe('640');
    }));

  it.each([0o644, 0o604, 0o660, 0o602, 0o640])('is another one where somebody could read or write it who may not: %o', (mode) =>
    withDirectory(async (dir) => {
      const { path, token } = prepareReaderToken(dir);
      chmodSync(path, mode);
      const again = prepareReaderToken(dir);
      expect(again.made).toBe('again');
      expect(again.token).not.toBe(token);
      expect([readReaderToken(path), modeOf(path)]).toEqual([again.token, '600']);
    }),
  );

  it('may be one that somebody wrote there', () =>
    withDirectory(async (dir) => {
      const own = 'a-token-of-our-own-with-32-letters';
      writeFileSync(readerTokenFile(dir), `  ${own}\n`, { mode: 0o600 });
      expect(prepareReaderToken(dir)).toMatchObject({ token: own, made: 'found' });
    }));

  it.each(['', '\n', 'too-short-to-be-one', 'two words that are together long enough', 'x'.repeat(2000), `${'tökens'.repeat(10)}`])(
    'is not %j, and that is told without it',
    (text) =>
      withDirectory(async (dir) => {
        const path = readerTokenFile(dir);
        writeFileSync(path, text, { mode: 0o600 });
        expect(() => prepareReaderToken(dir)).toThrow(/^\S+ (holds no token, which is one line|is too long for a token)/);
        expect(() => readReaderToken(path)).toThrow(/remove it, and the next start makes another\.$/);
      }),
  );

  it('is no link, and no folder', () =>
    withDirectory(async (dir) => {
      const path = readerTokenFile(dir);
      symlinkSync('/etc/hostname', path);
      expect(() => prepareReaderToken(dir)).toThrow(`${path} is a link: remove it`);
    }));

  it('is ours', () =>
    withDirectory(async (dir) => {
      const { path } = prepareReaderToken(dir);
      chownSync(path, 45_000, 0);
      expect(() => prepareReaderToken(dir)).toThrow(`${path} belongs to user 45000, and not to us`);
    }));

  it('is made beside what a crash left of its making', () =>
    withDirectory(async (dir) => {
      writeFileSync(`${readerTokenFile(dir)}.new`, 'half', { mode: 0o644 });
      const { path } = prepareReaderToken(dir);
      expect(modeOf(path)).toBe('600');
      expect(existsSync(`${path}.new`)).toBe(false);
    }));

  it('is told to be missing to a client', () =>
    withDirectory(async (dir) => {
      expect(() => readReaderToken(readerTokenFile(dir))).toThrow(/^There is no token in .*: start the collector, which makes it/);
    }));
});
