import { createHash } from 'node:crypto';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { build } from 'esbuild';

const ROOT = join(import.meta.dirname, '../..');
/** Within the checkout, where packages are found from. */
const PROGRAMS = join(ROOT, '.cache/test/programs');

/**
 * Makes JavaScript of a program of the tests, and returns its path. What it imports from src/ it gets from dist/. Node starts that at once, where compiling everything by tsx
 * takes the better part of a second each time.
 */
export async function program(path: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [path],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    plugins: [
      {
        name: 'src from dist',
        setup: ({ onResolve }) =>
          onResolve({ filter: /\/src\// }, (asked) => ({
            path: resolve(asked.resolveDir, asked.path).replace(join(ROOT, 'src'), join(ROOT, 'dist')),
            external: true,
          })),
      },
    ],
  });
  const text = outputFiles[0]?.text ?? '';
  const made = join(PROGRAMS, `${basename(path, '.ts')}-${createHash('sha256').update(text).digest('hex').slice(0, 16)}.mjs`);
  mkdirSync(PROGRAMS, { recursive: true });
  // Another process may make the same one, or start it.
  writeFileSync(`${made}.${process.pid}`, text);
  renameSync(`${made}.${process.pid}`, made);
  return made;
}
