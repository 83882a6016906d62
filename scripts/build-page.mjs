// Bundles web/ into dist/page: one script, one style sheet, no other host.
import { cp, mkdir, rm } from 'node:fs/promises';
import { build } from 'esbuild';

const out = 'dist/page';
await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
await build({
  entryPoints: ['web/main.tsx'],
  outdir: out,
  bundle: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  sourcemap: false,
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'eof',
  logLevel: 'warning',
});
for (const name of ['index.html', 'icon.svg']) await cp(`web/${name}`, `${out}/${name}`);
