import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { exitCodeOf, sentence } from '../../../src/cli/failure.js';
import { writeOutputFile } from '../../../src/cli/output-file.js';
import { withDirectory } from '../support/temporary.js';

function refusal(path: string): [number, string] {
  try {
    writeOutputFile(path, 'an answer\n');
  } catch (error) {
    return [exitCodeOf(error), sentence(error)];
  }
  throw new Error(`${path} was written`);
}

it('writes an answer', () =>
  withDirectory(async (dir) => {
    const path = join(dir, 'answer.csv');
    writeOutputFile(path, 'an answer\n');
    expect(readFileSync(path, 'utf8')).toBe('an answer\n');
  }));

it('says that there is no room, and that what is there is not whole', () => {
  expect(refusal('/dev/full')).toEqual([1, expect.stringMatching(/disk is full.* What is in \/dev\/full now is not whole\.$/s)]);
});

it('leaves nothing where it cannot write, and says why', () =>
  withDirectory(async (dir) => {
    const path = join(dir, 'nowhere', 'answer.csv');
    expect(refusal(path)).toEqual([2, expect.stringMatching(/^The answer cannot be written: .*answer\.csv/)]);
    expect(existsSync(path)).toBe(false);
  }));
