import { describe, expect, it } from 'vitest';
import { sentence } from '../../../src/cli/failure.js';
import { folderSentence } from '../../../src/sink/file/failure.js';
import { systemReason, systemSentence } from '../../../src/text/system-error.js';
import { sentenceOf } from '../../../src/wire/errors.js';

const failing = (code: string, path?: string): Error =>
  Object.assign(new Error(`${code}: as the system says it, open '${path ?? ''}'`), { code, ...(path === undefined ? {} : { path }) });

describe('an error of the system', () => {
  it.each([
    ['EROFS', 'the file system is read-only'],
    ['ENOSPC', 'the disk is full'],
    ['EDQUOT', "the user's disk quota is used up"],
    ['EMFILE', 'this process has as many files open as it may have'],
    ['ENAMETOOLONG', 'the path is too long'],
    ['ELOOP', 'the path leads in a circle of links'],
    ['EACCES', 'permission denied'],
  ])('%s is called the same wherever it happens', (code, words) => {
    const error = failing(code, '/srv/vslog');
    expect(systemReason(error)).toBe(words);
    // Of the command line, of what a collector says in status, and of the file sink.
    for (const text of [sentence(error), sentenceOf(error), systemSentence(error)])
      expect(text).toMatch(new RegExp(`^/srv/vslog: ${words}\\. [A-Z].*\\.$`));
    expect(folderSentence('/srv/files', failing('EROFS'))).toBe(
      'file.dir /srv/files cannot be used: the file system is read-only; name another folder.',
    );
  });

  it('is left as it is where it is none of these', () => {
    expect(systemSentence(new Error('Something else.'))).toBeUndefined();
    expect(sentenceOf(new Error('Something else.'))).toBe('Something else.');
    expect(systemReason('no error')).toBeUndefined();
  });
});
