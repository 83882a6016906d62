import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

/** What makes files and folders, or changes who may use them. */
const MAKES =
  /\b(mkdir|mkdtemp|writeFile|appendFile|chmod|chown|copyFile|cp)(Sync)?\(|\bcreateWriteStream\(|\bopen(Sync)?\([^)]*, '(w|a|ax|wx|a\+|w\+)'/g;

/** Where that is not done by src/access, and which mode it gets. */
const EXCEPT: Readonly<Record<string, string>> = {
  'src/api/listen.ts': 'a socket: socketMode()',
  'src/cli/console.ts': 'a person’s own: 0600',
  'src/cli/sql-history.ts': 'a person’s own: 0600',
  'src/cli/output-file.ts': 'what a person saves: fileMode()',
  'src/clickhouse-http/body.ts': 'a body on its way: 0600',
  'src/drain/memory.ts': 'synchronous: fileMode()',
  'src/sink/file/close.ts': 'takes rights away only',
  'src/store/embedded/collect.mjs': 'an answer on its way: 0600',
};

/** Of node:fs, not of a thing that is open. */
function found(path: string): string[] {
  const text = readFileSync(path, 'utf8');
  if (!/from 'node:fs(\/promises)?'/.test(text)) return [];
  return [...text.matchAll(MAKES)].filter(({ index }) => text[index - 1] !== '.').map(([call]) => `${path}: ${call}`);
}

const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(ts|mjs)$/.test(name) && !name.startsWith('wire/generated'))
  .map((name) => join('src', name));

it('lets src/access say who may read what is made', () => {
  expect(files.filter((path) => !path.startsWith('src/access/') && EXCEPT[path] === undefined).flatMap(found)).toEqual([]);
});

it('has exceptions only where there is something', () => {
  expect(Object.keys(EXCEPT).filter((path) => found(path).length === 0)).toEqual([]);
});
