import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadAssets } from '../../../src/console/assets.js';
import { withDirectory } from '../support/temporary.js';

it('the page is the files that the build leaves, by the path that asks for them', () =>
  withDirectory(async (dir) => {
    for (const name of ['index.html', 'main.js', 'style.css', 'icon.svg', 'main.js.map', 'secret.txt', 'noend'])
      writeFileSync(join(dir, name), `the bytes of ${name}`);
    mkdirSync(join(dir, 'folder'));
    const assets = loadAssets(dir);
    expect([...assets].map(([path, { type }]) => [path, type]).sort()).toEqual([
      ['/', 'text/html; charset=utf-8'],
      ['/icon.svg', 'image/svg+xml'],
      ['/main.js', 'text/javascript; charset=utf-8'],
      ['/style.css', 'text/css; charset=utf-8'],
    ]);
    expect(assets.get('/main.js')?.bytes.toString()).toBe('the bytes of main.js');
  }));

it('what changed has another tag, and what did not has the same', () =>
  withDirectory(async (dir) => {
    const tagOf = (text: string): string | undefined => {
      writeFileSync(join(dir, 'main.js'), text);
      return loadAssets(dir).get('/main.js')?.etag;
    };
    const [first, other, again] = [tagOf('1'), tagOf('2'), tagOf('1')];
    expect(first).toMatch(/^"[0-9a-f]{32}"$/);
    expect(other).not.toBe(first);
    expect(again).toBe(first);
  }));

it('there is none when the page was not built', () => {
  expect(loadAssets('/nowhere/page').size).toBe(0);
});
