import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

/** Folders of code that have no folder of unit tests, and why. */
const EXCEPT: Readonly<Record<string, string>> = {
  src: 'main.ts runs the command line, and nothing else',
  'src/wire/generated': 'made from proto/ by the build; test/contract holds its bytes',
  'web/pages': 'a page is looked at in a browser: test/browser',
};

/** Folders of tests that mirror none, and why. */
const OWN: Readonly<Record<string, string>> = {
  '': 'the root',
  gate: 'the gate, which is in test/gate',
  native: 'what runs the native tests, which is in test/native/run',
  rules: 'rules that hold for the tree itself',
  simulation: 'histories of the whole collector, whose world is in test/simulation',
  vm: 'what plays scenarios in virtual machines, which is in test/vm',
  support: 'what tests share, and its own tests',
};

/** A folder and all below, without the root's own name; '' is the root. */
function folders(root: string, below = ''): string[] {
  const inside = readdirSync(join(root, below), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [below, ...inside.flatMap(({ name }) => folders(root, join(below, name)))];
}

const has = (folder: string, file: RegExp): boolean => existsSync(folder) && readdirSync(folder).some((name) => file.test(name));
const CODE = /\.(ts|tsx|mjs)$/;
/** Where the unit tests of a folder of code are. */
const testsOf = (folder: string): string => join('test/unit', folder.replace(/^src\/?/, ''));

const code = ['src', 'web'].flatMap((root) => folders(root).map((below) => join(root, below))).filter((folder) => has(folder, CODE));

describe('test/unit mirrors the code', () => {
  it.each(code.filter((folder) => EXCEPT[folder] === undefined))('%s has tests', (folder) => {
    expect(has(testsOf(folder), /\.test\.ts$/), `${testsOf(folder)} has no test`).toBe(true);
  });

  it('has exceptions only where there is code and no test', () => {
    for (const folder of Object.keys(EXCEPT)) {
      expect(code).toContain(folder);
      expect(folder !== 'src' && has(testsOf(folder), /\.test\.ts$/), folder).toBe(false);
    }
  });

  it.each(folders('test/unit').filter((folder) => OWN[folder] === undefined))('test/unit/%s is of a folder of code', (folder) => {
    expect(code.map(testsOf)).toContain(join('test/unit', folder));
  });
});
