import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FREE, heldOf, isRead, waitsIn } from './waits.js';

/** What may hold them, below test/. */
const EXCEPT: Readonly<Record<string, string>> = {
  'support/patience.ts': 'the patience of every test in TypeScript',
  'native/patience.h': 'the patience of every test in C++',
  'vm/guest/wait.h': 'how the program waits that acts in virtual machines',
  'unit/rules/waits.test.ts': 'samples of what the rule refuses',
  'unit/rules/waits-in-typescript.test.ts': 'samples of what the rule refuses',
  'unit/rules/waits-in-text.test.ts': 'samples of what the rule refuses',
};

/** All that is directly in test/: folders, and nothing else. */
const FOLDERS = readdirSync('test');

/** Of a folder below test/, without those above. */
const filesOf = (folder: string): string[] =>
  readdirSync(`test/${folder}`, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && isRead(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).replace(/^test\//, ''))
    .filter((path) => EXCEPT[path] === undefined);

describe('no test is decided by time', () => {
  it.each(heldOf(FOLDERS))('in test/%s', (folder) => {
    const found = filesOf(folder).flatMap((path) =>
      waitsIn(path, readFileSync(`test/${path}`, 'utf8')).map(({ line, what }) => `test/${path}:${line}: ${what}`),
    );
    expect(found).toEqual([]);
  });

  it('in any folder that is not named, also in a new one', () => {
    expect(heldOf(['unit', 'bench', 'a-new-one', 'scenarios'])).toEqual(['unit', 'a-new-one', 'scenarios']);
    for (const folder of Object.keys(FREE)) expect(FOLDERS).toContain(folder);
    expect(heldOf(FOLDERS).flatMap(filesOf).length).toBeGreaterThan(300);
  });

  it('in every language that tests are written in', () => {
    for (const name of ['x.ts', 'x.tsx', 'x.mjs', 'x.cc', 'x.h', 'x.sh', 'x.py', 'x.go', 'x.toml', 'init'])
      expect(isRead(name), name).toBe(true);
    for (const name of ['x.md', 'x.json', 'x.txt', 'go.sum', 'x.bin']) expect(isRead(name), name).toBe(false);
  });

  it('but by the helpers, which are there', () => {
    for (const path of Object.keys(EXCEPT)) expect(waitsIn(path, readFileSync(`test/${path}`, 'utf8')), path).not.toEqual([]);
  });
});

/** Lines that the rule finds. */
const linesOf = (path: string, text: string): number[] => waitsIn(path, text).map(({ line }) => line);

describe('a mark', () => {
  it('allows the wait in its line, and in the next one', () => {
    expect(linesOf('unit/x.ts', 'await sleep(1); // time: the kernel takes so long, whatever we do')).toEqual([]);
    expect(linesOf('unit/x.ts', '// time: the kernel takes so long, whatever we do\nawait sleep(1);')).toEqual([]);
    expect(linesOf('native/x.cc', 'usleep(1);  // time: the kernel takes so long, whatever we do')).toEqual([]);
    expect(linesOf('vm/guest/init', 'sleep 1 # time: the kernel takes so long, whatever we do')).toEqual([]);
    expect(linesOf('unit/x.ts', '// time: the kernel takes so long, whatever we do\n\nawait sleep(1);')).toEqual([1, 3]);
  });

  it('needs a reason, and something to allow', () => {
    expect(waitsIn('unit/x.ts', 'await sleep(1); // time: ok')).toEqual([{ line: 1, what: 'the mark needs a reason, in a few words' }]);
    expect(waitsIn('unit/x.ts', 'look(); // time: the kernel takes so long')).toEqual([
      { line: 1, what: 'this mark allows nothing: remove it' },
    ]);
  });
});
