import { lstatSync, rmSync, writeFileSync } from 'node:fs';
import { fileMode } from '../access/readers.js';
import { sentenceOf } from '../wire/errors.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';

/** The place has no room, or broke: nothing that another command line mends. */
const NO_ROOM = new Set(['ENOSPC', 'EDQUOT', 'EFBIG', 'EIO']);

/** Writes an answer to the file that a person named. Throws Failure, a sentence; then no part of it is left, where the file was not there before. */
export function writeOutputFile(path: string, text: string | Uint8Array): void {
  const isNew = lstatSync(path, { throwIfNoEntry: false }) === undefined;
  try {
    writeFileSync(path, text, { mode: fileMode() });
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    const cut = NO_ROOM.has(code);
    if (cut && isNew) rmSync(path, { force: true });
    const left = cut && !isNew ? ` What is in ${path} now is not whole.` : '';
    throw new Failure(cut ? Exit.failure : Exit.usage, `The answer cannot be written: ${sentenceOf(error)}${left}`);
  }
}
