// Generates src/wire/generated/vslog.{js,d.ts} from proto/vslog/v1 with protobufjs-cli. Does nothing when they are newer than every input.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformSync } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const protoDir = join(root, 'proto/vslog/v1');
const outDir = join(root, 'src/wire/generated');
const protos = readdirSync(protoDir)
  .filter((name) => name.endsWith('.proto'))
  .sort()
  .map((name) => join(protoDir, name));
const js = join(outDir, 'vslog.js');
const dts = join(outDir, 'vslog.d.ts');

const cliPackage = createRequire(import.meta.url).resolve('protobufjs-cli/package.json');
const inputs = [...protos, fileURLToPath(import.meta.url), cliPackage];
const newest = Math.max(...inputs.map((path) => statSync(path).mtimeMs));
if ([js, dts].every((path) => existsSync(path) && statSync(path).mtimeMs > newest)) process.exit(0);

/** Runs one of the package's tools; its output is the person's to read when it fails. */
function run(tool, args) {
  const result = spawnSync(process.execPath, [join(dirname(cliPackage), 'bin', tool), ...args], { cwd: root, encoding: 'utf8' });
  if (result.status === 0) return;
  process.stderr.write(result.stderr || result.stdout || String(result.error));
  process.stderr.write(`\n${tool} could not generate code from proto/vslog/v1.\n`);
  process.exit(1);
}

mkdirSync(outDir, { recursive: true });
// Written beside their final names first, so that nobody imports half a file.
const jsTemp = join(outDir, `vslog.${process.pid}.tmp.js`);
const dtsTemp = join(outDir, `vslog.${process.pid}.tmp.d.ts`);
run('pbjs', [
  ...['--target', 'static-module', '--wrap', 'es6', '--es6', '--dependency', 'protobufjs/minimal.js', '--force-long', '--keep-case'],
  ...['--no-service', '--no-verify', '--no-typeurl', '--path', join(root, 'proto'), '--out', jsTemp, ...protos],
]);
run('pbts', ['--out', dtsTemp, jsTemp]);
// Comments are two thirds of it and only pbts reads them: every command that talks to the capture would have to.
writeFileSync(jsTemp, `// @ts-nocheck\n${transformSync(readFileSync(jsTemp, 'utf8'), { minifyWhitespace: true, lineLimit: 160 }).code}`);
renameSync(dtsTemp, dts);
renameSync(jsTemp, js);
